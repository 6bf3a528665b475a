"""A release from its detection to its end, on a real ledger with a clock of the test's."""

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import event

from tests.support.records import NOW, record
from tests.support.releases import POLICY, PROPOSAL, ROUTE, RULES, SPEC, World, evidence, exposure, release
from turnout.alerts.tell import of_step
from turnout.audit.chain import verify
from turnout.release.desk import NotAllowed, NotNow
from turnout.release.next_step import BLIND, MISMATCH, SILENT, STUCK
from turnout.store.ledger import Ledger
from turnout.types.alert import Alert
from turnout.types.lock import Lock, Running
from turnout.types.policy import Policy, Segment
from turnout.types.release import Release, Step


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    ledger = Ledger(tmp_path / "ledger.db")
    yield World(ledger)
    assert list(verify(ledger.audit.entries())) == []
    ledger.close()


class Traffic:
    """Requests on trial, drawn as the lock says at that moment."""

    def __init__(self, world: World, tick: Callable[[], object] | None = None, seed: int = 1) -> None:
        self.world = world
        self.tick = tick or world.controller.tick
        self.n = 0
        self.chance = random.Random(seed)

    def run(self, seconds: float, rate: float, *, good: float = 0.95, control: float = 0.95, skew: float = 0.0) -> None:
        """So many a second for so long, with a tick after every tenth second."""
        for _ in range(int(seconds / 10)):
            entry = self.world.ledger.lock.read().routes.get("chat")
            trial = None if entry is None else entry.trial
            self.world.clock.advance(10.0)
            if trial is not None and rate:
                rows = [self._one(trial.share, good, control, skew) for _ in range(int(10 * rate))]
                self.world.ledger.ingest(rows, "s", self.n)
                with self.world.ledger._engine.begin() as connection:
                    connection.exec_driver_sql("update requests set verdict = 1.0 where verdict is null")
            self.tick()

    def _one(self, share: float, good: float, control: float, skew: float):
        self.n += 1
        candidate = self.chance.random() < share - skew
        ok = self.chance.random() < (good if candidate else control)
        at = self.world.clock.now() - 10 * self.chance.random()
        return exposure(self.n, at, candidate=candidate, share=share, outcome="ok" if ok else "failed", duration_ms=10.0)


def phases(world: World, release_id: str = "rel-1") -> list[str]:
    """As its history tells them, each once in a row."""
    steps = [step.phase for step in world.ledger.releases.steps(release_id)]
    return [phase for n, phase in enumerate(steps) if n == 0 or steps[n - 1] != phase]


def on_trial(world: World, **spec: Any) -> Release:
    world.has(release("trial", spec=msgspec.structs.replace(SPEC, **spec)))
    return world.get()


def test_a_good_release_goes_all_the_way(world: World):
    """Detected, measured, proposed, tried by stages, baked, adopted; the lock, the history and the policy's versions agree."""
    world.desk.open(release())
    traffic = Traffic(world)
    for _ in range(40):
        traffic.run(100, 4.0, good=1.0, control=0.9)
        if world.get().is_over:
            break

    assert phases(world) == ["detected", "screened", "benchmarked", "proposed", "trial", "bake", "adopted"]
    entry = world.ledger.lock.read().routes["chat"]
    assert (entry.trial, [one.release for one in entry.adopted]) == (None, ["rel-1"])
    assert (entry.adopted[0].role, entry.adopted[0].when) == ("segment", {"complexity": "simple"})
    steps = world.ledger.releases.steps("rel-1")
    shares = [step.share for step in steps if step.phase == "trial"]
    assert shares == sorted(shares)
    assert {1.0, 5.0, 10.0, 25.0, 50.0} == set(shares)
    assert [step.policy for step in steps if step.phase in ("trial", "bake", "adopted")][-1] == world.version
    assert world.in_force == world.ledger.lock.revision()
    assert world.ledger.trials.state("rel-1") is None
    assert len(world.ledger.trials.points("rel-1")) > 10
    assert [step for _, step in world.steps] == [msgspec.structs.replace(step, policy=None) for step in steps]


