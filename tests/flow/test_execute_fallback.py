"""A provider's failure is not the user's: what happens before the first content."""

import pytest

from tests.support.fake_dialect import FakeDialect
from tests.support.fake_transport import FOREVER, Answer, Refusal
from tests.support.play import FakeUpstream, Played, plan, play, step
from turnout.errors import Broken, Code, TimedOut, TurnoutError, Unavailable
from turnout.types.policy import Timeouts

STREAM = (b"role\nsay hi\n", b"usage 10 3\nstop\nend\n")
WHOLE = (b"whole hi ", b"10 3")
QUICK = Timeouts(connect=1, first_token=2, idle=3, total=4)

BAD_STARTS = {
    "500": (Answer(b"oh no", status=500), "unavailable"),
    "529": (Answer(status=529), "rate_limited"),
    "429": (Answer(status=429), "rate_limited"),
    "429 with Retry-After": (Answer(status=429, headers={"retry-after": "9"}), "rate_limited"),
    "401": (Answer(status=401), "misconfigured"),
    "302": (Answer(status=302), "misconfigured"),
    "context overflow": (Answer(b"too long", status=400), "context_overflow"),
    "content filter": (Answer(b"filtered", status=400), "content_filter"),
    "refused": (Refusal(Unavailable("refused")), "unavailable"),
    "no connection": (Refusal(TimedOut("connect"), after=1), "timeout"),
    "stall before headers": (Answer(after=FOREVER), "timeout"),
    "reset before the body": (Answer(Unavailable("reset")), "unavailable"),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", BAD_STARTS)
def test_a_failed_first_attempt_is_saved_by_the_fallback(kind: str, *, stream: bool) -> None:
    """Whatever goes wrong before the first content, the client gets the fallback's answer and nothing else."""
    bad, fault = BAD_STARTS[kind]
    both = plan(step("a", timeouts=QUICK, reason="cheapest"), step("b"))
    played = play(bad, Answer(*(STREAM if stream else WHOLE)), plan=both, stream=stream)

    assert played.called == ["a", "b"]
    assert played.sink.text == b"".join(STREAM if stream else WHOLE)
    assert played.faults == [fault, None]
    assert (played.execution.outcome, played.execution.model, played.execution.reason) == ("ok", "b", "fallback")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ((b"role\n", FOREVER), "timeout"),
        ((b"role\n",), "broken"),
        ((b"role\n", Broken("cut")), "broken"),
        ((b"role\n", b"error\n"), "broken"),
        ((b"<html>sorry</html>",), "broken"),
    ],
    ids=["stall", "ended early", "cut", "error in a 200", "not a stream"],
)
def test_a_prelude_never_reaches_the_client_when_its_answer_fails(body: tuple[bytes], fault: str) -> None:
    """The prelude is held back, so that a failure after it is as good as one before it."""
    both = plan(step("a", timeouts=QUICK), step("b"))
    played = play(Answer(*body), Answer(b"say b\nend\n"), plan=both)

    assert played.sink.text == b"say b\nend\n"
    assert played.faults == [fault, None]
    assert played.transport.answers[0].closed


@pytest.mark.parametrize("body", [(b"whole hi 10", Broken("cut")), (b"{broken",), (b"whole hi ", FOREVER), ()])
def test_a_whole_answer_is_committed_to_only_when_it_is_whole(body: tuple[bytes]) -> None:
    """Nothing of a broken whole answer is sent: the fallback's comes instead."""
    both = plan(step("a", timeouts=QUICK), step("b"))
    played = play(Answer(*body), Answer(*WHOLE), plan=both, stream=False)

    assert played.sink.got == [b"whole hi 10 3"]
    assert played.execution.model == "b"


def test_the_first_token_may_take_longer_when_the_model_thinks() -> None:
    """A reasoning model is silent for minutes and is waited for with its own limit."""
    front = FakeDialect()
    thinker = {"a": FakeUpstream("a", front, thinks=True), "b": FakeUpstream("b", front)}
    played = play(Answer(b"role\n", 200.0, *STREAM), front=front, upstreams=thinker)

    assert played.called == ["a"]
    assert played.execution.first_token_ms == pytest.approx(200_000)


def test_a_callers_fault_is_passed_on_at_once() -> None:
    """400, 413, 422 would be the same everywhere: no other model is asked and the provider's own words are told."""
    for status in (400, 413, 422):
        played = play(Answer(b"no such tool", status=status))

        assert played.called == ["a"]
        assert _told(played) == ("invalid_request", status, "no such tool", False)


def test_the_chain_tells_its_last_upstream_status() -> None:
    """An exhausted chain is one 502 that names the last status, and the SDK is told not to retry."""
    played = play(Answer(status=500), Answer(b"down", status=503), plan=plan(step("a"), step("b"), attempts=2))

    assert played.sink.got == []
    assert played.sink.serving is None
    assert played.execution.outcome == "failed"
    code, status, message, retry = _told(played)
    assert (code, status, retry) == ("upstream_failed", 502, False)
    assert "503" in message


