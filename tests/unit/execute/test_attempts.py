"""attempts.step as a conversation: events in, commands out."""

from typing import Any, get_args

import msgspec
import pytest

from tests.support.play import plan, step
from turnout.errors import Blame, Code
from turnout.execute.attempts import _RULES
from turnout.execute.attempts import step as move
from turnout.execute.commands import (
    UNRECORDED,
    Abandon,
    CancelAttempt,
    Command,
    Commit,
    Cut,
    Done,
    GiveUp,
    Sleep,
    StartAttempt,
    WriteRecord,
)
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
from turnout.execute.progress import Skip, State
from turnout.types.decision import Plan
from turnout.types.money import PicoDollars


class Talk:
    """A request under the rules: ``talk(event) == commands``."""

    def __init__(self, the_plan: Plan, seed: int = 7) -> None:
        self.state = State(the_plan, seed, the_plan.deadline)

    def __call__(self, event: Event) -> tuple[Command, ...]:
        self.state, commands = move(self.state, event)
        return commands


def failed(attempt: int, name: str = "unavailable", at: float = 0.0, **more: object) -> AttemptFailed:
    conditions = {"rate_limited": "rate_limited", "context_overflow": "context_overflow", "content_filter": "content_filter"}
    blames = {"rate_limited": Blame.CAPACITY, "misconfigured": Blame.CONFIGURATION, "caller_error": Blame.CALLER}
    blames |= {"context_overflow": Blame.CALLER, "content_filter": Blame.CALLER}
    condition = None if name == "caller_error" else conditions.get(name, "unavailable")
    return AttemptFailed(at, attempt, name, condition, blames.get(name, Blame.HEALTH), "words", **more)  # type: ignore[arg-type]


def on(*conditions: str) -> frozenset[str]:
    return frozenset(conditions)


def test_a_good_answer_is_three_events() -> None:
    """Start, commit, done: the whole of a request that goes well."""
    talk = Talk(plan(step("a"), step("b")))

    assert talk(Began(0.0)) == (StartAttempt(1, 0),)
    assert talk(ContentCame(1.0, 1)) == (Commit(1),)
    assert talk(AttemptFinished(2.0, 1)) == (Done(),)
    assert talk.state.phase == "over"


def test_every_event_has_a_rule() -> None:
    """One that had none would be dropped without a word."""
    assert {event for rules in _RULES.values() for event in rules} == set(get_args(Event))


@pytest.mark.parametrize(
    ("fault", "next_step"),
    [
        ("rate_limited", 1),
        ("unavailable", 2),
        ("timeout", 2),
        ("broken", 2),
        ("misconfigured", 2),
        ("context_overflow", 3),
        ("content_filter", 4),
    ],
)
def test_the_next_step_is_the_first_that_takes_the_condition(fault: str, next_step: int) -> None:
    """Steps that do not list the condition are passed over; health, timeouts and configuration count as unavailable."""
    conditions = ("rate_limited", "unavailable", "context_overflow", "content_filter")
    talk = Talk(plan(step("a"), *(step(one, on(one)) for one in conditions)))
    talk(Began(0.0))

    assert talk(failed(1, fault)) == (StartAttempt(2, next_step),)


@pytest.mark.parametrize(
    "fault", ["rate_limited", "unavailable", "timeout", "broken", "misconfigured", "context_overflow", "content_filter"]
)
def test_any_takes_every_provider_fault(fault: str) -> None:
    """``any`` covers all conditions."""
    talk = Talk(plan(step("a"), step("b", on("any"))))
    talk(Began(0.0))

    assert talk(failed(1, fault)) == (StartAttempt(2, 1),)


def test_any_does_not_take_the_callers_fault() -> None:
    """A wrong request would be wrong everywhere: the chain stops with the provider's own status and words."""
    talk = Talk(plan(step("a"), step("b")))
    talk(Began(0.0))

    assert talk(failed(1, "caller_error", status=422)) == (GiveUp(Code.INVALID_REQUEST, "words", 422),)


@pytest.mark.parametrize("fault", ["context_overflow", "content_filter"])
def test_a_request_no_step_can_carry_is_told_as_the_callers(fault: str) -> None:
    """When nobody takes the condition the provider's 400 is the truth; a fault inside a 200 has the code's own status."""
    for status, told in ((400, 400), (200, None)):
        talk = Talk(plan(step("a"), step("b", on("unavailable"))))
        talk(Began(0.0))

        assert talk(failed(1, fault, status=status)) == (GiveUp(Code.INVALID_REQUEST, "words", told),)