def test_killed_at_every_step_it_ends_as_it_would_have(tmp_path):
    """The process dies after each commit, before what was decided is in force, and begins again without a memory: the same steps at the same times."""

    class Killed(BaseException):
        pass

    def life(name: str, *, killed: bool) -> list[tuple[str, str, float, float]]:
        ledger = Ledger(tmp_path / name)
        world = World(ledger)

        def dies() -> None:
            raise Killed

        def tick_and_die() -> None:
            world.breaks = dies
            try:
                world.controller.tick()
            except Killed:
                assert world.in_force != ledger.lock.revision()
            world.breaks = lambda: None
            world.start()
            world.desk.settle()
            assert world.in_force == ledger.lock.revision()

        world.desk.open(release())
        Traffic(world, tick_and_die if killed else None).run(1_500, 4.0, good=1.0, control=0.9)
        steps = ledger.releases.steps("rel-1")
        assert all(
            (step.policy is not None) == (step.phase in ("trial", "bake", "adopted"))
            for step in steps
            if "are shown" not in step.note
        )
        ledger.close()
        return [(step.phase, step.note, step.at, step.share) for step in steps]

    once, often = life("once.db", killed=False), life("often.db", killed=True)
    assert once == often
    assert once[-1][0] == "adopted"


def test_what_turns_bad_in_its_bake_goes_back_and_is_found_out(tmp_path):
    """From 97 % to the widest stage in one step, on row, lock and published lock alike, with the same arms; killed after each commit or not."""

    class Killed(BaseException):
        pass

    def life(name: str, *, killed: bool) -> list[tuple[str, float, str]]:
        ledger = Ledger(tmp_path / name)
        world = World(ledger)

        def dies() -> None:
            raise Killed

        def tick_and_die() -> None:
            world.breaks = dies
            with contextlib.suppress(Killed):
                world.controller.tick()
            world.breaks = lambda: None
            world.start()
            world.desk.settle()

        def in_step() -> Running | None:
            one, entry = world.get(), ledger.lock.read().routes.get("chat")
            trial = None if entry is None else entry.trial
            assert world.in_force == ledger.lock.revision()
            assert one.status.share == (0.0 if trial is None else round(100 * trial.share, 9))
            return trial

        on_trial(world, stages=(25.0, 50.0, 100.0), ceiling=50.0, bake=3_000.0)
        traffic = Traffic(world, tick_and_die if killed else None)
        traffic.run(60, 1.0, good=1.0, control=0.9)
        while world.get().status.phase == "trial":
            traffic.run(10, 20.0, good=1.0, control=0.9)
        baking = in_step()
        while world.get().status.phase == "bake":
            traffic.run(10, 20.0, good=0.6, control=0.9)
        doubted, back = world.get(), in_step()
        assert (doubted.status.phase, doubted.status.share, doubted.status.proven) == ("trial", 50.0, False)
        assert doubted.spec.proof_since == doubted.status.since == world.clock.now()
        assert back == msgspec.structs.replace(baking, share=0.5)

        now = world.clock.now()
        going_on = world.controller._folds.evidence(doubted, now, now, 660.0)
        world.start()
        restored = world.controller._folds.evidence(doubted, now, now, 660.0)
        ledger.audit.within(lambda connection: ledger.trials.drop_state(connection, "rel-1"))
        world.start()
        anew = world.controller._folds.evidence(doubted, now, now, 660.0)
        assert going_on == restored == anew
        assert (anew.units, anew.reading("success").fit) == (traffic.n, 0.0)
        while not world.get().is_over:
            traffic.run(10, 20.0, good=0.6, control=0.9)
        assert (in_step(), ledger.trials.state("rel-1")) == (None, None)
        assert list(verify(ledger.audit.entries())) == []
        steps = ledger.releases.steps("rel-1")
        ledger.close()
        return [(step.phase, step.share, step.note) for step in steps]

    once, often = life("once.db", killed=False), life("often.db", killed=True)
    assert once == often
    assert [(phase, share) for phase, share, _ in once[-3:]] == [("bake", 97.0), ("trial", 50.0), ("rolled_back", 0.0)]