def test_rate_limits_all_the_way_stay_a_rate_limit() -> None:
    """When every attempt was rate limited the client gets 429 with the shortest wait that any of them named."""
    long, short = (Answer(status=429, headers={"retry-after": seconds}) for seconds in ("90", "70"))
    played = play(long, short)

    assert played.called == ["a", "b"]
    assert _told(played)[:2] == ("rate_limited", 429)
    assert played.execution.error is not None
    assert played.execution.error.retry_after == pytest.approx(70)
    assert played.took == 0


def test_a_lone_model_is_tried_again_after_its_retry_after() -> None:
    """With nowhere else to go the chain waits as long as the provider asked, and not less."""
    lone = plan(step("a", reason="static"))
    played = play(Answer(status=429, headers={"retry-after": "7"}), Answer(*STREAM), plan=lone)

    assert played.execution.outcome == "ok"
    assert played.execution.reason == "static"
    assert played.took >= 7


def test_transient_failures_back_off_and_go_round_up_to_the_attempt_limit() -> None:
    """Without Retry-After each step waits a quarter of a second, then twice that; never more calls than the plan allows."""
    played = play(*(Answer(status=500) for _ in range(9)))

    assert played.called == ["a", "b", "a", "b"]
    assert 0.1 < played.took < 1


def test_the_deadline_ends_a_stalled_chain() -> None:
    """One deadline for the chain: a stall beyond it is 504, and the upstream call is cancelled."""
    played = play(Answer(status=500), Answer(after=FOREVER), plan=plan(step("a"), step("b"), deadline=5))

    assert _told(played)[:2] == ("deadline_exceeded", 504)
    assert played.took == pytest.approx(5, abs=0.01)
    assert played.transport.cancelled == 1
    assert played.faults == ["unavailable", "timeout"]


def test_a_step_beyond_the_budget_is_skipped_and_says_so() -> None:
    """What an attempt billed is gone from the chain's budget; a dearer step is left out and recorded."""
    steps = plan(step("a", cost=50), step("dear", cost=60), step("b", cost=30), budget=100)
    played = play(Answer(b"role\nusage 40 10\nstop\n"), Answer(*STREAM), plan=steps)

    assert played.called == ["a", "b"]
    assert [(skip.model, skip.reason) for skip in played.execution.skipped] == [("dear", "budget")]
    assert played.execution.cost == 50 + 13


def test_a_budget_that_covers_nothing_is_a_budget_error() -> None:
    """Only the budget stood in the way: 429 budget_exhausted, and nobody was called. An unknown price does not fit one either."""
    played = play(plan=plan(step("a", cost=2), step("b", cost=None), budget=1))

    assert played.called == []
    assert _told(played)[:2] == ("budget_exhausted", 429)


def test_the_connect_timeout_is_the_steps_own() -> None:
    """Each attempt connects under its step's limit."""
    played = play(Answer(status=500), Answer(*STREAM), plan=plan(step("a", timeouts=QUICK), step("b")))

    assert played.transport.connect_timeouts == [1, 5]


def test_the_record_has_every_attempt_with_times_tokens_and_money() -> None:
    """Times are from the request's arrival; a refused call is free, a served one costs what it used."""
    played = play(Answer(status=503, after=0.5), Answer(0.25, *STREAM), stream=True)
    first, second = played.execution.attempts

    assert (first.status, first.fault, first.started_ms, first.ended_ms, first.cost) == (503, "unavailable", 0, 500, 0)
    assert (second.status, second.fault, second.started_ms, second.first_token_ms, second.cost) == (200, None, 500, 750, 13)
    assert played.execution.cost == 13
    assert played.execution.first_token_ms == 750


def test_an_accepted_attempt_without_usage_has_an_unknown_cost() -> None:
    """It may have billed, so the sum is unknown too, never zero."""
    played = play(Answer(b"role\n"), Answer(*STREAM))

    assert [attempt.cost for attempt in played.execution.attempts] == [None, 13]
    assert played.execution.cost is None


def test_an_answer_that_says_it_took_no_tokens_has_an_unknown_cost() -> None:
    """Nothing is answered without reading something: zeros are a provider that does not count, never a price of zero."""
    played = play(Answer(b"role\nsay hi\n", b"usage 0 0\nstop\nend\n"))

    assert played.execution.outcome == "ok"
    assert played.execution.cost is None


def test_an_error_body_is_read_only_so_far() -> None:
    """At most 64 KiB of an error answer are read, however much comes."""
    played = play(Answer(*[b"x" * 16384] * 100, status=500), Answer(*STREAM))

    assert played.transport.answers[0].read == 4
    assert played.execution.outcome == "ok"


def test_a_request_that_cannot_be_written_is_the_callers_fault() -> None:
    """A translation that turns out impossible is told as an invalid request; nobody is called."""

    class Unwritable(FakeUpstream):
        def outgoing(self, ask, front):
            raise TurnoutError(Code.INVALID_REQUEST, "no place for this field")

    front = FakeDialect()
    played = play(front=front, upstreams={"a": Unwritable("a", front)}, plan=plan(step("a")))

    assert _told(played) == ("invalid_request", 400, "no place for this field", False)


def _told(played: Played) -> tuple[str, int, str, bool | None]:
    error = played.execution.error
    assert error is not None
    return error.code, error.status, error.message, error.retry