def test_a_retry_waits_for_retry_after_and_goes_to_the_first_that_is_ready() -> None:
    """Each step has its own wait: a shorter one further down the chain comes first."""
    talk = Talk(plan(step("a"), step("b"), attempts=5))
    talk(Began(0.0))
    talk(failed(1, "rate_limited", retry_after=20.0))

    assert talk(failed(2, "rate_limited", 1.0, retry_after=9.0)) == (Sleep(10.0),)
    assert talk(Rested(10.0)) == (StartAttempt(3, 1, again=True),)
    assert talk(failed(3, "rate_limited", 11.0, retry_after=30.0)) == (Sleep(20.0),)
    assert talk(Rested(20.0)) == (StartAttempt(4, 0, again=True),)


def test_a_step_whose_wait_is_over_is_tried_at_once() -> None:
    """Time spent on another step counts as waiting."""
    talk = Talk(plan(step("a"), step("b", on("unavailable"))))
    talk(Began(0.0))
    talk(failed(1, "unavailable"))

    assert talk(failed(2, "misconfigured", 30.0)) == (StartAttempt(3, 0, again=True),)


def test_what_will_not_heal_is_not_tried_again() -> None:
    """A wrong key or a too long request fails the same way next time."""
    for fault in ("misconfigured", "context_overflow", "content_filter"):
        talk = Talk(plan(step("a")))
        talk(Began(0.0))
        (end,) = talk(failed(1, fault))

        assert isinstance(end, GiveUp)


@pytest.mark.parametrize(("retry_after", "waits"), [(4.0, True), (6.0, False), (11.0, False)])
def test_a_rest_must_leave_time_for_the_attempt(retry_after: float, *, waits: bool) -> None:
    """It may take half of what is left to the deadline; beyond that the client is told at once."""
    talk = Talk(plan(step("a"), deadline=10))
    talk(Began(0.0))
    (command,) = talk(failed(1, "rate_limited", retry_after=retry_after))

    assert isinstance(command, Sleep) is waits
    if not waits:
        assert isinstance(command, GiveUp)
        assert (command.code, command.retry_after) == (Code.RATE_LIMITED, retry_after)


def test_nobody_waits_longer_than_a_minute() -> None:
    """As the SDKs: a longer Retry-After is for the application to plan with."""
    talk = Talk(plan(step("a"), deadline=6000))
    talk(Began(0.0))
    (command,) = talk(failed(1, "rate_limited", retry_after=61.0))

    assert isinstance(command, GiveUp)


def test_one_failure_of_another_kind_makes_it_an_upstream_failure() -> None:
    """429 is told only when every attempt was rate limited."""
    talk = Talk(plan(step("a"), step("b"), attempts=2))
    talk(Began(0.0))
    talk(failed(1, "unavailable", status=500))
    (end,) = talk(failed(2, "rate_limited", status=429))

    assert isinstance(end, GiveUp)
    assert (end.code, end.retry) == (Code.UPSTREAM_FAILED, False)
    assert end.message == "2 attempts made, the last one at b answered 429 (rate_limited): words"


def test_the_budget_skips_a_dear_first_step_for_one_that_takes_anything() -> None:
    """A step meant for one condition is not used because of money."""
    talk = Talk(plan(step("a", cost=5), step("b", on("unavailable"), cost=1), step("c", on("any"), cost=1), budget=3))

    assert talk(Began(0.0)) == (StartAttempt(1, 2),)
    assert talk.state.skipped == (Skip("a", "budget"),)


def test_an_attempt_of_unknown_cost_counts_as_expected() -> None:
    """What may have been billed is gone from the budget."""
    talk = Talk(plan(step("a", cost=5), step("b", cost=6), budget=10))
    talk(Began(0.0))
    (end,) = talk(failed(1, "misconfigured", cost=None))

    assert isinstance(end, GiveUp)
    assert end.code is Code.BUDGET_EXHAUSTED
    assert "b" in end.message


def test_a_retry_must_be_paid_for_too() -> None:
    """Only the budget stopped the chain, so that is what the client is told."""
    talk = Talk(plan(step("a", cost=5), budget=9))
    talk(Began(0.0))
    (end,) = talk(failed(1, cost=PicoDollars(5)))

    assert isinstance(end, GiveUp)
    assert end.code is Code.BUDGET_EXHAUSTED


def test_after_the_commit_a_failure_cuts_the_stream() -> None:
    """No further attempt, whatever the fault."""
    for fault in ("rate_limited", "unavailable", "caller_error"):
        talk = Talk(plan(step("a"), step("b")))
        talk(Began(0.0))
        talk(ContentCame(1.0, 1))
        (end,) = talk(failed(1, fault, 2.0))

        assert isinstance(end, Cut)


