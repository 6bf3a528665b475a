"""One model behind one credential: may it be called, and what calling it has shown."""

import pytest

from tests.support.fake_dialect import FakeDialect
from tests.support.play import FakeUpstream
from turnout.errors import CallerFault, Misconfigured, ProviderFault, RateLimited, TimedOut, Unavailable, Unfit
from turnout.execute.board import Board
from turnout.execute.commands import StartAttempt
from turnout.execute.deployment import Away, Deployment, Guard, Lease
from turnout.execute.room import Need
from turnout.types.policy import Policy
from turnout.types.resilience import HealthRules, QuotaRules

NEED = Need(stream=True, read=10, written=10)
START = StartAttempt(1, 0)


def board(**rules: object) -> Board:
    made = Board(chance=lambda: 0.5)
    upstreams = {name: (FakeUpstream(name, FakeDialect()),) for name in ("p/a", "p/b")}
    made.take_up(Policy((), (), health=HealthRules(**rules)), upstreams, ())  # type: ignore[arg-type]
    return made


def one(the_board: Board, model: str = "p/a") -> Deployment:
    return the_board.pools[model][0]


def lease(member: Deployment, now: float) -> Lease:
    found = member.take(now, 10.0, stream=True) or member.consider(now, 10.0, NEED)
    assert isinstance(found, Lease), found
    return found


def fail(member: Deployment, now: float, fault: ProviderFault, *, heard: bool = True, hung_up: bool = False) -> None:
    member.failed(lease(member, now), now, fault, heard=heard, hung_up=hung_up)


def standings(member: Deployment, now: float) -> dict[str, str]:
    return {name: getattr(member, name).standing(now) for name in ("address", "credential", "own")}


@pytest.mark.parametrize(
    ("fault", "heard", "hung_up", "ejected"),
    [
        (Unavailable("no", status=503), True, False, "own"),
        (Unavailable("refused"), False, False, "address"),
        (TimedOut("connect"), False, False, "address"),
        (TimedOut("first token"), False, True, "own"),
        (RateLimited("no", status=429), True, False, None),
        (CallerFault("no", status=400), True, False, None),
        (Unfit("no"), True, False, None),
    ],
)
def test_each_failure_counts_against_what_it_tells_of(
    fault: ProviderFault, ejected: str | None, *, heard: bool, hung_up: bool
) -> None:
    """Five in a row: an answer tells of the model, none at all of the address; capacity, callers and quality of nobody's health."""
    member = one(board())
    for number in range(5):
        fail(member, 100.0 * number, fault, heard=heard, hung_up=hung_up)

    assert [name for name, standing in standings(member, 400.0).items() if standing == "ejected"] == (
        [ejected] if ejected else []
    )
    assert member.in_flight == 0


@pytest.mark.parametrize(
    ("status", "whose"), [(401, "credential"), (402, "credential"), (407, "credential"), (403, "own"), (404, "own")]
)
def test_once_is_enough_for_a_configuration_fault(status: int, whose: str) -> None:
    """And it lasts for ten minutes."""
    member = one(board())
    fail(member, 0.0, Misconfigured("no", status=status))

    assert [name for name, standing in standings(member, 599.0).items() if standing == "ejected"] == [whose]
    assert standings(member, 601.0)[whose] == "probing"


def test_what_is_shared_is_out_for_all_at_once() -> None:
    """The quick way in of the other model is shut the moment that its address is ejected."""
    the_board = board()
    other = one(the_board, "p/b")
    assert other.take(0.0, 10.0, stream=True)
    for _ in range(5):
        fail(one(the_board), 1.0, Unavailable("refused"), heard=False)

    assert other.take(1.0, 10.0, stream=True) is None
    away = other.consider(1.0, 10.0, NEED)
    assert isinstance(away, Away)
    assert away.reason == "ejected"
    assert away.until == pytest.approx(6.0)


