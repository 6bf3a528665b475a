"""After the first content: one answer from one model, to its end or to a clear error."""

import asyncio
from typing import Any

import pytest

from tests.support.fake_sink import FakeSink
from tests.support.fake_transport import FOREVER, Answer
from tests.support.play import plan, play, step
from turnout.errors import Broken, Unavailable
from turnout.execute.commit import PRELUDE_LIMIT, WHOLE_LIMIT
from turnout.execute.executor import LAST_EVENT_WITHIN
from turnout.execute.job import Execution
from turnout.types.policy import Timeouts

IDLE = plan(step("a", timeouts=Timeouts(idle=3)), step("b"))


@pytest.mark.parametrize(
    ("ending", "fault"),
    [
        ((), "broken"),
        ((Broken("cut"),), "broken"),
        ((Unavailable("reset"),), "unavailable"),
        ((b"say more\n", b"error\n"), "broken"),
        ((FOREVER,), "timeout"),
    ],
    ids=["ended early", "cut", "reset", "error in a 200", "stall"],
)
def test_a_failure_after_content_ends_the_stream_with_an_error_event(ending: tuple[bytes], fault: str) -> None:
    """Never a mixed answer: the fallback is not called, the client is told in its own dialect, the outcome is cut."""
    played = play(Answer(b"role\nsay one\n", *ending), plan=IDLE)

    assert played.called == ["a"]
    assert played.sink.text.startswith(b"role\nsay one\n")
    assert played.sink.text.endswith(b"error upstream_failed\n")
    assert (played.execution.outcome, played.execution.model, played.faults) == ("cut", "a", [fault])
    assert played.execution.cost is None
    assert played.transport.answers[0].closed


def test_a_slow_drip_is_no_stall() -> None:
    """The idle limit counts between reads: a stream that keeps coming may take long."""
    drip = [item for n in range(20) for item in (2.9, b"say %d\n" % n)]
    played = play(Answer(b"say\n", *drip, b"end\n"), plan=IDLE)

    assert played.execution.outcome == "ok"
    assert played.took == pytest.approx(58)


def test_a_slow_client_is_not_a_slow_provider() -> None:
    """While the client takes its bytes nothing is expected of the upstream, so its idle limit stands still."""
    played = play(Answer(b"say one\n", b"say two\n", b"end\n"), plan=IDLE, sink=FakeSink(pace=10))

    assert played.execution.outcome == "ok"
    assert played.took == 30


def test_an_idle_provider_is_noticed_behind_a_slow_client() -> None:
    """A limit that stood still during a slow send counts again from its end."""
    played = play(Answer(b"say one\n", b"say two\n", FOREVER), plan=IDLE, sink=FakeSink(pace=10))

    assert played.execution.outcome == "cut"
    assert played.took == pytest.approx(20 + 3 + LAST_EVENT_WITHIN, abs=0.01)


def test_the_deadline_cuts_a_stream_that_outlives_it() -> None:
    """The deadline is the request's, commit or not."""
    drip = [item for _ in range(99) for item in (1.0, b"say x\n")]
    played = play(Answer(*drip), plan=plan(step("a"), deadline=5))

    assert played.execution.outcome == "cut"
    assert played.code == "deadline_exceeded"
    assert played.took == pytest.approx(5, abs=0.01)
    assert played.faults == ["timeout"]


def test_a_client_that_reads_nothing_cannot_hold_a_cut_stream_for_ever() -> None:
    """The last word has its own limit."""
    played = play(Answer(b"say one\n", Broken("cut")), sink=_Stuck())

    assert played.execution.outcome == "cut"
    assert played.took == pytest.approx(LAST_EVENT_WITHIN)


def test_chunks_pass_as_they_come() -> None:
    """After the commit each chunk is sent at once; before it what was held goes out in one piece."""
    played = play(Answer(b"role\n", b"say one\n", b"say t", b"wo\n", b"stop\nend\n"))

    assert played.sink.got == [b"role\nsay one\n", b"say two\n", b"stop\nend\n"]


def test_an_empty_but_complete_answer_is_an_answer() -> None:
    """A stream that ends as the protocol says is committed to even when it had no content."""
    played = play(Answer(b"role\n", b"usage 5 0\nstop\nend\n"))

    assert (played.execution.outcome, played.execution.cost) == ("ok", 5)
    assert played.sink.text == b"role\nusage 5 0\nstop\nend\n"
    assert played.execution.first_token_ms is not None