def test_harm_is_found_at_the_next_tick(world: World):
    """One look after the evidence is in the ledger the candidate is off traffic, even paused and with all frozen."""
    on_trial(world, stages=(50.0, 100.0), ceiling=50.0)
    world.ledger.audit.within(lambda connection: world.ledger.lock.put(connection, _shared(world, 0.5), "test", NOW))
    world.desk.pause("rel-1", "ann")
    world.desk.freeze("ann", "holidays")
    rows = [
        exposure(n, NOW + n / 100, candidate=n % 2 == 0, outcome="failed" if n % 2 == 0 else "ok", duration_ms=1.0)
        for n in range(100)
    ]
    world.ledger.ingest(rows, "s", 1)
    world.clock.advance(1.0)

    done = world.controller.tick()
    assert [(one.status.phase, one.status.share) for one, _ in done] == [("rolled_back", 0)]
    assert "harm to success" in done[0][1]
    assert world.ledger.lock.read().routes == {}
    assert world.in_force == world.ledger.lock.revision()
    assert done[0][0].status.until == NOW + 1 + RULES.cooldown


def test_a_clock_that_is_put_back_hides_no_harm(world: World):
    """What comes then bears times that were folded already: the units are folded anew, and those are among them."""
    on_trial(world, stages=(50.0, 100.0), ceiling=50.0, window=10.0)
    world.clock.advance(3_600.0)
    world.controller.tick()
    world.clock.advance(-3_500.0)
    begin = world.clock.now()
    rows = [
        exposure(n, begin + n / 100, candidate=n % 2 == 0, outcome="failed" if n % 2 == 0 else "ok", duration_ms=1.0)
        for n in range(100)
    ]
    world.ledger.ingest(rows, "s", 1)
    world.clock.advance(2.0)

    done = world.controller.tick()
    assert [one.status.phase for one, _ in done] == ["rolled_back"]


def test_an_ejected_candidate_is_off_at_once(world: World):
    """Health says so; no evidence is waited for."""
    on_trial(world)
    world.ejected["acme/new"] = "5 failures in a row"

    (done,) = world.controller.tick()
    assert (done[0].status.phase, done[1]) == ("rolled_back", "the candidate is ejected: 5 failures in a row")


def test_silence_pauses_and_traffic_resumes(world: World):
    """By itself, both ways; the share stays."""
    on_trial(world)
    traffic = Traffic(world)
    traffic.run(450, 0)
    assert (world.get().status.paused, world.get().status.share) == (SILENT, 1.0)

    traffic.run(20, 2.0)
    assert world.get().status.paused is None


def test_a_ledger_that_is_behind_pauses(world: World):
    """What is not known is not taken for good news."""
    on_trial(world)
    world.controller._complete = lambda: None
    world.controller.tick()
    assert world.get().status.paused == BLIND


def test_unequal_arms_pause_and_begin_anew(world: World):
    """A trial whose arms are not as drawn waits for a person; then it has other arms, and what was seen before counts no more."""
    on_trial(world, stages=(50.0, 100.0), ceiling=50.0)
    world.ledger.audit.within(lambda connection: world.ledger.lock.put(connection, _shared(world, 0.5), "test", NOW))
    traffic = Traffic(world)
    traffic.run(60, 20.0, skew=0.2)
    assert world.get().status.paused == MISMATCH
    salt = world.ledger.lock.read().routes["chat"].trial.salt

    world.desk.resume("rel-1", "ann", "the proxy was told")
    anew = world.get().status
    trial = world.ledger.lock.read().routes["chat"].trial
    assert (anew.paused, anew.began, anew.proven, trial.share) == (None, world.clock.now(), False, 0.5)
    assert trial.salt != salt
    traffic.run(60, 20.0)
    assert world.get().status.paused is None