def test_one_probe_at_a_time_and_its_place_is_always_given_back() -> None:
    """However the probe ends: well, badly, left, refused for want of room, or by the caller's fault."""
    ends = (
        lambda member, probe, now: member.answered(probe, now, now, now, None),
        lambda member, probe, now: member.failed(probe, now, Unavailable("no"), heard=True, hung_up=False),
        lambda member, probe, now: member.failed(probe, now, CallerFault("no"), heard=True, hung_up=False),
        lambda member, probe, now: member.failed(probe, now, RateLimited("no"), heard=True, hung_up=False),
        lambda member, probe, now: member.failed(probe, now, Misconfigured("no", status=404), heard=True, hung_up=False),
        lambda member, probe, now: member.dropped(probe, now, now),
        lambda member, probe, now: member.dropped(probe, now, now, outrun=True),
    )
    for end in ends:
        member = one(board())
        for _ in range(5):
            fail(member, 0.0, Unavailable("no", status=500))
        probe = member.consider(7.0, 10.0, NEED)
        assert isinstance(probe, Lease)
        assert probe.probes == (member.own,)
        assert isinstance(member.consider(7.0, 10.0, NEED), Away)
        end(member, probe, 7.0)
        assert member.own.health.probing == 0
        assert (member.in_flight, member.shared.in_flight) == (0, 0)


def test_a_probe_that_a_hedge_outran_has_failed() -> None:
    """Else a silent model would be probed for ever, each time by a user who waits for the hedge; one that was dropped tells nothing."""
    for outrun, ejections in ((True, 2), (False, 1)):
        member = one(board())
        for _ in range(5):
            fail(member, 0.0, Unavailable("no", status=500))
        probe = member.consider(7.0, 10.0, NEED)
        assert isinstance(probe, Lease)
        member.dropped(probe, 7.0, 7.1, outrun=outrun)
        assert member.own.health.ejections == ejections


def test_hedges_do_not_hide_a_silence() -> None:
    """Who was outrun has heard nothing: five of them, and nobody answered, is a silence; five that left is none."""
    for outrun, away in ((True, True), (False, False)):
        member = one(board())
        for n in range(5):
            lease = member.consider(n / 10, 10.0, NEED)
            assert isinstance(lease, Lease)
            member.dropped(lease, n / 10, n / 10 + 0.05, outrun=outrun)
        assert isinstance(member.consider(30.0, 10.0, NEED), Away) is away


def test_a_probe_tells_each_guard_what_it_can_tell() -> None:
    """A 500 to the probe of an address shows that the address answers; of the credential it says nothing."""
    member = one(board())
    for guard in (member.address, member.credential, member.own):
        guard.eject(0.0, "test")
    probe = member.consider(7.0, 10.0, NEED)
    assert isinstance(probe, Lease)
    assert probe.probes == member.guards
    member.failed(probe, 7.0, Unavailable("no", status=500), heard=True, hung_up=False)

    assert standings(member, 7.0) == {"address": "probing", "credential": "probing", "own": "ejected"}
    assert [guard.health.passed for guard in member.guards] == [1, 0, 0]


def test_three_probes_that_succeed_readmit() -> None:
    """Then its share grows back."""
    member = one(board())
    for _ in range(5):
        fail(member, 0.0, Unavailable("no", status=500))
    for number in range(3):
        assert member.own.standing(7.0 + number) == "probing"
        probe = member.consider(7.0 + number, 10.0, NEED)
        assert isinstance(probe, Lease)
        member.answered(probe, 7.0 + number, 7.0 + number, 7.0 + number, None)

    assert member.own.standing(9.0) == "admitting"
    assert isinstance(member.consider(9.0, 10.0, NEED), Away), "by half a chance, at a tenth of its share"
    assert isinstance(member.consider(15.0, 10.0, NEED), Lease)
    assert not member.is_open
    member.refresh(20.0)
    assert member.is_open


def test_silence_is_noticed_by_whoever_comes_next() -> None:
    """Five wait for longer than is usual here: the sixth is turned away."""
    member = one(board())
    for number in range(30):
        member.answered(lease(member, float(number)), float(number), number + 0.1, number + 0.2, None)
    for _ in range(5):
        assert member.take(100.0, 10.0, stream=True)
    assert member.take(100.2, 10.0, stream=True), "not yet"

    assert member.take(102.0, 10.0, stream=True) is None
    away = member.consider(102.0, 10.0, NEED)
    assert isinstance(away, Away)
    assert member.own.health.cause == "silence"
    assert member.streams.waiting == 0, "who begins now is judged by itself"


def test_streams_and_whole_answers_are_silent_by_themselves() -> None:
    """A whole answer is silent for its whole length."""
    member = one(board())
    for number in range(30):
        member.answered(lease(member, float(number)), float(number), number + 0.1, number + 0.2, None)
    for _ in range(10):
        assert member.take(100.0, 10.0, stream=True)

    assert member.take(105.0, 100.0, stream=False)


