"""Laws of the attempt engine, over any plan and any run of luck."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from turnout.errors import Blame, Code
from turnout.execute.attempts import State, step
from turnout.execute.chain import AS_FAULT
from turnout.execute.commands import (
    Abandon,
    AwaitAttempt,
    CancelAttempt,
    Check,
    Command,
    Commit,
    Cut,
    Done,
    GiveUp,
    Sleep,
    StandInLine,
    StartAttempt,
    WriteRecord,
)
from turnout.execute.events import (
    AttemptFailed,
    AttemptFinished,
    Began,
    CheckPassed,
    ClientLeft,
    ContentCame,
    DeadlinePassed,
    Event,
    HedgeDue,
    RecordRefused,
    RecordWritten,
    Rested,
    Stopped,
    TurnedAway,
)
from turnout.execute.rests import LONGEST_REST
from turnout.types.checks import NotRefusal
from turnout.types.decision import Plan, Step
from turnout.types.money import PicoDollars
from turnout.types.policy import Timeouts

FAULTS = [
    ("rate_limited", "rate_limited", Blame.CAPACITY), ("unavailable", "unavailable", Blame.HEALTH), ("timeout", "unavailable", Blame.HEALTH),
    ("broken", "unavailable", Blame.HEALTH), ("misconfigured", "unavailable", Blame.CONFIGURATION),
    ("context_overflow", "context_overflow", Blame.CALLER), ("content_filter", "content_filter", Blame.CALLER),
    ("caller_error", None, Blame.CALLER),
]  # fmt: skip
TRANSIENT = {"rate_limited", "unavailable", "timeout", "broken"}
ENDS = (Done, Abandon, GiveUp, Cut)
cents = st.integers(0, 100).map(PicoDollars)
CONDITIONS = st.frozensets(st.sampled_from(["rate_limited", "unavailable", "context_overflow", "content_filter", "any"]))


def steps(checks: tuple[NotRefusal, ...]) -> st.SearchStrategy[Step]:
    return st.builds(
        Step, st.sampled_from(["p/a", "p/b", "q/c", "s/d"]), CONDITIONS, st.just("fallback"), st.none() | cents,
        st.just(Timeouts()), st.just(checks),
    )  # fmt: skip


plans = st.builds(
    Plan,
    st.tuples(st.lists(steps((NotRefusal(),)), max_size=2), st.lists(steps(()), min_size=1, max_size=6)).map(
        lambda two: (*two[0], *two[1])
    ),
    st.integers(1, 6),
    st.floats(0.1, 900),
    st.none() | cents,
    st.booleans(),
    patience=st.sampled_from([0.0, 2.0, 30.0]),
)
PASSING = st.sampled_from([0.0, 0.0, 0.3]) | st.floats(0, 50)


Draw = Callable[[], Event]


class Turn(NamedTuple):
    """What was heard, where the rules stood, and what they said."""

    event: Event
    before: State
    commands: tuple[Command, ...]
    failures: int
    """How many there were then."""


class Run:
    """Plays the world: answers each command with an event drawn from what may follow it, and keeps the conversation.

    ``live`` are the attempts under way and their steps, by what was said and heard alone.
    """

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.plan = data.draw(plans)
        self.now = 0.0
        self.state = State(self.plan, data.draw(st.integers(0, 2**63 - 1)), self.plan.deadline)
        self.said: list[tuple[float, Command]] = []
        self.heard: list[Event] = []
        self.turns: list[Turn] = []
        self.live: dict[int, int] = {}
        self.made: list[int] = []
        self.most_live = 0
        self.is_hedged = False
        self.spent = 0
        self.overspent = False
        self.at_once = 0

    def play(self) -> None:
        event: Event | None = Began(0.0)
        while event is not None:
            if self.data.draw(st.booleans()):
                assert step(self.state, self.noise()) == (self.state, ()), "a word from another attempt changes nothing"
            self.at_once = self.at_once + 1 if self.heard and event.at == self.heard[-1].at else 0
            assert self.at_once < 4 * (len(self.plan.steps) + self.plan.attempts) + 10, "it goes round and no time passes"
            event = self.answer(self.hear(event))
            assert len(self.heard) < 2000, "every chain ends"

    def hear(self, event: Event) -> tuple[Command, ...]:
        self.heard.append(event)
        if isinstance(event, AttemptFailed | TurnedAway | AttemptFinished) and event.attempt in self.live:
            index = self.live.pop(event.attempt)
            if isinstance(event, TurnedAway):
                self.made.remove(event.attempt)
            elif isinstance(event, AttemptFailed):
                self.spent += self.expected(index) if event.cost is None else event.cost
        before = self.state
        self.state, commands = step(self.state, event)
        self.turns.append(Turn(event, before, commands, len(self.state.failures)))
        for command in commands:
            self.said.append((event.at, command))
            if isinstance(command, CancelAttempt):
                self.spent += self.expected(self.live.pop(command.attempt))
            elif isinstance(command, StartAttempt):
                assert command.attempt not in self.live
                due = self.spent + sum(map(self.expected, self.live.values()))
                self.live[command.attempt] = command.step
                self.made.append(command.attempt)
                cost, budget = self.plan.steps[command.step].expected_cost, self.plan.budget
                self.overspent |= budget is not None and (cost is None or due + cost > budget)
        self.most_live = max(self.most_live, len(self.live))
        return commands

    def expected(self, index: int) -> int:
        return self.plan.steps[index].expected_cost or 0

    def answer(self, commands: tuple[Command, ...]) -> Event | None:
        last = commands[-1]
        self.now += self.data.draw(PASSING)
        number = self.state.attempt
        rude: list[Draw] = [lambda: ClientLeft(self.now), lambda: Stopped(self.now)]
        if self.now >= self.plan.deadline:
            rude.append(lambda: DeadlinePassed(self.now))
        match last:
            case StartAttempt(forced=forced):
                usual = self.of_attempts() + ([] if forced else [lambda: self.away(number)] * 3)
                if not last.beside and not self.is_hedged:
                    usual.append(lambda: HedgeDue(self.now, number))
            case AwaitAttempt():
                usual = self.of_attempts()
            case Check():
                usual = [lambda: CheckPassed(self.now, number), partial(self.unfit, number)]
            case WriteRecord():
                usual = [lambda: RecordWritten(self.now, number), lambda: RecordRefused(self.now, number)]
            case Commit():
                usual = [lambda: AttemptFinished(self.now, number), lambda: self.fault(number)]
            case Sleep():
                self.now = max(self.now, last.until)
                usual = [lambda: Rested(self.now)]
            case StandInLine():
                self.now = min(self.now, last.until)
                full = TurnedAway(self.heard[-1].at, number, "quota", last.ready)
                self.now = max(self.now, self.heard[-1].at, min(last.ready, last.until))
                usual = [lambda: Rested(self.now), lambda: full]
            case _:
                return None
        event = self.data.draw(st.sampled_from(usual * 5 + rude))()
        self.is_hedged = isinstance(event, HedgeDue) or (self.is_hedged and isinstance(last, AwaitAttempt | StartAttempt))
        return event

    def of_attempts(self) -> list[Draw]:
        """From any that are under way."""
        failing: list[Draw] = [partial(self.fault, number) for number in self.live]
        return [*failing, *failing, *(partial(ContentCame, self.now, number) for number in self.live)]

    def fault(self, number: int) -> AttemptFailed:
        name, condition, blame = self.data.draw(st.sampled_from(FAULTS))
        status = self.data.draw(st.sampled_from([None, 200, 400, 429, 500]))
        wait = self.data.draw(st.none() | st.floats(0, 100))
        spare = name in ("rate_limited", "misconfigured") and self.data.draw(st.booleans())
        cost = self.data.draw(st.none() | cents)
        return AttemptFailed(self.now, number, name, condition, blame, "words", status, wait, cost, spare)

    def unfit(self, number: int) -> AttemptFailed:
        return AttemptFailed(self.now, number, "check_failed", "check", Blame.QUALITY, "words", 200, None, PicoDollars(3))

    def away(self, number: int) -> TurnedAway:
        """Room is there later than now: dispatch has just looked."""
        reason = self.data.draw(st.sampled_from(["ejected", "ejected", "quota", "quota", "retries"]))
        later = self.data.draw(st.sampled_from([0.05, 1.0, 5.0, 400.0]))
        return TurnedAway(self.now, number, reason, self.now + later, (self.data.draw(st.booleans()), later, 0.0))

    def noise(self) -> Event:
        """A word from an attempt that is not under way."""
        other = self.state.other.attempt if self.state.other is not None else None
        number = self.data.draw(st.integers(0, 9).filter(lambda n: n not in (self.state.attempt, other)))
        plain = [partial(kind, self.now, number) for kind in (ContentCame, RecordWritten, AttemptFinished, CheckPassed, HedgeDue)]
        return self.data.draw(st.sampled_from([*plain, partial(self.away, number), partial(self.fault, number)]))()

    def commands(self, *kinds: type) -> list[Command]:
        return [command for _, command in self.said if isinstance(command, kinds)]


def played(data: st.DataObject) -> Run:
    run = Run(data)
    run.play()
    return run


@given(st.data())
def test_every_chain_ends_once_within_its_limits(data: st.DataObject) -> None:
    """One end and nothing after it; at most ``attempts`` calls, numbered from 1; none after a commit; none past the deadline.

    An error to be told or a commit, never both; nothing is sent before it; and on an audited route no commit without its record.
    """
    run = played(data)
    kinds = [type(command) for _, command in run.said]

    assert sum(kind in ENDS for kind in kinds) == 1
    assert kinds[-1] in ENDS
    assert run.made == list(range(1, len(run.made) + 1))
    assert len(run.made) <= run.plan.attempts
    assert kinds.count(Commit) <= 1
    if Commit in kinds:
        assert StartAttempt not in kinds[kinds.index(Commit) :]
        assert GiveUp not in kinds, "once it may have been sent, an answer is not an error any more"
        assert any(isinstance(event, RecordWritten) for event in run.heard) is run.plan.journal_required
    else:
        assert not {Done, Cut} & set(kinds), "what was never committed to neither ended well nor was cut"
    assert all(at < run.plan.deadline for at, command in run.said if isinstance(command, StartAttempt))
    assert all(rest.until <= run.plan.deadline for rest in run.commands(Sleep, StandInLine))  # type: ignore[union-attr]


@given(st.data())
def test_every_attempt_is_ended_once(data: st.DataObject) -> None:
    """By its own word or by hanging up on it; never more than two are under way, and none when all is over."""
    run = played(data)

    assert run.live == {}
    assert run.most_live <= 2
    for turn in run.turns:
        if any(isinstance(command, Commit) for command in turn.commands):
            assert turn.before.other is None or any(isinstance(command, CancelAttempt) for command in turn.commands)


@given(st.data())
def test_money_is_kept(data: st.DataObject) -> None:
    """No step is called beyond the budget, what goes on beside it and what was hung up on included; the engine counts as we do."""
    run = played(data)

    assert not run.overspent
    if not any(isinstance(command, CancelAttempt) for command in run.turns[-1].commands):
        assert run.state.spent == run.spent


def _condition(event: Event, before: State) -> str | None:
    """What a step must list to be called for the first time because of this."""
    match event:
        case AttemptFailed(condition=condition):
            return condition
        case TurnedAway(reason=reason) if before.phase == "trying":
            return AS_FAULT[reason]
        case HedgeDue():
            return "unavailable"
    return None


@given(st.data())
def test_a_step_is_called_for_a_reason(data: st.DataObject) -> None:
    """As the first, on a condition it lists, again after a transient fault or with another credential, or forced."""
    run = played(data)
    words: dict[int, Event] = {}
    may_retry = True
    for turn in run.turns:
        event, before = turn.event, turn.before
        index = (
            before.step
            if getattr(event, "attempt", before.attempt) == before.attempt
            else before.other.step
            if before.other
            else before.step
        )
        if isinstance(event, AttemptFailed | TurnedAway) and before.phase in ("trying", "checking") and index >= 0:
            if not (isinstance(event, TurnedAway) and before.other is not None):  # a hedge that was turned away is let be
                words[index] = event
            may_retry &= not (isinstance(event, TurnedAway) and event.reason == "retries" and before.other is None)
        for start in turn.commands:
            if not isinstance(start, StartAttempt):
                continue
            on, last = run.plan.steps[start.step].on, words.get(start.step)
            if start.forced:
                assert isinstance(last, TurnedAway)
                assert last.reason == "ejected"
            elif start.again:
                failures = [each for each in run.state.failures[: turn.failures] if each.step == start.step]
                assert failures
                assert failures[-1].fault.name in TRANSIENT
                assert may_retry
            elif last is not None and isinstance(event, Rested):
                assert isinstance(last, TurnedAway)
                assert last.reason in ("quota", "retries")
            elif last is not None:
                assert isinstance(last, AttemptFailed)
                assert last.spare
            else:
                condition = _condition(event, before)
                assert "any" in on or condition in on or (isinstance(event, Began) and start.step == 0)
            assert start.beside is isinstance(event, HedgeDue)
            if start.beside:
                assert run.plan.steps[start.step].model.split("/")[0] != run.plan.steps[before.step].model.split("/")[0]


@given(st.data())
def test_what_is_ejected_is_forced_only_when_nothing_else_is_left(data: st.DataObject) -> None:
    """No step further on that takes anything is untouched, and none that failed is ready to be tried again."""
    run = played(data)
    for turn, after in zip(run.turns, [*(later.before for later in run.turns[1:]), run.state], strict=True):
        if not any(isinstance(command, StartAttempt) and command.forced for command in turn.commands):
            continue
        at, before = turn.event.at, turn.before
        touched = {failure.step for failure in after.failures} | {turned.step for turned in after.turned}
        budget = run.plan.budget
        for index, one in enumerate(run.plan.steps):
            payable = budget is None or (one.expected_cost is not None and after.spent + one.expected_cost <= budget)
            if index > before.step and index not in touched and "any" in one.on:
                assert not payable
            faults = [failure.fault for failure in after.failures if failure.step == index]
            aways = [turned.away for turned in after.turned if turned.step == index]
            if (
                faults
                and not any(away.at >= faults[-1].at for away in aways)
                and faults[-1].name in TRANSIENT
                and after.may_retry
                and payable
            ):
                assert faults[-1].at + max(faults[-1].retry_after or 0.0, LONGEST_REST) > at


@given(st.data())
def test_nobody_stands_in_line_beyond_its_patience(data: st.DataObject) -> None:
    """All waits in line together, and never again once there was no place."""
    run = played(data)
    lines = [(at, command) for at, command in run.said if isinstance(command, StandInLine)]
    for at, line in lines:
        assert line.until <= lines[0][0] + run.plan.patience
        assert at < line.until
        assert line.ready <= line.until
    full = [
        index for index, turn in enumerate(run.turns) if isinstance(turn.event, TurnedAway) and turn.before.phase == "resting"
    ]
    if full:
        assert not any(isinstance(command, StandInLine) for turn in run.turns[full[0] :] for command in turn.commands)


@given(st.data())
def test_a_wrong_request_ends_the_chain(data: st.DataObject) -> None:
    """It would be wrong everywhere: no attempt follows, and one beside it is hung up on."""
    run = played(data)
    wrong = next((turn for turn in run.turns if isinstance(turn.event, AttemptFailed) and turn.event.condition is None), None)
    if wrong is not None:
        assert wrong is run.turns[-1]
        assert isinstance(wrong.commands[-1], GiveUp | Cut)


@given(st.data())
def test_retry_after_is_honoured(data: st.DataObject) -> None:
    """A model is not called again before the time it asked for, unless with another credential."""
    run = played(data)
    faults: dict[int, AttemptFailed] = {}
    for turn in run.turns:
        before = turn.before
        if isinstance(turn.event, AttemptFailed) and before.phase in ("trying", "checking"):
            other = before.other is not None and turn.event.attempt == before.other.attempt
            faults[before.other.step if other and before.other else before.step] = turn.event
        for start in turn.commands:
            if isinstance(start, StartAttempt) and start.again:
                assert turn.event.at >= faults[start.step].at + (faults[start.step].retry_after or 0)


@given(st.data())
def test_what_the_client_is_told_follows_from_what_happened(data: st.DataObject) -> None:
    """429 only when all attempts were rate limited and nobody was ejected; a 4xx of the provider only when the caller is to blame.

    SDKs never multiply us.
    """
    run = played(data)
    faults = [event for event in run.heard if isinstance(event, AttemptFailed)]
    for end in run.commands(GiveUp):
        assert isinstance(end, GiveUp)
        assert end.retry is False or end.code is Code.OVERLOADED
        if end.code is Code.RATE_LIMITED:
            assert {state.fault.name for state in run.state.failures} <= {"rate_limited"}
            assert "ejected" not in {turned.away.reason for turned in run.state.turned}
            assert run.state.failures or run.state.turned
        if end.code is Code.INVALID_REQUEST:
            assert faults[-1].blame is Blame.CALLER
        if end.code is Code.BUDGET_EXHAUSTED:
            assert run.state.skipped or run.plan.budget is not None