@pytest.mark.parametrize("committed", [False, True])
def test_the_deadline_hangs_up(*, committed: bool) -> None:
    """Before the commit it is told as 504, after it the stream ends."""
    talk = Talk(plan(step("a")))
    talk(Began(0.0))
    if committed:
        talk(ContentCame(1.0, 1))
    hang_up, end = talk(DeadlinePassed(600.0))

    assert hang_up == CancelAttempt(1, "timeout", "the request's deadline passed")
    assert isinstance(end, Cut if committed else GiveUp)
    assert end.code is Code.DEADLINE_EXCEEDED


def test_no_attempt_starts_at_or_after_the_deadline() -> None:
    """Neither the first, nor one after a failure, nor one after a rest."""
    late, failing, resting = (Talk(plan(step("a"), step("b"), deadline=10)) for _ in range(3))
    failing(Began(0.0))
    resting(Began(0.0))
    resting(failed(1, "unavailable"))
    resting(failed(2, "unavailable"))

    for end in (late(Began(10.0)), failing(failed(1, at=10.0)), resting(Rested(10.0))):
        assert isinstance(end[0], GiveUp)
        assert end[0].code is Code.DEADLINE_EXCEEDED


def audited(**limits: Any) -> Talk:
    """An attempt that has its content, on a route that demands a record first."""
    talk = Talk(msgspec.structs.replace(plan(step("a"), step("b"), **limits), journal_required=True))
    talk(Began(0.0))
    assert talk(ContentCame(1.0, 1)) == (WriteRecord(1),)
    return talk


def test_an_audited_answer_is_committed_to_once_its_record_is_written() -> None:
    """One more step between content and commit."""
    talk = audited()

    assert talk(RecordWritten(1.0, 1)) == (Commit(1),)
    assert talk(AttemptFinished(2.0, 1)) == (Done(),)


@pytest.mark.parametrize(
    ("event", "fault", "end"),
    [
        (RecordRefused(2.0, 1), "cancelled", UNRECORDED),
        (DeadlinePassed(600.0), "timeout", Code.DEADLINE_EXCEEDED),
        (Stopped(2.0), "cancelled", Code.OVERLOADED),
        (ClientLeft(2.0), "cancelled", Abandon()),
    ],
)
def test_while_the_record_is_written_nothing_has_been_sent(event: Event, fault: str, end: object) -> None:
    """So whatever happens then is told as an error or to nobody, never as a cut stream; the attempt is hung up on."""
    hang_up, last = audited()(event)

    assert isinstance(hang_up, CancelAttempt)
    assert (hang_up.attempt, hang_up.fault) == (1, fault)
    assert isinstance(last, GiveUp | Abandon)
    assert (last.code if isinstance(end, Code) and isinstance(last, GiveUp) else last) == end


def test_a_missing_record_is_our_own_overload() -> None:
    """503; retrying is left to the SDK."""
    assert (UNRECORDED.code, UNRECORDED.retry) == (Code.OVERLOADED, None)


def test_a_request_stopped_from_outside_ends_by_what_was_sent() -> None:
    """Before the commit it is an error, after it a cut; a running attempt is hung up on, a rest needs no hanging up."""
    trying, resting, committed = (Talk(plan(step("a"))) for _ in range(3))
    for talk in (trying, resting, committed):
        talk(Began(0.0))
    resting(failed(1))
    committed(ContentCame(1.0, 1))

    for talk, kinds in ((trying, [CancelAttempt, GiveUp]), (resting, [GiveUp]), (committed, [CancelAttempt, Cut])):
        commands = talk(Stopped(2.0))
        assert [type(command) for command in commands] == kinds
        assert commands[-1].code is Code.OVERLOADED  # type: ignore[union-attr]
        assert talk.state.phase == "over"


def test_a_client_that_leaves_ends_everything() -> None:
    """A running attempt is cancelled; a rest needs no hanging up."""
    trying, resting = Talk(plan(step("a"))), Talk(plan(step("a")))
    trying(Began(0.0))
    resting(Began(0.0))
    resting(failed(1))

    assert trying(ClientLeft(1.0)) == (CancelAttempt(1, "cancelled", "the client left"), Abandon())
    assert resting(ClientLeft(1.0)) == (Abandon(),)


def test_events_of_an_attempt_that_no_longer_counts_change_nothing() -> None:
    """A late word from a former attempt, and anything after the end, is ignored."""
    talk = Talk(plan(step("a"), step("b")))
    talk(Began(0.0))
    talk(failed(1))
    before = talk.state

    assert talk(ContentCame(1.0, 1)) == ()
    assert talk(Rested(1.0)) == ()
    assert talk.state is before
    talk(ClientLeft(1.0))
    assert talk(ContentCame(2.0, 2)) == ()
