"""Laws of the attempt engine, over any plan and any run of luck."""

from hypothesis import given
from hypothesis import strategies as st

from turnout.errors import Blame, Code
from turnout.execute.attempts import State, step
from turnout.execute.commands import Abandon, CancelAttempt, Command, Commit, Cut, Done, GiveUp, Sleep, StartAttempt, WriteRecord
from turnout.execute.events import (
    AttemptFailed,
    AttemptFinished,
    Began,
    ClientLeft,
    ContentCame,
    DeadlinePassed,
    Event,
    RecordRefused,
    RecordWritten,
    Rested,
    Stopped,
)
from turnout.types.decision import Plan, Step
from turnout.types.money import PicoDollars
from turnout.types.policy import Timeouts

FAULTS = [
    ("rate_limited", "rate_limited", Blame.CAPACITY), ("unavailable", "unavailable", Blame.HEALTH), ("timeout", "unavailable", Blame.HEALTH),
    ("broken", "unavailable", Blame.HEALTH), ("misconfigured", "unavailable", Blame.CONFIGURATION),
    ("context_overflow", "context_overflow", Blame.CALLER), ("content_filter", "content_filter", Blame.CALLER),
    ("caller_error", None, Blame.CALLER),
]  # fmt: skip
ENDS = (Done, Abandon, GiveUp, Cut)
cents = st.integers(0, 100).map(PicoDollars)
steps = st.builds(
    Step,
    st.sampled_from(["a", "b", "c"]),
    st.frozensets(st.sampled_from(["rate_limited", "unavailable", "context_overflow", "content_filter", "any"])),
    st.just("fallback"),
    st.none() | cents,
    st.just(Timeouts()),
)
plans = st.builds(
    Plan,
    st.lists(steps, min_size=1, max_size=6).map(tuple),
    st.integers(1, 6),
    st.floats(0.1, 900),
    st.none() | cents,
    st.booleans(),
)


