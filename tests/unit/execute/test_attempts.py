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
from turnout.execute.progress import Skip, State
from turnout.types.checks import NotRefusal
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


def away(
    attempt: int, reason: Any, at: float = 0.0, until: float = 0.0, badness: tuple[bool, float, float] = (False, 0.0, 0.0)
) -> TurnedAway:
    return TurnedAway(at, attempt, reason, until, badness)


def test_what_is_turned_away_was_not_attempted() -> None:
    """The next step has its number, and the record says who was passed over and why."""
    talk = Talk(plan(step("a"), step("b"), step("c"), attempts=1))
    talk(Began(0.0))

    assert talk(away(1, "ejected")) == (StartAttempt(1, 1),)
    assert talk(away(1, "quota", until=9.0)) == (StartAttempt(1, 2),)
    assert talk.state.skipped == (Skip("a", "ejected"), Skip("b", "quota"))
    assert talk.state.failures == ()


@pytest.mark.parametrize(("reason", "condition"), [("ejected", "unavailable"), ("quota", "rate_limited")])
def test_what_is_turned_away_leads_on_as_if_it_had_failed_like_that(reason: str, condition: str) -> None:
    """A step that lists the other condition is passed over."""
    talk = Talk(plan(step("a"), step("b", on("content_filter")), step("c", on(condition))))
    talk(Began(0.0))

    assert talk(away(1, reason, until=9.0)) == (StartAttempt(1, 2),)


def test_the_least_bad_of_all_that_are_ejected_is_forced() -> None:
    """At once; when that fails at once, too, it rests for it rather than force the worse one."""
    talk = Talk(plan(step("a"), step("b"), attempts=5))
    talk(Began(0.0))
    talk(away(1, "ejected", badness=(False, 9.0, 1.0)))

    assert talk(away(1, "ejected", badness=(False, 3.0, 1.0))) == (StartAttempt(1, 1, forced=True),)
    (rest,) = talk(failed(1))
    assert isinstance(rest, Sleep)
    assert talk(Rested(1.0)) == (StartAttempt(2, 1, again=True),)


def test_a_quarantined_one_is_forced_after_all_others() -> None:
    """Only a person mends it."""
    talk = Talk(plan(step("a"), step("b")))
    talk(Began(0.0))
    talk(away(1, "ejected", badness=(True, 1.0, 1.0)))

    assert talk(away(1, "ejected", badness=(False, 300.0, 1.0))) == (StartAttempt(1, 1, forced=True),)


@pytest.mark.parametrize(("retry_after", "is_forced"), [(0.9, False), (1.1, True)])
def test_a_rest_of_a_second_is_better_than_forcing(retry_after: float, *, is_forced: bool) -> None:
    """Longer ones are not."""
    talk = Talk(plan(step("a"), step("b")))
    talk(Began(0.0))
    talk(away(1, "ejected"))
    (command,) = talk(failed(1, "rate_limited", retry_after=retry_after))

    assert command == (StartAttempt(2, 0, forced=True) if is_forced else Sleep(retry_after))


def test_where_room_will_be_it_stands_in_line() -> None:
    """For its patience in all; then it asks again; what it waited for is no second try."""
    talk = Talk(plan(step("a")))
    talk(Began(0.0))

    assert talk(away(1, "quota", until=1.5)) == (StandInLine(0, 1.5, 2.0),)
    assert talk(Rested(1.5)) == (StartAttempt(1, 0),)
    assert talk(away(1, "quota", 1.5, until=1.9)) == (StandInLine(0, 1.9, 2.0),)
    assert talk(Rested(2.0)) == (StartAttempt(1, 0),)
    (end,) = talk(away(1, "quota", 2.0, until=2.5))
    assert isinstance(end, GiveUp)
    assert (end.code, end.retry_after) == (Code.RATE_LIMITED, 0.5)
    assert end.message == "no model was called: a (quota: it has no room)"


