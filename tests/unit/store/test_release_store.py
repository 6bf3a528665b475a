"""Releases, the lock and trials as rows: changed by compare-and-set, read back as they were, units in order of arrival."""

from hashlib import sha256
from typing import Any

import msgspec
import pytest
from sqlalchemy import event

from tests.support.records import NOW, TRAITS, record
from tests.support.releases import evidence, exposure, release
from turnout.store import trials
from turnout.store.exposures import Cut, Unit
from turnout.store.ledger import Ledger
from turnout.store.releases import ReleaseFilters
from turnout.store.trials import TrialState
from turnout.types.evidence import Exposure
from turnout.types.feedback import Feedback
from turnout.types.lock import Frozen, Lock
from turnout.types.release import Release, Step

NOTHING = Cut(0.0, 0.0)


def put(ledger: Ledger, one: Release) -> bool:
    return ledger.audit.within(lambda connection: ledger.releases.put(connection, one))


def put_lock(ledger: Ledger, lock: Lock) -> bool:
    return ledger.audit.within(lambda connection: ledger.lock.put(connection, lock, "ann", NOW))


def units(ledger: Ledger, cut: Cut = NOTHING, *, began: float = NOW, longest: float = 660.0, limit: int = 100) -> list[Exposure]:
    return [unit.exposure for unit in ledger.trials.units("rel-1", began, cut, longest, limit)]


def test_a_release_is_changed_by_who_read_the_latest(ledger: Ledger):
    """Once added, and each revision once."""
    one = release()
    next_ = msgspec.structs.replace(one, revision=1, due=NOW)

    assert put(ledger, one)
    assert not put(ledger, one)
    assert put(ledger, next_)
    assert not put(ledger, next_)
    assert not put(ledger, msgspec.structs.replace(one, revision=3))
    assert ledger.releases.get("rel-1") == next_
    assert ledger.releases.get("rel-2") is None


def test_releases_are_found_by_what_they_are(ledger: Ledger):
    """Newest first by filter; open ones oldest first; those that were rolled back by model and route."""
    first, second = release(id_="rel-1", at=NOW), release("rolled_back", id_="rel-2", at=NOW + 1, until=NOW + 9)
    third = release("trial", id_="rel-3", at=NOW + 2, route="other")
    assert all(put(ledger, one) for one in (first, second, third))

    store = ledger.releases
    assert store.open() == (first, third)
    assert store.list() == (third, second, first)
    assert store.list(1, ReleaseFilters(before=NOW + 2)) == (second,)
    assert store.list(9, ReleaseFilters(id="rel-2")) == (second,)
    assert store.list(9, ReleaseFilters(id="rel-")) == (third, second, first)
    assert store.list(9, ReleaseFilters(id="rel_")) == ()
    assert store.list(filters=ReleaseFilters(route="chat", is_over=False)) == (first,)
    assert store.list(filters=ReleaseFilters(phase="trial", event="ev-1", model="acme/new")) == (third,)
    assert store.rolled_back("acme/new", "chat") == (second,)
    assert store.rolled_back("acme/new", "other") == ()


def test_a_history_keeps_its_evidence_and_learns_its_policy(ledger: Ledger):
    """Steps are numbered in order; those that changed the lock get their version once that revision is published."""
    put(ledger, release())
    for lock in (None, 4, 6):
        step = Step("rel-1", 0, NOW, "trial", "ann", f"lock {lock}", 1.0)
        ledger.audit.within(lambda connection, step=step, lock=lock: ledger.releases.add_step(connection, step, b'{"n":1}', lock))

    ledger.releases.note_policy(17, 5)
    found = ledger.releases.steps("rel-1")
    assert [(step.n, step.policy) for step in found] == [(1, None), (2, 17), (3, None)]
    assert found[0].evidence == sha256(b'{"n":1}').hexdigest()
    assert ledger.releases.evidence("rel-1", 2) == b'{"n":1}'
    ledger.releases.note_policy(18, 6)
    assert [step.policy for step in ledger.releases.steps("rel-1")] == [None, 17, 18]


def test_the_lock_is_one_row(ledger: Ledger):
    """Revision 0 before the first; each revision once."""
    one = Lock(1, frozen=Frozen("ann", NOW, "holidays"))

    assert (ledger.lock.read(), ledger.lock.revision()) == (Lock(), 0)
    assert put_lock(ledger, one)
    assert not put_lock(ledger, one)
    assert not put_lock(ledger, Lock(3))
    assert put_lock(ledger, Lock(2))
    assert (ledger.lock.read(), ledger.lock.revision()) == (Lock(2), 2)


