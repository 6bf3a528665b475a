"""Laws of the executor, over any providers' behaviour and any moment at which the client leaves."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_sink import FakeSink
from tests.support.fake_transport import Answer, Refusal
from tests.support.play import Played, plan, play, step
from turnout.errors import Broken, TimedOut, Unavailable
from turnout.types.policy import Timeouts

LIMITS = Timeouts(connect=1, first_token=5, idle=5, total=12)
PAUSES = st.sampled_from([0.0, 0.01, 1.0, 4.0, 7.0])
FAULTS = st.sampled_from([Broken("cut"), Unavailable("reset"), TimedOut("late")])
HEADERS = st.sampled_from([None, {"retry-after": "3"}])

LINES = st.sampled_from([b"role\n", b"say x\n", b"say ", b"x\n", b"usage 4 2\n", b"stop\n", b"end\n", b"error\n", b"whole x 4 2"])
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


def played(request: tuple[bool, list[tuple]], leaves_at: float | None, pace: float) -> Played:
    stream, script = request
    steps = plan(step("a", timeouts=LIMITS), step("b", timeouts=LIMITS), deadline=30)
    sink = FakeSink(leaves_at=leaves_at, pace=pace)
    return play(*(scene(number, drawn) for number, drawn in enumerate(script)), plan=steps, stream=stream, sink=sink)


@settings(max_examples=300)
@given(requests, st.none() | st.floats(0, 20), st.sampled_from([0.0, 0.5]))
def test_one_answer_or_one_error(request_: tuple[bool, list[tuple]], leaves_at: float | None, pace: float) -> None:
    """The client gets bytes of one attempt only; an outcome, its error and what was sent always agree; every call is closed."""
    run = played(request_, leaves_at, pace)
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
            assert sink.text.endswith((b"end\n", b"4 2"))
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


@settings(max_examples=150)
@given(requests)
def test_costs_add_up_or_are_unknown(request_: tuple[bool, list[tuple]]) -> None:
    """The sum over all attempts; unknown as soon as one that was accepted has no final usage; never silently zero."""
    execution = played(request_, None, 0.0).execution
    for attempt in execution.attempts:
        if attempt.status == 200 and attempt.usage is None:
            assert attempt.cost is None
        if attempt.fault is None:
            assert attempt.cost == (None if attempt.usage is None else 6)

    costs = [attempt.cost for attempt in execution.attempts]
    assert execution.cost == (None if None in costs else sum(cost for cost in costs if cost is not None))