def test_nobody_stands_in_line_in_vain() -> None:
    """Room that comes after its patience, or its deadline, is waited for by nobody: it is told when."""
    for limits in ({}, {"deadline": 1.0}):
        talk = Talk(plan(step("a"), **limits))  # type: ignore[arg-type]
        talk(Began(0.0))
        (end,) = talk(away(1, "quota", until=2.5))
        assert isinstance(end, GiveUp)
        assert (end.code, end.retry_after) == (Code.RATE_LIMITED, 2.5)


def test_a_full_line_is_not_the_end_where_something_is_left() -> None:
    """A retry that is due soon, or an ejected one; and no other line is tried."""
    retrying, forcing, lost = Talk(plan(step("a"), step("b"))), Talk(plan(step("a"), step("b"))), Talk(plan(step("a"), step("b")))
    for talk, second in ((retrying, failed(1)), (forcing, away(1, "ejected")), (lost, away(1, "quota", until=1.5))):
        talk(Began(0.0))
        talk(away(1, "quota", until=0.05))
        assert talk(second) == (StandInLine(0, 0.05, 2.0),)

    full = away(1, "quota", until=0.05)
    assert isinstance(retrying(msgspec.structs.replace(full, attempt=1))[0], Sleep)
    assert forcing(full) == (StartAttempt(1, 1, forced=True),)
    (end,) = lost(full)
    assert isinstance(end, GiveUp)
    assert end.code is Code.RATE_LIMITED


def test_who_has_retried_enough_is_told_what_happened() -> None:
    """No further second try, of any step; an untried step is still tried."""
    talk = Talk(plan(step("a"), step("b", on("rate_limited")), attempts=9))
    talk(Began(0.0))
    talk(failed(1))
    (start,) = talk(Rested(0.25))
    assert start == StartAttempt(2, 0, again=True)

    assert talk(away(2, "retries", 0.25)) == (StartAttempt(2, 1),)
    (end,) = talk(failed(2, at=0.3))
    assert isinstance(end, GiveUp)
    assert end.code is Code.UPSTREAM_FAILED


def test_another_credential_is_tried_before_another_model() -> None:
    """At once; it counts as an attempt, and must be paid for."""
    talk = Talk(plan(step("a"), step("b"), attempts=2))
    talk(Began(0.0))
    assert talk(failed(1, "rate_limited", retry_after=30.0, spare=True)) == (StartAttempt(2, 0),)
    (end,) = talk(failed(2, "rate_limited", spare=True))
    assert isinstance(end, GiveUp)

    poor = Talk(plan(step("a", cost=6), step("b", cost=1), budget=10))
    poor(Began(0.0))
    assert poor(failed(1, "rate_limited", spare=True, cost=PicoDollars(6))) == (StartAttempt(2, 1),)


def hedging(*more: Any, **limits: Any) -> Talk:
    """A second attempt goes on beside the first."""
    talk = Talk(plan(step("p/a", cost=2), step("q/b", cost=3), *more, **limits))
    talk(Began(0.0))
    assert talk(HedgeDue(1.0, 1)) == (StartAttempt(2, 1, beside=True),)
    return talk


@pytest.mark.parametrize("first", [1, 2])
def test_the_first_of_two_to_answer_serves(first: int) -> None:
    """The other is hung up on, and counts as what it was expected to cost; the earlier one is outrun."""
    talk = hedging()
    lost = 3 - first
    hang_up = CancelAttempt(lost, "cancelled", "another attempt answered first", outrun=lost == 1)

    assert talk(ContentCame(2.0, first)) == (hang_up, Commit(first))
    assert talk.state.spent == (2 if lost == 1 else 3)
    assert talk(ContentCame(2.0, lost)) == ()
    assert talk(AttemptFinished(3.0, first)) == (Done(),)


@pytest.mark.parametrize("first", [1, 2])
def test_of_two_that_fail_the_last_one_leads_on(first: int) -> None:
    """The other goes on meanwhile, and no third starts beside it."""
    talk = hedging(step("s/c"))

    assert talk(failed(first, at=2.0)) == (AwaitAttempt(),)
    assert talk(failed(3 - first, at=3.0)) == (StartAttempt(3, 2),)