def test_a_prelude_beyond_its_limit_is_committed_to() -> None:
    """64 KiB without content are let through: memory is bounded, and the client sees that something comes."""
    lots = b"ping\n" * (PRELUDE_LIMIT // 5 + 1)
    played = play(Answer(lots, b"end\n"))

    assert played.sink.got == [lots, b"end\n"]


def test_what_the_headers_need_is_known_at_the_beginning() -> None:
    """Model, reason, attempts; and the cost of a whole answer, failed attempts included, but not of a running stream."""
    whole = play(Answer(status=500), Answer(b"whole hi 10 3"), stream=False).sink.serving
    stream = play(Answer(b"say hi\nend\n")).sink.serving

    assert whole is not None
    assert stream is not None
    assert (whole.model, whole.reason, whole.attempts, whole.cost) == ("b", "fallback", 2, 13)
    assert (stream.model, stream.reason, stream.attempts, stream.cost) == ("a", "cheapest", 1, None)


def test_the_gate_sees_the_record_before_the_first_byte() -> None:
    """A whole answer is recorded complete; a stream as begun, with the attempts up to the commit."""
    for stream, body, outcome, cost in ((False, b"whole hi 10 3", "ok", 13), (True, b"say hi\nend\n", "begun", 0)):
        seen: list[Execution] = []
        sink = FakeSink()

        async def gate(execution: Execution, seen: list[Execution] = seen, sink: FakeSink = sink) -> None:
            assert sink.serving is None
            seen.append(execution)

        played = play(Answer(status=500), Answer(body), stream=stream, gate=gate, sink=sink)

        assert played.execution.outcome == "ok"
        assert [(one.outcome, one.model, one.cost) for one in seen] == [(outcome, "b", cost)]
        assert [attempt.model for attempt in seen[0].attempts] == (["a"] if stream else ["a", "b"])


class Journal:
    """A gate: each call takes the next of ``waits`` seconds, or fails with the error in its place; then all go through."""

    def __init__(self, sink: FakeSink, *waits: float | OSError) -> None:
        self.sink = sink
        self.waits = list(waits)
        self.seen: list[tuple[str, str | None]] = []

    async def __call__(self, execution: Execution) -> None:
        assert self.sink.serving is None
        self.seen.append((execution.outcome, execution.model))
        wait = self.waits.pop(0) if self.waits else 0.0
        if isinstance(wait, OSError):
            raise wait
        await asyncio.sleep(wait)


DISK_FULL = OSError("disk full")
kinds = pytest.mark.parametrize(("stream", "body"), [(False, (b"whole hi 10 3",)), (True, (b"say hi\n", FOREVER))])


@kinds
def test_a_gate_that_fails_stops_the_answer(stream: Any, body: tuple[bytes]) -> None:
    """No record, no answer: 503, nothing sent, the upstream call cancelled, and the disk not asked again."""
    journal = Journal(FakeSink(), DISK_FULL)
    played = play(Answer(*body), gate=journal, sink=journal.sink, stream=stream)

    assert (played.execution.outcome, played.code, played.execution.model) == ("failed", "overloaded", None)
    assert (played.sink.serving, played.sink.got) == (None, [])
    assert played.called == ["a"]
    assert played.transport.answers[0].closed
    assert played.faults == (["cancelled"] if stream else [None])
    assert len(journal.seen) == 1


@kinds
def test_a_deadline_that_passes_at_the_gate_is_an_error_and_not_a_cut_answer(stream: Any, body: tuple[bytes]) -> None:
    """Nothing has been sent by then: the client is told 504, once that is on record too."""
    journal = Journal(FakeSink(), 20.0)
    played = play(Answer(*body), plan=plan(step("a"), deadline=5), gate=journal, sink=journal.sink, stream=stream)

    assert (played.execution.outcome, played.code, played.execution.model) == ("failed", "deadline_exceeded", None)
    assert (played.sink.serving, played.sink.got) == (None, [])
    assert played.took == pytest.approx(5, abs=0.01)
    assert played.faults == (["timeout"] if stream else [None])
    assert journal.seen == [("begun" if stream else "ok", "a"), ("failed", None)]


@pytest.mark.parametrize("trouble", [DISK_FULL, 20.0])
def test_an_error_needs_its_record_as_an_answer_does(trouble: float | OSError) -> None:
    """An audited 502 that cannot be recorded in time becomes a 503; its attempts stay what they were."""
    told, untold = Journal(FakeSink(), 1.0), Journal(FakeSink(), trouble)
    fine, lost = (
        play(Answer(status=401), gate=journal, sink=journal.sink, plan=plan(step("a"))).execution for journal in (told, untold)
    )

    assert told.seen == untold.seen == [("failed", None)]
    assert fine.error is not None
    assert lost.error is not None
    assert (fine.error.code, lost.error.code) == ("upstream_failed", "overloaded")
    assert [attempt.fault for attempt in lost.attempts] == ["misconfigured"]


def test_a_whole_answer_that_is_cut_has_no_last_word() -> None:
    """Its length was announced: an error event would stand in the middle of it."""
    sink = FakeSink(pace=10)

    async def hurry(_: Execution) -> None:
        asyncio.get_running_loop().call_later(4.9, setattr, sink, "pace", 0.0)

    played = play(Answer(b"whole hi 10 3"), plan=plan(step("a"), deadline=5), stream=False, sink=sink, gate=hurry)

    assert (played.execution.outcome, played.code, sink.got) == ("cut", "deadline_exceeded", [])


def test_a_whole_answer_beyond_all_bounds_is_none() -> None:
    """All of it would be held: the attempt fails, and the next one may answer."""
    huge = [b"x" * (WHOLE_LIMIT // 4)] * 4
    played = play(Answer(b"whole ", *huge, b" 10 3"), Answer(b"whole hi 10 3"), stream=False)

    assert (played.execution.outcome, played.called, played.faults) == ("ok", ["a", "b"], ["broken", None])
    assert played.transport.answers[0].closed


class _Stuck(FakeSink):
    """Takes one piece and then nothing more."""

    def __init__(self) -> None:
        super().__init__()

    async def send(self, data: bytes) -> None:
        self.pace = FOREVER if self.got else 0.0
        await super().send(data)
