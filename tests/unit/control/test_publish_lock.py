"""What releases decide comes in force over what people wrote, and goes back with it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.views import model
from tests.unit.control.test_publish import PROVIDERS, Loaded
from tests.unit.control.test_publish_history import Bench as Plain
from turnout.config.amend import chooses, over
from turnout.control.publish import MEASURED_EVERY, Publisher
from turnout.store.ledger import Ledger
from turnout.types.lock import Adopted, Frozen, Lock, RouteLock, Running
from turnout.types.matrix import Matrix
from turnout.types.policy import Policy, Route, Segment
from turnout.types.view import Base

NAMES = ("a/one", "a/two", "b/three", "c/four")
MODELS = tuple(map(model, NAMES))
CHEAP = Route("default", "cost", models=(NAMES[0], NAMES[1]))
BEST = msgspec.structs.replace(CHEAP, objective="quality")
FILE, OTHER = Loaded(Policy((CHEAP,), PROVIDERS), MODELS), Loaded(Policy((BEST,), PROVIDERS), MODELS)
OWNED = Loaded(Policy((msgspec.structs.replace(CHEAP, owner="ann"),), PROVIDERS), MODELS)
ADOPTED = Adopted("r1", "primary", NAMES[2], 1.0, "ann")
TRIAL = Running("r2", "primary", NAMES[3], 0.05, "salt")


class Bench(Plain):
    def write(self, lock: Lock) -> Lock:
        """As releases do: the ledger has it before it is in force."""
        with self.ledger._engine.begin() as connection:
            assert self.ledger.lock.put(connection, lock, "turnout", 1.0)
        return lock

    def take_up(self, lock: Lock) -> int:
        return self.publish.take_up(self.write(lock), "as decided", "release:r1")

    @property
    def route(self) -> Route:
        assert self.publish.base is not None
        return self.publish.base.policy.routes[0]

    def relock(self, routes: Mapping[str, RouteLock], actor: str) -> None:
        """As a desk does: the lock is changed, then put in force."""
        lock = Lock(self.ledger.lock.revision() + 1, dict(routes))
        self.publish.take_up(self.write(lock), "went back", actor)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.ledger.close()


def locked(revision: int, **more: Any) -> Lock:
    return Lock(revision, {"default": RouteLock(over(CHEAP), chooses(CHEAP), **more)})


def test_a_lock_is_the_next_version(bench: Bench) -> None:
    """With its reason in the history and what it changed in the chain; what people wrote is still known."""
    bench.adopt(FILE)
    assert bench.take_up(locked(1, adopted=(ADOPTED,))) == 2

    assert bench.route.segments == (Segment(NAMES[2], None, "r1"),)
    assert (bench.publish.in_force(), bench.publish.human()) == (1, FILE.policy)
    latest = bench.history.show(2)
    assert (latest.version.actor, latest.version.note) == ("release:r1", "as decided")
    assert bench.said("policy")[-1]["changes"][0]["fields"][0]["name"] == "segments"


def test_a_freeze_is_in_force_and_no_version(bench: Bench) -> None:
    """Nothing that decides has changed."""
    bench.adopt(FILE)
    bench.take_up(locked(1, adopted=(ADOPTED,)))

    assert bench.take_up(msgspec.structs.replace(locked(2, adopted=(ADOPTED,)), frozen=Frozen("ann", 1.0))) == 2
    assert bench.publish.in_force() == 2


def test_a_restart_keeps_what_is_in_force(bench: Bench) -> None:
    """Also what was decided and not yet published when the process died."""
    bench.adopt(FILE)
    bench.take_up(locked(1, adopted=(ADOPTED,)))
    bench.restart()
    assert (bench.publish.in_force(), bench.publish.human()) == (1, FILE.policy)
    assert bench.adopt(FILE) == [2]

    bench.write(locked(2, adopted=(ADOPTED,), trial=TRIAL))
    bench.restart()
    assert bench.adopt(FILE) == [3]
    assert (bench.route.trial is not None, bench.publish.in_force()) == (True, 2)


def test_lost_views_lose_nothing(bench: Bench) -> None:
    """The ledger is the truth."""
    bench.adopt(FILE)
    bench.take_up(locked(1, adopted=(ADOPTED,)))
    for path in (bench.folder / "views").iterdir():
        path.unlink()
    bench.restart()

    assert bench.adopt(FILE) == [2]
    assert bench.route.segments == (Segment(NAMES[2], None, "r1"),)


def test_turnouts_on_one_ledger_take_up_one_lock(bench: Bench, tmp_path: Path) -> None:
    """Under one number."""
    bench.adopt(FILE)
    other = Plain(tmp_path)
    other.views = type(bench.views)(tmp_path / "others")
    other.publish = Publisher(other.views, other.ledger, other.clock, bench.publish._tasks)
    assert other.adopt(FILE) == [1]
    lock = locked(1, adopted=(ADOPTED,))

    assert (bench.take_up(lock), other.publish.take_up(lock, "later", "turnout")) == (2, 2)
    other.ledger.close()


def test_an_older_lock_never_follows_a_newer(bench: Bench) -> None:
    """Of two threads that publish, the one with the older may be the last."""
    bench.adopt(FILE)
    old, new = bench.write(locked(1, trial=TRIAL)), bench.write(locked(2))
    bench.publish.take_up(new, "stopped", "ann")
    bench.publish.take_up(old, "started", "turnout")

    assert (bench.publish.in_force(), bench.route) == (2, CHEAP)


def test_nothing_is_taken_up_before_a_policy(bench: Bench) -> None:
    """It is tried again by whoever leads."""
    with pytest.raises(OSError, match="no policy has been read"):
        bench.publish.take_up(Lock(1), "early", "turnout")


def test_what_an_edit_voids_is_told(bench: Bench) -> None:
    """Whoever changes what a route chooses from takes back what was adopted there."""
    bench.adopt(FILE)
    bench.take_up(locked(1, adopted=(ADOPTED,), trial=TRIAL))
    bench.adopt(OWNED)
    assert [(each.what, each.why) for each in bench.publish.dropped] == [("trial", "edited")]
    assert (bench.route.segments, bench.route.trial) == ((Segment(NAMES[2], None, "r1"),), None)
    bench.adopt(OTHER)
    assert [(each.what, each.why) for each in bench.publish.dropped] == [("primary", "edited"), ("trial", "edited")]
    assert bench.route == BEST


def test_a_file_is_heard_before_it_is_in_force(bench: Bench) -> None:
    """So that releases are done with what they stood on: what they publish has it already."""
    bench.adopt(FILE)
    bench.take_up(locked(1, trial=TRIAL))

    assert [bench.publish.hear(OTHER), bench.publish.hear(OTHER)] == [True, False]
    assert (bench.publish.human(), bench.route.objective) == (OTHER.policy, "cost")
    assert bench.take_up(locked(2)) == 3
    assert bench.adopt(OTHER) == [3]
    assert bench.route == BEST


def test_going_back_takes_the_lock_along(bench: Bench) -> None:
    """What was adopted by then is, what was adopted since is not; a trial does not come back. It stays so."""
    bench.adopt(FILE)
    bench.take_up(locked(1, trial=TRIAL))
    bench.take_up(locked(2, adopted=(ADOPTED,), trial=TRIAL))
    bench.take_up(locked(3, adopted=(ADOPTED, msgspec.structs.replace(ADOPTED, release="r2", model=NAMES[3], at=2.0))))

    version = bench.publish.restore(3, "ann", "too dear", bench.relock)

    found = bench.history.show(version).version
    assert (found.restores, found.actor, found.note) == (3, "ann", "too dear")
    assert (bench.route.segments, bench.route.trial) == ((Segment(NAMES[2], None, "r1"),), None)
    assert bench.ledger.lock.read().routes["default"].adopted == (ADOPTED,)
    assert bench.publish.in_force() == bench.ledger.lock.revision()
    assert bench.publish.overruled() is None, "the file says what is in force"
    bench.restart()
    assert bench.adopt(FILE) == [version]


def test_releases_go_on_over_a_version_that_was_brought_back(bench: Bench) -> None:
    """What people had written then stays in force until their file changes, whatever releases do meanwhile."""
    bench.adopt(FILE, OTHER)
    back = bench.publish.restore(1, "ann", "why", bench.relock)
    bench.take_up(locked(1, adopted=(ADOPTED,)))
    overruled = bench.publish.overruled()
    assert overruled is not None
    assert (overruled.version, overruled.restores) == (back, 1)
    bench.restart()

    assert bench.adopt(OTHER) == [4]
    assert (bench.route.objective, len(bench.route.segments)) == ("cost", 1)
    assert not bench.publish.hear(OTHER)
    bench.adopt(OWNED)
    assert (bench.route.owner, bench.publish.overruled()) == ("ann", None)


def test_what_was_measured_is_in_the_next_view(tmp_path: Path) -> None:
    """When it is worth one; and again after a restart."""
    found = Matrix({NAMES[0]: {"qa": 8.0}})

    def measured(_: Ledger, base: Base, __: float) -> Matrix:
        return Matrix() if base.version != 1 else found

    bench = Plain(tmp_path)
    bench.publish = Publisher(bench.views, bench.ledger, bench.clock, bench.publish._tasks, measured)
    bench.adopt(FILE)

    assert [bench.publish.refresh(), bench.publish.refresh()] == [True, False]
    bench.clock.advance(MEASURED_EVERY)
    assert not bench.publish.refresh()
    assert bench.views.matrix(bench.views.overlay(bench.views.current() or "").matrix) == found
    bench.restart()
    bench.adopt(FILE)
    assert bench.views.matrix(bench.views.overlay(bench.views.current() or "").matrix) == found
    bench.ledger.close()