def test_points_are_thinned(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    """A chart keeps its first and its latest, and never more than so many."""
    monkeypatch.setattr(trials, "MOST_POINTS", 20)
    for n in range(50):
        ledger.trials.add_point("rel-1", evidence(NOW + n))

    at = [point.at - NOW for point in ledger.trials.points("rel-1")]
    assert len(at) <= 20
    assert (at[0], at[-1]) == (0, 49)
    assert at == sorted(at)
    assert ledger.trials.points("rel-2") == ()


def test_a_state_is_replaced_and_dropped(ledger: Ledger):
    """The latest holds until the trial is over."""
    for n in (1, 2):
        ledger.trials.keep_state("rel-1", TrialState(NOW + n, n, bytes([n])))
    assert ledger.trials.state("rel-1") == TrialState(NOW + 2, 2, b"\2")

    ledger.audit.within(lambda connection: ledger.trials.drop_state(connection, "rel-1"))
    assert ledger.trials.state("rel-1") is None


def test_units_come_in_order_of_arrival_with_the_candidates_share(ledger: Ledger):
    """Whatever the order they were written in; of a control too it is the candidate's chance that counts."""
    ledger.ingest([exposure(2, NOW + 2, candidate=False, share=0.1), exposure(1, NOW + 1, candidate=True, share=0.1)], "s", 1)

    assert [(unit.at, unit.candidate, unit.share) for unit in units(ledger)] == [
        (NOW + 1, True, 0.1),
        (NOW + 2, False, pytest.approx(0.1)),
    ]
    assert units(ledger)[0].cost == 1_450_000_000


def test_a_session_is_one_unit(ledger: Ledger):
    """Its first request on the trial: not one of another trial, nor one from before the trial began anew."""
    in_session = {"traits": msgspec.structs.replace(TRAITS, session="s-1")}
    ledger.ingest([
        exposure(1, NOW - 5, candidate=True, **in_session), exposure(2, NOW + 1, candidate=False, trial="rel-0", **in_session),
        exposure(3, NOW + 2, candidate=True, **in_session), exposure(4, NOW + 2, candidate=True, **in_session),
        exposure(5, NOW + 3, candidate=False, **in_session), exposure(6, NOW + 4, candidate=False),
        exposure(7, NOW + 4, candidate=False),
    ], "s", 1)  # fmt: skip

    assert [unit.at - NOW for unit in units(ledger)] == [2, 4, 4]
    assert [unit.at - NOW for unit in units(ledger, began=NOW - 10)] == [-5, 4, 4]


@pytest.mark.parametrize(
    "changes",
    [
        {"copy_of": "req-9"}, {"drill": "d-1"}, {"reason": "cache"}, {"outcome": "rejected"}, {"outcome": "begun"}, {"side": "mirror"},
        {"trial": "rel-2"}, {"propensity": None}, {"at": NOW - 1},
    ],
    ids=lambda changes: next(iter(changes)) + "=" + str(next(iter(changes.values()))),
)  # fmt: skip
def test_what_is_no_unit_is_left_out(ledger: Ledger, changes: dict[str, Any]):
    """Copies, drills, cached answers, what was refused or is under way, other trials, what came before."""
    ledger.ingest([exposure(1, **{"at": NOW + 1, "candidate": True, **changes}), exposure(2, NOW + 2, candidate=True)], "s", 1)
    assert [unit.at for unit in units(ledger)] == [NOW + 2]


def test_a_user_is_one_unit_too(ledger: Ledger):
    """Whom the arm was drawn for: by session where there is one, else by the tag ``user``; a session of that name is somebody else."""
    of_ann = {"traits": msgspec.structs.replace(TRAITS, tags={"user": "ann"})}
    in_session = {"traits": msgspec.structs.replace(TRAITS, session="ann", tags={"user": "ann"})}
    ledger.ingest(
        [
            *(exposure(n, NOW + n, candidate=True, **of_ann) for n in (1, 2, 3)),
            *(exposure(n, NOW + n, candidate=False, **in_session) for n in (4, 5)),
        ], "s", 1,
    )  # fmt: skip

    assert [unit.at - NOW for unit in units(ledger)] == [1, 4]


def test_a_cached_answer_does_not_take_its_sessions_place(ledger: Ledger):
    """The first request that a model was asked for is the unit."""
    in_session = {"traits": msgspec.structs.replace(TRAITS, session="s-1")}
    ledger.ingest(
        [exposure(n, NOW + n, candidate=True, **in_session, **({"reason": "cache"} if n == 1 else {})) for n in (1, 2, 3)], "s", 1
    )
    assert [unit.at for unit in units(ledger)] == [NOW + 2]


@pytest.mark.parametrize(
    ("outcome", "first_token_ms", "ok"),
    [("ok", None, True), ("failed", None, False), ("cut", 50.0, False), ("cancelled", None, False), ("cancelled", 50.0, True)],
)
def test_what_counts_as_well_served(ledger: Ledger, outcome: str, first_token_ms: float | None, ok: bool):  # noqa: FBT001 - the test's
    """Who leaves before the first word was not; who leaves later was."""
    ledger.ingest([exposure(1, NOW, candidate=True, outcome=outcome, first_token_ms=first_token_ms)], "s", 1)
    assert units(ledger)[0].ok is ok


def test_a_late_verdict_is_read_with_its_unit(ledger: Ledger):
    """Nobody has judged: None. From 0.5 on it was good."""
    ledger.ingest([exposure(n, NOW + n, candidate=True) for n in range(3)], "s", 1)
    assert [unit.good for unit in units(ledger)] == [None, None, None]

    said = [
        Feedback(id="", at=NOW, kind="thumb", source="import", request_id=f"x-{n:07}", value=value, verdict=value)
        for n, value in ((0, 0.5), (1, 0.25))
    ]
    ledger.feedback.take(said)
    assert [unit.good for unit in units(ledger)] == [True, False, None]


def test_a_cut_parts_units_and_loses_none(ledger: Ledger):
    """What took long and came late is read once it is there: the parts make up the whole, whatever the cuts."""
    took = {n: (n % 7) * 40_000.0 for n in range(60)}
    ledger.ingest([exposure(n, NOW + n, candidate=True, duration_ms=took[n]) for n in took], "s", 1)
    cut, folded = Cut(NOW, NOW), []
    for seconds in (20, 50, 90, 200, 400):
        later = Cut(NOW + min(seconds, 60), NOW + seconds)
        found: list[Unit] = ledger.trials.units("rel-1", NOW, cut, 300.0, 1_000)
        folded += [unit.exposure.at for unit in found if later.holds(unit.exposure.at, unit.ended)]
        cut = later

    assert sorted(folded) == [NOW + n for n in range(60)]
    assert units(ledger, cut) == []


def test_a_limit_takes_the_first(ledger: Ledger):
    """So that who has much to make up for goes on from there."""
    ledger.ingest([exposure(n, NOW + n, candidate=True) for n in range(9)], "s", 1)
    assert [unit.at - NOW for unit in units(ledger, limit=3)] == [0, 1, 2]
    assert [unit.at - NOW for unit in units(ledger, Cut(NOW + 2, NOW + 99), limit=3)] == [2, 3, 4]


def test_a_mirror_is_read_in_pairs(ledger: Ledger):
    """The original is the control, its copy the candidate's; a pair that is not whole is left out."""
    told = {"side": "mirror", "trial": "rel-1", "traits": None}
    ledger.ingest([
        record(1), record(2, outcome="failed"), record(3),
        record(11, copy_of="req-1", outcome="failed", **told), record(12, copy_of="req-2", **told), record(13, copy_of="req-3", outcome="begun", **told),
        record(14, copy_of="req-none", **told),
    ], "s", 1)  # fmt: skip

    found = ledger.trials.pairs("rel-1", NOW, 100)
    assert [(one.candidate, one.ok, one.share) for one in found] == [
        (False, True, 0.5),
        (True, False, 0.5),
        (False, False, 0.5),
        (True, True, 0.5),
    ]
    assert ledger.trials.pairs("rel-1", NOW, 1) == found[2:]


def test_units_are_read_by_their_indexes(sqlite: Ledger):
    """The trial's rows by the trial, what came before them by the unit: neither grows with all that was ever asked."""
    asked: list[tuple[str, Any]] = []
    event.listen(sqlite._engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    units(sqlite)
    with sqlite._engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"explain query plan {asked[0][0]}", asked[0][1])]

    assert plan[0] == "SEARCH r USING INDEX requests_trial (trial=? AND at>?)"
    assert "SEARCH earlier USING INDEX requests_unit (unit=? AND at>? AND at<?)" in plan
    assert not any("SCAN" in step for step in plan)