def test_time_out_is_inconclusive(world: World):
    """Equal models and little traffic prove nothing: the candidate is off, and nothing is adopted."""
    on_trial(world, longest=300.0, margins=msgspec.structs.replace(SPEC.margins, success=0.001))
    Traffic(world).run(320, 1.0)

    assert world.get().status.phase == "inconclusive"
    assert world.ledger.lock.read().routes == {}


def test_a_restart_goes_on_where_it_stood(world: World):
    """With its state, and without it: the same evidence as if nothing had happened, and the same end."""
    one = on_trial(world)
    traffic = Traffic(world)
    traffic.run(200, 5.0)
    folds = world.controller._folds
    before = folds.evidence(world.get(), world.clock.now(), world.clock.now(), 660.0)
    assert world.ledger.trials.state("rel-1").units > 500

    world.start()
    kept = world.controller._folds.evidence(world.get(), world.clock.now(), world.clock.now(), 660.0)
    world.ledger.audit.within(lambda connection: world.ledger.trials.drop_state(connection, one.id))
    world.start()
    anew = world.controller._folds.evidence(world.get(), world.clock.now(), world.clock.now(), 660.0)
    assert kept == anew == before


def test_a_state_of_another_version_is_folded_anew(world: World):
    """An upgrade in mid-trial costs a fold, and changes nothing."""
    on_trial(world)
    Traffic(world).run(100, 5.0)
    state = world.ledger.trials.state("rel-1")
    before = world.controller._folds.evidence(world.get(), world.clock.now(), world.clock.now(), 660.0)
    for bytes_ in (b"", b"\xc1", state.state[:20], msgspec.msgpack.encode([NOW, NOW, b"\x90"])):
        world.ledger.trials.keep_state("rel-1", msgspec.structs.replace(state, state=bytes_))
        world.start()
        assert world.controller._folds.evidence(world.get(), world.clock.now(), world.clock.now(), 660.0) == before


def test_a_kill_between_commit_and_publish_is_mended(world: World):
    """What was decided is in force with the first tick of the next process, and its step learns the version."""
    on_trial(world)

    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    world.breaks = die
    with pytest.raises(Killed):
        world.desk.rollback("rel-1", "ann", "enough")
    world.breaks = lambda: None
    assert world.in_force != world.ledger.lock.revision()
    world.start()
    world.controller.tick()

    assert world.in_force == world.ledger.lock.revision()
    assert world.ledger.releases.steps("rel-1")[-1].policy == world.version
    assert world.get().status.phase == "rolled_back"
    published = len(world.published)
    world.controller.tick()
    assert len(world.published) == published


def test_a_view_that_cannot_be_published_is_tried_again(world: World):
    """A full disk loses no decision: the command succeeds, each tick says that it is not in force, and the last one puts it there."""

    def full() -> None:
        raise OSError("no space left on device")

    on_trial(world)
    world.breaks = full
    world.desk.rollback("rel-1", "ann")
    with pytest.raises(OSError, match="no space left"):
        world.controller.tick()
    world.breaks = lambda: None
    world.controller.tick()
    assert world.in_force == world.ledger.lock.revision()