class Run:
    """Plays the world: answers each command with an event drawn from what may follow it, and keeps the conversation."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.plan = data.draw(plans)
        self.now = 0.0
        self.state = State(self.plan, data.draw(st.integers(0, 2**63 - 1)), self.plan.deadline)
        self.said: list[tuple[float, Command]] = []
        self.heard: list[Event] = []

    def play(self) -> None:
        event: Event | None = Began(0.0)
        while event is not None:
            if self.data.draw(st.booleans()):
                assert step(self.state, self.noise()) == (self.state, ()), "a word from another attempt changes nothing"
            event = self.answer(self.hear(event))
            assert len(self.heard) < 100, "every chain ends"

    def hear(self, event: Event) -> tuple[Command, ...]:
        self.heard.append(event)
        self.state, commands = step(self.state, event)
        self.said += [(event.at, command) for command in commands]
        return commands

    def answer(self, commands: tuple[Command, ...]) -> Event | None:
        last = commands[-1]
        self.now += self.data.draw(st.floats(0, 50))
        number = self.state.attempt
        rude = [ClientLeft(self.now), Stopped(self.now)] + ([DeadlinePassed(self.now)] if self.now >= self.plan.deadline else [])
        match last:
            case StartAttempt():
                usual: list[Event] = [self.fault(number), self.fault(number), ContentCame(self.now, number)]
            case WriteRecord():
                usual = [RecordWritten(self.now, number), RecordRefused(self.now, number)]
            case Commit():
                usual = [AttemptFinished(self.now, number), self.fault(number)]
            case Sleep():
                self.now = max(self.now, last.until)
                usual = [Rested(self.now)]
            case _:
                return None
        return self.data.draw(st.sampled_from(usual * 5 + rude))

    def fault(self, number: int) -> AttemptFailed:
        name, condition, blame = self.data.draw(st.sampled_from(FAULTS))
        status = self.data.draw(st.sampled_from([None, 200, 400, 429, 500]))
        wait = self.data.draw(st.none() | st.floats(0, 100))
        return AttemptFailed(self.now, number, name, condition, blame, "words", status, wait, self.data.draw(st.none() | cents))

    def noise(self) -> Event:
        """A word from an attempt that is not under way."""
        number = self.data.draw(st.integers(0, 9).filter(lambda n: n != self.state.attempt))
        return self.data.draw(
            st.sampled_from(
                [
                    ContentCame(self.now, number),
                    RecordWritten(self.now, number),
                    AttemptFinished(self.now, number),
                    self.fault(number),
                ]
            )
        )

    def commands(self, *kinds: type) -> list[Command]:
        return [command for _, command in self.said if isinstance(command, kinds)]


@given(st.data())
def test_every_chain_ends_once_within_its_limits(data: st.DataObject) -> None:
    """One end and nothing after it; at most ``attempts`` calls, numbered from 1; none after a commit; none past the deadline.

    An error to be told or a commit, never both; and on an audited route no commit without its record.
    """
    run = Run(data)
    run.play()
    kinds = [type(command) for _, command in run.said]

    assert sum(kind in ENDS for kind in kinds) == 1
    assert kinds[-1] in ENDS
    assert [start.attempt for start in run.commands(StartAttempt)] == list(range(1, len(run.commands(StartAttempt)) + 1))
    assert len(run.commands(StartAttempt)) <= run.plan.attempts
    assert kinds.count(Commit) <= 1
    if Commit in kinds:
        assert StartAttempt not in kinds[kinds.index(Commit) :]
        assert GiveUp not in kinds, "once it may have been sent, an answer is not an error any more"
        assert any(isinstance(event, RecordWritten) for event in run.heard) is run.plan.journal_required
    else:
        assert not {Done, Cut} & set(kinds), "what was never committed to neither ended well nor was cut"
    assert all(at < run.plan.deadline for at, command in run.said if isinstance(command, StartAttempt))
    assert all(sleep.until < run.plan.deadline for sleep in run.commands(Sleep))


@given(st.data())
def test_money_and_conditions_are_kept(data: st.DataObject) -> None:
    """No step is called beyond the budget; a step is called only as the first, on a condition it lists, or again after a transient fault."""
    run = Run(data)
    run.play()
    faults = [event for event in run.heard if isinstance(event, AttemptFailed)]
    spent = 0
    called: dict[int, AttemptFailed] = {}
    for start in run.commands(StartAttempt):
        before = next((fault for fault in faults if fault.attempt == start.attempt - 1), None)
        chosen = run.plan.steps[start.step]
        if before is not None:
            last = run.commands(StartAttempt)[start.attempt - 2]
            spent += (run.plan.steps[last.step].expected_cost or 0) if before.cost is None else before.cost
            called[last.step] = before
        assert run.plan.budget is None or (chosen.expected_cost is not None and spent + chosen.expected_cost <= run.plan.budget)
        if start.step in called:
            assert called[start.step].name in {"rate_limited", "unavailable", "timeout", "broken"}
        elif start.step > 0:
            assert "any" in chosen.on or (before is not None and before.condition in chosen.on)


@given(st.data())
def test_retry_after_is_honoured(data: st.DataObject) -> None:
    """A model is not called again before the time it asked for."""
    run = Run(data)
    run.play()
    starts = [(at, command) for at, command in run.said if isinstance(command, StartAttempt)]
    faults = {event.attempt: event for event in run.heard if isinstance(event, AttemptFailed)}
    for index, (_, start) in enumerate(starts):
        fault = faults.get(start.attempt)
        again = next((at for at, later in starts[index + 1 :] if later.step == start.step), None)
        if again is not None:
            assert fault is not None
            assert again >= fault.at + (fault.retry_after or 0)


@given(st.data())
def test_what_the_client_is_told_follows_from_what_happened(data: st.DataObject) -> None:
    """429 only when all attempts were rate limited; a 4xx of the provider only when the caller is to blame; SDKs never multiply us."""
    run = Run(data)
    run.play()
    faults = [event for event in run.heard if isinstance(event, AttemptFailed)]
    for end in run.commands(GiveUp):
        assert isinstance(end, GiveUp)
        assert end.retry is False or end.code is Code.OVERLOADED
        if end.code is Code.RATE_LIMITED:
            assert {state.fault.name for state in run.state.failures} == {"rate_limited"}
        if end.code is Code.INVALID_REQUEST:
            assert faults[-1].blame is Blame.CALLER
        if end.code is Code.BUDGET_EXHAUSTED:
            assert run.state.skipped or run.plan.budget is not None


@given(st.data())
def test_an_attempt_under_way_is_never_left_behind(data: st.DataObject) -> None:
    """When the client leaves or the time is up, the running attempt is cancelled by number."""
    run = Run(data)
    run.play()
    cancels = run.commands(CancelAttempt)

    assert len(cancels) <= 1
    if run.commands(Abandon) and isinstance(run.heard[-1], ClientLeft) and run.commands(StartAttempt):
        resting = isinstance(run.said[-2][1], Sleep)
        assert bool(cancels) is not resting
    for cancel in cancels:
        assert cancel.attempt == run.state.attempt