def test_a_probe_waits_as_long_as_is_usual() -> None:
    """And as long as it may where nothing is known."""
    member = one(board())
    assert member.usual_wait(30.0, stream=True) == 30.0
    for number in range(30):
        member.answered(lease(member, float(number)), float(number), number + 0.1, number + 0.2, None)
    assert 0.2 < member.usual_wait(30.0, stream=True) < 1.0
    assert member.usual_wait(30.0, stream=False) == 30.0


def test_a_forced_call_that_succeeds_lets_probing_begin() -> None:
    """Nobody else was left to ask, and it answered."""
    the_board = board()
    member = one(the_board)
    for _ in range(5):
        fail(member, 0.0, Unavailable("no", status=500))
    forced = the_board.choose(the_board.pools["p/a"], StartAttempt(1, 0, forced=True), 1.0, 10.0, NEED)
    assert isinstance(forced, Lease)
    member.answered(forced, 1.0, 1.1, 1.2, None)

    assert member.own.standing(1.2) == "probing"
    assert (member.in_flight, member.shared.in_flight) == (0, 0)


def test_each_change_of_standing_is_noted_once() -> None:
    """With when, why, and until when."""
    the_board = board()
    for _ in range(5):
        fail(one(the_board), 1.0, Unavailable("no", status=500))

    (change,) = the_board.changes
    assert (change.name, change.before, change.after, change.at, change.cause) == (
        "p/a",
        "admitting",
        "ejected",
        1.0,
        "consecutive failures",
    )
    assert change.until == pytest.approx(6.0)


def test_many_successes_are_told_when_it_matters() -> None:
    """They are only counted, and outweigh the failure that comes after them."""
    member = one(board())
    for _ in range(50):
        member.answered(lease(member, 1.0), 1.0, 1.1, 1.2, None)
    assert member.own.health.succeeded == 0
    fail(member, 2.0, Unavailable("no", status=500))

    assert member.own.health.succeeded == 50
    assert member.own.health.failed == 1
    assert member.own.standing(2.0) == "admitting"


def test_a_refused_deployment_is_let_be_and_doubles_its_pause() -> None:
    """Half a second, one, two where no time was named; a success ends the row."""
    member = one(board())
    for at, pause in ((0.0, 0.5), (10.0, 1.0), (20.0, 2.0)):
        fail(member, at, RateLimited("no", status=429))
        away = member.consider(at, 10.0, NEED)
        assert isinstance(away, Away)
        assert (away.reason, away.until) == ("quota", at + pause)
    found = member.consider(30.0, 10.0, NEED)
    assert isinstance(found, Lease)
    member.answered(found, 30.0, 30.1, 30.1, None)
    fail(member, 40.0, RateLimited("no", status=429))
    assert isinstance(away := member.consider(40.0, 10.0, NEED), Away)
    assert away.until == 40.5


def test_a_guard_that_is_readmitted_remembers_how_often_it_was_out() -> None:
    """An active check has shown that it is well; the next ejection is longer all the same."""
    changes: list[object] = []
    guard = Guard("g", HealthRules(), lambda: 0.5, changes.append)
    guard.eject(0.0, "one")
    guard.readmit(1.0)
    guard.eject(2.0, "two")

    assert guard.health.until == pytest.approx(12.0)
    assert len(changes) == 3


def test_a_full_concurrency_is_asked_again_soon() -> None:
    """Places become free without notice."""
    made = Board(chance=lambda: 0.5)
    made.take_up(Policy((), (), quota=QuotaRules(concurrency=1)), {"p/a": (FakeUpstream("p/a", FakeDialect()),)}, ())
    member = one(made)
    first = member.consider(0.0, 10.0, NEED)
    assert isinstance(first, Lease)
    away = member.consider(0.0, 10.0, NEED)
    assert isinstance(away, Away)
    assert (away.reason, away.until) == ("quota", 0.05)
    member.dropped(first, 0.0, 0.1)
    assert isinstance(member.consider(0.1, 10.0, NEED), Lease)


def test_a_probe_that_could_not_be_made_is_given_back() -> None:
    """There was no room for it, or another guard did not let it pass."""
    member = one(board())
    member.own.eject(0.0, "test")
    member.room.refused(6.0, 30.0, 1)
    away = member.consider(7.0, 10.0, NEED)
    assert isinstance(away, Away)
    assert away.reason == "quota"
    assert member.own.health.probing == 0

    member = one(board())
    member.address.eject(0.0, "test")
    member.own.eject(3.0, "test")
    away = member.consider(7.0, 10.0, NEED)
    assert isinstance(away, Away)
    assert away.reason == "ejected"
    assert member.address.health.probing == 0