def test_a_release_that_cannot_be_looked_at_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch):
    """A fault of Turnout's own is said once with its place; what is on traffic is paused, which people are told, and both go on by themselves."""
    world.policy = msgspec.structs.replace(_with(), routes=(ROUTE, msgspec.structs.replace(ROUTE, name="mail")))
    world.has(
        release("trial"),
        release("trial", id_="rel-2", route="mail"),
        release("detected", id_="rel-3", model="acme/other", route="mail"),
    )

    def broken(one: Release, *given: Any) -> Any:
        if one.id == "rel-1":
            raise ZeroDivisionError("a fault in the sums")
        return evidence(world.clock.now(), harm=("success",))

    def missing(_: Release) -> Any:
        raise KeyError("acme/new")

    with monkeypatch.context() as faulty:
        faulty.setattr(world.controller._folds, "evidence", broken)
        faulty.setattr(world.studies, "screen", missing)
        for _ in range(3):
            world.controller.tick()

    assert world.get("rel-2").status.phase == "rolled_back"
    assert world.get("rel-1").status.paused == STUCK
    assert world.get("rel-3").status.waiting == STUCK
    assert [line.split(" cannot")[0] for line in world.said] == ["release rel-1", "release rel-3"]
    assert all("Traceback" in line for line in world.said)
    assert [step.note for step in world.ledger.releases.steps("rel-1")][1:] == [f"paused: {STUCK}"]

    world.controller.tick()
    world.controller.tick()
    assert (world.get("rel-1").status.paused, world.get("rel-1").status.phase) == (None, "trial")
    assert world.get("rel-3").status.phase != "detected"


def test_a_step_is_not_taken_before_people_are_told(world: World, monkeypatch: pytest.MonkeyPatch):
    """Both are one transaction: whoever dies in between has taken no step."""

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    def news(one: Release, step: Step) -> tuple[Alert, ...]:
        return tuple(of_step(one, step, "ann", 0.2))

    world.news = news
    world.start()
    on_trial(world)
    with monkeypatch.context() as broken:
        broken.setattr(world.ledger.alerts, "put", full)
        with pytest.raises(OSError, match="no space"):
            world.desk.rollback("rel-1", "ann", "enough")
    assert world.get().status.phase == "trial"
    assert "rolled_back" not in [alert.kind for alert in world.ledger.alerts.list()]

    world.desk.rollback("rel-1", "ann", "enough")
    assert [alert.kind for alert in world.ledger.alerts.list()].count("rolled_back") == 1


def test_a_person_approves_and_takes_back(world: World):
    """By role; what was adopted is out of the lock again, and its model is left alone there."""
    world.policy = _with(autonomy="propose")
    world.has(release("proposed", proposal=msgspec.structs.replace(PROPOSAL, role="fallback")))
    world.controller.tick()
    with pytest.raises(NotAllowed, match="ann is viewer"):
        world.desk.approve("rel-1", "ann", "viewer")
    world.desk.approve("rel-1", "bob", "approver", "looks right")
    with pytest.raises(NotNow, match="has bob's approval already"):
        world.desk.approve("rel-1", "bob", "approver")
    world.controller.tick()

    assert world.get().status.phase == "adopted"
    assert world.ledger.lock.read().routes["chat"].adopted[0].by == "bob"
    world.desk.rollback("rel-1", "ann", "customers complain")
    assert (world.get().status.phase, world.ledger.lock.read().routes) == ("rolled_back", {})
    with pytest.raises(NotNow, match="neither on traffic nor adopted; it is rolled_back: rolled back by ann: customers complain"):
        world.desk.rollback("rel-1", "ann")
    with pytest.raises(NotNow, match="there is no release rel-9"):
        world.desk.approve("rel-9", "bob", "approver")
    assert {"release", "trial", "approval"} & {entry.kind for entry in world.ledger.audit.entries()} == {"release", "approval"}


def test_whoever_approves_what_is_not_on_the_list_puts_it_there(world: World):
    """An approved list is people's: even ``auto`` waits, and the lock says that it was approved."""
    world.policy = _with(approved=True)
    world.has(release("proposed"))
    world.controller.tick()
    assert world.get().status.phase == "proposed"

    world.desk.approve("rel-1", "bob", "admin")
    world.controller.tick()
    assert world.ledger.lock.read().routes["chat"].trial.approved


def test_a_rejection_ends_it_and_comes_too_late_on_traffic(world: World):
    """Rollback is for what is on traffic."""
    world.has(release("proposed"), release("trial", id_="rel-2"))
    assert world.desk.reject("rel-1", "bob", "approver", "not now").status.phase == "rejected"
    with pytest.raises(NotNow, match="turnout release rollback"):
        world.desk.reject("rel-2", "bob", "approver")


