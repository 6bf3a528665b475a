"""A client that leaves ends the upstream call at once, whatever phase it is in."""

import asyncio

import pytest

from tests.support.fake_sink import FakeSink
from tests.support.fake_transport import FOREVER, Answer
from tests.support.play import plan, play, step
from turnout.errors import Unavailable
from turnout.execute.job import Execution


@pytest.mark.parametrize(
    "answer",
    [
        Answer(after=FOREVER),
        Answer(FOREVER),
        Answer(b"role\n", FOREVER),
        Answer(b"say hi\n", FOREVER),
        Answer(FOREVER, status=500),
    ],
    ids=["before headers", "before the body", "in the prelude", "in the answer", "in an error body"],
)
def test_leaving_cancels_the_upstream_call(answer: Answer) -> None:
    """The wait is ended when the client goes, and the attempt is recorded as cancelled with an unknown cost."""
    played = play(answer, sink=FakeSink(leaves_at=4, deaf=True))

    assert played.took == pytest.approx(4)
    assert played.called == ["a"]
    assert (played.execution.outcome, played.execution.error, played.faults) == ("cancelled", None, ["cancelled"])
    assert played.execution.cost is None
    assert played.transport.cancelled == (1 if answer.after else 0)
    assert all(incoming.closed for incoming in played.transport.answers)


def test_leaving_while_the_chain_rests_ends_it() -> None:
    """A wait before a retry is no reason to call anyone for a client that has gone."""
    played = play(Answer(status=429, headers={"retry-after": "20"}), plan=plan(step("a")), sink=FakeSink(leaves_at=4, deaf=True))

    assert (played.execution.outcome, played.called, played.faults) == ("cancelled", ["a"], ["rate_limited"])
    assert played.execution.cost == 0


def test_a_send_that_finds_nobody_ends_the_upstream_call() -> None:
    """The sink may notice before the watcher does."""
    played = play(Answer(b"say one\n", 0.02, b"say two\n", FOREVER), sink=FakeSink(leaves_at=0.01))

    assert played.execution.outcome == "cancelled"
    assert played.took == pytest.approx(0.02)
    assert played.transport.answers[0].closed


def test_what_was_generated_for_a_client_that_left_is_billed_as_far_as_it_is_known() -> None:
    """Usage after the finish is the bill; usage before it is not, since providers count while they speak."""
    after = play(Answer(b"say hi\nstop\nusage 10 3\n", FOREVER), sink=FakeSink(leaves_at=4, deaf=True)).execution
    before = play(Answer(b"say hi\nusage 10 1\n", FOREVER), sink=FakeSink(leaves_at=4, deaf=True)).execution

    assert (after.cost, after.usage and after.usage.complete) == (13, True)
    assert (before.cost, before.usage and before.usage.complete) == (None, False)


def test_a_whole_answer_that_finds_nobody_is_still_a_good_attempt() -> None:
    """The model answered and is paid; the request is cancelled."""
    played = play(Answer(0.02, b"whole hi 10 3"), stream=False, sink=FakeSink(leaves_at=0.01))

    assert (played.execution.outcome, played.faults, played.execution.cost) == ("cancelled", [None], 13)


def test_leaving_while_the_journal_is_written_ends_the_answer() -> None:
    """The client may go at any await, the gate's included."""

    async def gate(_: Execution) -> None:
        await asyncio.sleep(FOREVER)

    played = play(Answer(b"say hi\n", FOREVER), gate=gate, sink=FakeSink(leaves_at=4, deaf=True))

    assert (played.execution.outcome, played.faults) == ("cancelled", ["cancelled"])
    assert played.sink.serving is None


def test_a_quick_answer_starts_no_watcher() -> None:
    """Watching a client takes a task; an answer that comes at once does without."""
    assert not play(Answer(b"whole hi 10 3"), stream=False).sink.watched
    assert play(Answer(0.1, b"whole hi 10 3"), stream=False).sink.watched


def test_cancellation_from_outside_is_passed_on_and_told() -> None:
    """A server that shuts down cancels the task: the upstream call ends, and what is known of the request is not lost."""
    played = play(Answer(status=500), Answer(b"say hi\n", FOREVER), cancel_after=3)

    assert played.is_stopped
    assert played.sink.text == b"say hi\n", "the last word is for whoever catches the cancellation"
    assert (played.execution.outcome, played.code, played.execution.model) == ("cut", "overloaded", "b")
    assert (played.faults, played.execution.cost) == (["unavailable", "cancelled"], None)
    assert played.transport.answers[-1].closed


@pytest.mark.parametrize(
    ("answer", "faults"),
    [(Answer(after=FOREVER), ["cancelled"]), (Answer(status=429, headers={"retry-after": "20"}), ["rate_limited"])],
    ids=["waiting for the provider", "resting"],
)
def test_a_request_stopped_before_its_answer_has_failed(answer: Answer, faults: list[str]) -> None:
    """Its attempts stand in the record."""
    played = play(answer, plan=plan(step("a")), cancel_after=3)

    assert played.is_stopped
    assert (played.execution.outcome, played.code, played.faults) == ("failed", "overloaded", faults)
    assert played.sink.serving is None


def test_a_stream_stopped_after_its_end_mark_was_complete() -> None:
    """Whatever comes after the end mark changes nothing."""
    played = play(Answer(b"say hi\nstop\nusage 10 3\nend\n", FOREVER), cancel_after=3)

    assert played.is_stopped
    assert (played.execution.outcome, played.faults, played.execution.cost) == ("ok", [None], 13)


def test_a_client_that_hangs_up_on_the_end_mark_has_its_answer() -> None:
    """SDKs do not wait for the connection's own end, which may come later than the protocol's."""
    played = play(Answer(b"say hi\nstop\nusage 10 3\n", 1.0, b"end\n", FOREVER), sink=FakeSink(leaves_at=4, deaf=True))

    assert (played.execution.outcome, played.faults, played.execution.cost) == ("ok", [None], 13)
    assert played.took == pytest.approx(4)
    assert all(incoming.closed for incoming in played.transport.answers)


@pytest.mark.parametrize("trouble", [FOREVER, Unavailable("reset")], ids=["silence", "reset"])
def test_trouble_after_the_end_mark_is_none(trouble: float | Unavailable) -> None:
    """The client was told everything: no error follows, and nothing is held against the provider."""
    played = play(Answer(b"say hi\nstop\nusage 10 3\nend\n", trouble))

    assert (played.execution.outcome, played.faults, played.execution.cost) == ("ok", [None], 13)
    assert played.sink.text.endswith(b"end\n")