def test_a_hedge_that_is_turned_away_was_not_attempted() -> None:
    """The first goes on; its number is free again."""
    talk = hedging()

    assert talk(away(2, "ejected", 1.0)) == (AwaitAttempt(),)
    assert talk.state.skipped == ()
    assert talk(failed(1, at=2.0)) == (StartAttempt(2, 1),)


@pytest.mark.parametrize(
    ("limits", "steps"),
    [
        ({"attempts": 1}, (step("p/a"), step("q/b"))),
        ({"budget": 4}, (step("p/a", cost=2), step("q/b", cost=3))),
        ({"budget": 40}, (step("p/a", cost=2), step("q/b", cost=None))),
        ({}, (step("p/a"), step("p/b"))),
        ({}, (step("p/a"), step("q/b", on("rate_limited")))),
        ({}, (step("p/a"),)),
        ({"deadline": 1.0}, (step("p/a"), step("q/b"))),
    ],
)
def test_a_hedge_needs_an_attempt_money_another_provider_and_time(limits: Any, steps: Any) -> None:
    """Else the first goes on alone."""
    talk = Talk(plan(*steps, **limits))
    talk(Began(0.0))

    assert talk(HedgeDue(1.0, 1)) == (AwaitAttempt(),)
    assert talk.state.other is None


@pytest.mark.parametrize("event", [DeadlinePassed(600.0), ClientLeft(2.0), Stopped(2.0)])
def test_whatever_ends_a_request_ends_both(event: Event) -> None:
    """Each is hung up on by its number."""
    *lost, end = hedging()(event)

    assert {command.attempt for command in lost if isinstance(command, CancelAttempt)} == {1, 2}
    assert isinstance(end, GiveUp | Abandon)


def test_a_wrong_request_ends_the_attempt_beside_it_too() -> None:
    """It would be wrong everywhere."""
    lost, end = hedging()(failed(2, "caller_error", 2.0, status=422))

    assert lost == CancelAttempt(1, "cancelled", "the request is wrong, wherever it goes")
    assert end == GiveUp(Code.INVALID_REQUEST, "words", 422)


def test_an_arms_answer_is_checked_before_it_is_committed_to() -> None:
    """One that passes goes out; one that does not is an attempt that failed, and any step takes its condition that takes any."""
    arm = msgspec.structs.replace(step("arm"), checks=(NotRefusal(),))
    passes, fails = Talk(plan(arm, step("a"))), Talk(plan(arm, step("b", on("unavailable")), step("a")))
    for talk in (passes, fails):
        talk(Began(0.0))
        assert talk(ContentCame(1.0, 1)) == (Check(1),)

    assert passes(CheckPassed(1.0, 1)) == (Commit(1),)
    unfit = AttemptFailed(1.0, 1, "check_failed", "check", Blame.QUALITY, "refusal: it declines", 200, None, PicoDollars(3))
    assert fails(unfit) == (StartAttempt(2, 2),)
    assert fails.state.spent == 3
    assert fails(ContentCame(2.0, 2)) == (Commit(2),)


def test_the_message_names_what_was_called_and_what_was_not() -> None:
    """In a sentence that a person can act on."""
    talk = Talk(plan(step("a"), step("b"), step("c"), attempts=1))
    talk(Began(0.0))
    talk(away(1, "ejected"))
    talk(away(1, "quota", until=60.0))
    (end,) = talk(failed(1, status=503))

    assert isinstance(end, GiveUp)
    assert end.code is Code.UPSTREAM_FAILED
    assert end.message == (
        "1 attempt made, the last one at c answered 503 (unavailable): words; "
        "not called: a (ejected: it has failed too often), b (quota: it has no room)"
    )


def test_it_is_no_429_while_somebody_is_ejected() -> None:
    """To come back later is no advice when the provider is ill."""
    talk = Talk(plan(step("a"), step("b"), attempts=1))
    talk(Began(0.0))
    talk(away(1, "ejected"))
    (end,) = talk(failed(1, "rate_limited", retry_after=9.0))

    assert isinstance(end, GiveUp)
    assert end.code is Code.UPSTREAM_FAILED