def test_frozen_nothing_moves(world: World):
    """Until it is thawed; who freezes twice is told who was first."""
    world.desk.open(release())
    world.desk.freeze("ann", "holidays")
    with pytest.raises(NotNow, match="frozen already, by ann"):
        world.desk.freeze("bob")
    assert world.controller.tick() == ()
    assert phases(world) == ["detected"]

    world.desk.thaw("bob")
    with pytest.raises(NotNow, match="nothing is frozen"):
        world.desk.thaw("bob")
    world.controller.tick()
    assert phases(world) == ["detected", "screened"]


def test_one_release_at_a_time_on_a_route(world: World):
    """The second waits for the first one's end; with ``overlap`` it may be mirrored meanwhile."""
    world.has(release("trial"), release("proposed", id_="rel-2", model="acme/other"))
    world.controller.tick()
    assert world.get("rel-2").status.waiting == "the route's traffic is taken by rel-1"

    world.policy = _with(overlap=True, spec=msgspec.structs.replace(SPEC, mirror_sample=0.1))
    world.controller.tick()
    entry = world.ledger.lock.read().routes["chat"]
    assert (entry.trial.release, entry.mirror.release) == ("rel-1", "rel-2")


def test_harm_in_the_mirror_keeps_it_from_traffic(world: World):
    """Copies fail where their originals were answered: it is over before anybody was served by it."""
    spec = msgspec.structs.replace(SPEC, mirror_sample=0.5)
    world.has(release("mirror", spec=spec))
    told = {"side": "mirror", "trial": "rel-1", "traits": None, "outcome": "failed"}
    rows = [record(n, at=NOW) for n in range(60)] + [record(n + 100, at=NOW, copy_of=f"req-{n}", **told) for n in range(60)]
    world.ledger.ingest(rows, "s", 1)

    (done,) = world.controller.tick()
    assert done[0].status.phase == "rolled_back"


def test_an_edit_ends_the_trial_and_drops_what_it_rewrites(world: World):
    """Another owner ends a trial; other models drop what was adopted too. Who edits a route that has neither ends nothing."""
    world.has(release("adopted", id_="rel-0"), release("trial"))
    world.policy = _with(owner="olga")
    assert [(one.id, one.status.phase) for one in world.desk.human_edit("file:turnout.yaml")] == [("rel-1", "aborted")]
    assert [one.release for one in world.ledger.lock.read().routes["chat"].adopted] == ["rel-0"]
    assert world.desk.human_edit("file:turnout.yaml") == ()

    world.policy = _with(models=("acme/third",))
    assert [(one.id, one.status.phase) for one in world.desk.human_edit("file:turnout.yaml")] == [("rel-0", "aborted")]
    assert world.ledger.lock.read().routes == {}


def test_what_people_took_into_their_file_is_theirs(world: World):
    """It leaves the lock and stays adopted; to take it back is to take it out of the file."""
    world.has(release("adopted"))
    world.policy = _with(segments=(Segment("acme/new", None, "rel-1"),))
    assert world.desk.human_edit("file:turnout.yaml") == ()
    assert (world.get().status.phase, world.ledger.lock.read().routes) == ("adopted", {})

    with pytest.raises(NotNow, match=r"stands in turnout\.yaml itself"):
        world.desk.rollback("rel-1", "ann")


def test_an_edit_is_noticed_though_the_controller_was_quicker(world: World):
    """A stage that begins between the edit and its notice does not sign for the new route."""
    on_trial(world, stage_time=10.0, stage_units=1)
    world.policy = _with(owner="olga")
    Traffic(world).run(40, 50.0)
    assert world.get().status.share == 5.0

    assert [one.status.phase for one in world.desk.human_edit("file:turnout.yaml")] == ["aborted"]


