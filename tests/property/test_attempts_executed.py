"""Laws of the executor, over any providers' behaviour, any disk's, and any moment at which the client leaves or the task is cancelled."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_sink import FakeSink
from tests.support.fake_transport import Answer, Refusal
from tests.support.play import Played, plan, play, step
from turnout.errors import Broken, TimedOut, Unavailable
from turnout.execute.job import Execution
from turnout.types.policy import Timeouts

LIMITS = Timeouts(connect=1, first_token=5, idle=5, total=12)
PAUSES = st.sampled_from([0.0, 0.01, 1.0, 4.0, 7.0])
FAULTS = st.sampled_from([Broken("cut"), Unavailable("reset"), TimedOut("late")])
HEADERS = st.sampled_from([None, {"retry-after": "3"}])

LINES = st.sampled_from(
    [b"role\n", b"say x\n", b"say ", b"x\n", b"usage 4 2\n", b"stop\n", b"end\n", b"error\n", b"whole x 4 2 "]
)
junk = st.lists(LINES | PAUSES | FAULTS, max_size=5)
tails = junk | st.just([b"usage 4 2\nstop\nend\n"])
streams = st.tuples(PAUSES, tails).map(lambda drawn: [b"role\n", drawn[0], b"say x\n", *drawn[1]])
wholes = PAUSES.map(lambda pause: [b"whole ", pause, b"x 4 2"])


def scripts(body: st.SearchStrategy[list]) -> st.SearchStrategy[list[tuple]]:
    """Four answers or refusals: as many as a request may call."""
    status = st.sampled_from([200, 200, 200, 302, 400, 401, 429, 500])
    return st.lists(st.tuples(body, status, HEADERS, PAUSES) | st.tuples(FAULTS, PAUSES), min_size=4, max_size=4)


requests = st.tuples(st.just(value=True), scripts(streams | junk)) | st.tuples(st.just(value=False), scripts(wholes | junk))


def scene(number: int, drawn: tuple) -> Answer | Refusal:
    """Each attempt says its own number, so that a mixed answer would show."""
    if len(drawn) == 2:
        return Refusal(*drawn)
    body, status, headers, after = drawn
    mine = [item.replace(b"x", b"%d" % number) if isinstance(item, bytes) else item for item in body]
    return Answer(*mine, status=status, headers=headers, after=after)


def played(request: tuple[bool, list[tuple]], sink: FakeSink, **more: Any) -> Played:
    stream, script = request
    steps = plan(step("a", timeouts=LIMITS), step("b", timeouts=LIMITS), deadline=30)
    return play(*(scene(number, drawn) for number, drawn in enumerate(script)), plan=steps, stream=stream, sink=sink, **more)


@given(requests, st.none() | st.floats(0, 20), st.sampled_from([0.0, 0.5]))
def test_one_answer_or_one_error(request_: tuple[bool, list[tuple]], leaves_at: float | None, pace: float) -> None:
    """The client gets bytes of one attempt only; an outcome, its error and what was sent always agree; every call is closed."""
    run = played(request_, FakeSink(leaves_at=leaves_at, pace=pace))
    execution, sink = run.execution, run.sink

    digits = {byte for byte in sink.text.replace(b"usage 4 2", b"").replace(b" 4 2", b"") if chr(byte).isdigit()}
    assert len(digits) <= 1
    assert len(run.called) == len(execution.attempts) <= 4
    assert all(incoming.closed for incoming in run.transport.answers)
    assert run.took <= 30 + 5 + pace + 0.01
    begun = sink.serving is not None
    match execution.outcome:
        case "ok":
            assert begun
            assert execution.error is None
            assert execution.attempts[-1].fault is None
            assert b"end\n" in sink.text or sink.text.rstrip().endswith(b"4 2")
        case "failed":
            assert not begun
            assert execution.error is not None
            assert execution.model is None
        case "cut":
            assert begun
            assert execution.error is not None
            assert sink.text.endswith(b"error %s\n" % execution.error.code.encode()) or leaves_at is not None
        case "cancelled":
            assert leaves_at is not None
        case _:
            raise AssertionError(execution.outcome)


@given(requests)
def test_costs_add_up_or_are_unknown(request_: tuple[bool, list[tuple]]) -> None:
    """The sum over all attempts; unknown as soon as one that was accepted has no final usage; never silently zero."""
    execution = played(request_, FakeSink()).execution
    for attempt in execution.attempts:
        if attempt.status == 200 and attempt.usage is None:
            assert attempt.cost is None
        if attempt.fault is None:
            assert attempt.cost == (None if attempt.usage is None else 6)

    costs = [attempt.cost for attempt in execution.attempts]
    assert execution.cost == (None if None in costs else sum(cost for cost in costs if cost is not None))


class Disk:
    """A gate that takes ``waits`` seconds or fails, call by call, and sees to it that nothing is sent before it lets it through."""

    def __init__(self, sink: FakeSink, waits: list[float | OSError]) -> None:
        self.sink = sink
        self.waits = list(waits)
        self.written: list[tuple[str, str | None]] = []

    async def __call__(self, execution: Execution) -> None:
        assert self.sink.serving is None
        assert self.sink.got == []
        wait = self.waits.pop(0)
        if isinstance(wait, OSError):
            raise wait
        await asyncio.sleep(wait)
        self.written.append((execution.outcome, execution.error.code if execution.error else None))


waits = st.lists(st.sampled_from([0.0, 0.5, 40.0, OSError("disk full")]), min_size=2, max_size=2)


@given(requests, st.none() | st.floats(0, 20), waits)
def test_an_audited_client_is_told_nothing_that_is_not_on_record(
    request_: tuple[bool, list[tuple]], leaves_at: float | None, waits: list[float | OSError]
) -> None:
    """An answer begins after its record, an error is the recorded one, or it says that there is no record."""
    sink = FakeSink(leaves_at=leaves_at)
    disk = Disk(sink, waits)
    execution = played(request_, sink, gate=disk).execution

    if sink.serving is not None:
        # A stream that had ended before its first byte went out is as complete as a whole answer.
        assert disk.written in ([[("begun", None)], [("ok", None)]] if request_[0] else [[("ok", None)]])
        assert execution.outcome in ("ok", "cut", "cancelled")
    elif execution.outcome == "failed":
        assert execution.error is not None
        assert disk.written[-1:] == [("failed", execution.error.code)] or execution.error.code == "overloaded"
    else:
        assert execution.outcome == "cancelled"


@given(requests, st.floats(0, 20), st.none() | waits)
def test_a_request_that_is_stopped_keeps_what_is_known(
    request_: tuple[bool, list[tuple]], moment: float, waits: list[float | OSError] | None
) -> None:
    """At whatever moment: one record per call, every call closed, and an outcome that agrees with what was sent."""
    sink = FakeSink(pace=0.5)
    run = played(request_, sink, cancel_after=moment, gate=None if waits is None else Disk(sink, waits))
    execution = run.execution

    assert run.took <= moment + 0.01
    assert len(run.called) == len(execution.attempts)
    assert all(incoming.closed for incoming in run.transport.answers)
    assert (execution.outcome == "failed") is (sink.serving is None)
    if run.is_stopped:
        assert execution.outcome in ("failed", "cut", "ok")
        assert execution.outcome != "ok" or b"end\n" in sink.text