def test_the_lock_file_is_taken_at_its_word(world: World):
    """What was taken out ends, a share is changed; an older revision, or a trial that nobody began, is refused."""
    world.has(release("adopted", id_="rel-0"), release("trial"))
    lock = world.ledger.lock.read()
    entry = lock.routes["chat"]
    share = msgspec.structs.replace(entry, trial=msgspec.structs.replace(entry.trial, share=0.05))
    (changed,) = world.desk.take_lock(msgspec.structs.replace(lock, routes={"chat": share}), "git")
    assert (changed.status.share, changed.status.stage) == (5.0, 1)

    with pytest.raises(NotNow, match=f"written at revision {lock.revision} and the lock is at {lock.revision + 1}"):
        world.desk.take_lock(lock, "git")
    now_there = world.ledger.lock.read()
    wide = msgspec.structs.replace(entry, trial=msgspec.structs.replace(entry.trial, share=0.25))
    with pytest.raises(NotNow, match=r"not between 0 and 0\.05"):
        world.desk.take_lock(msgspec.structs.replace(now_there, routes={"chat": wide}), "git")
    other = msgspec.structs.replace(entry, trial=msgspec.structs.replace(entry.trial, model="acme/else"))
    with pytest.raises(NotNow, match=r"routes\.chat\.trial"):
        world.desk.take_lock(msgspec.structs.replace(now_there, routes={"chat": other}), "git")
    ended = world.desk.take_lock(msgspec.structs.replace(now_there, routes={}), "git")
    assert {(one.id, one.status.phase) for one in ended} == {("rel-0", "rolled_back"), ("rel-1", "aborted")}


def test_what_was_taken_back_may_be_put_back(world: World):
    """By whoever goes back to an earlier lock; what was never adopted needs its trial, and what nobody here knows is somebody else's."""
    world.has(release("adopted"), release("proposed", id_="rel-2"))
    before = world.ledger.lock.read()
    world.desk.rollback("rel-1", "ann")
    now_there = world.ledger.lock.read()
    (back,) = world.desk.take_lock(msgspec.structs.replace(before, revision=now_there.revision), "bob")
    assert (back.status.phase, back.status.until) == ("adopted", None)
    assert world.ledger.lock.read().routes == before.routes

    entry, revision = before.routes["chat"], world.ledger.lock.revision()
    for release_id, refused in (("rel-2", True), ("rel-far", False)):
        adopted = (msgspec.structs.replace(entry.adopted[0], release=release_id), *entry.adopted)
        wanted = Lock(revision, {"chat": msgspec.structs.replace(entry, adopted=adopted)})
        if refused:
            with pytest.raises(NotNow, match="release rel-2 is proposed: it cannot be adopted by hand"):
                world.desk.take_lock(wanted, "bob")
        else:
            assert world.desk.take_lock(wanted, "bob") == ()


def test_an_idle_tick_asks_next_to_nothing(world: World):
    """Two small queries a second where nothing is open."""
    world.controller.tick()
    asked: list[str] = []
    event.listen(world.ledger._engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    world.controller.tick()
    assert len(asked) == 2


def _with(**changes: Any) -> Policy:
    """The policy with these of the route's, or of the rules', settings."""
    rules = {name: changes.pop(name) for name in tuple(changes) if name in type(RULES).__struct_fields__}
    route = msgspec.structs.replace(ROUTE, **changes)
    return msgspec.structs.replace(POLICY, routes=(route, *POLICY.routes[1:]), release=msgspec.structs.replace(RULES, **rules))


def _shared(world: World, share: float):
    """The lock with another share of the trial's; the release's row as a test needs it."""
    lock = world.ledger.lock.read()
    entry = lock.routes["chat"]
    trial = msgspec.structs.replace(entry.trial, share=share)
    return msgspec.structs.replace(lock, revision=lock.revision + 1, routes={"chat": msgspec.structs.replace(entry, trial=trial)})
