"""The policy file, the lock file, releases and what is in force, from one hand to the next and back."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from tests.support.releases import release
from tests.unit.config.policies import CATALOG, ENV
from turnout.build.desk import desk_of, relock_of
from turnout.build.lock_keeper import LockKeeper
from turnout.clock import ManualClock
from turnout.config.amend import chooses, over
from turnout.config.load import inspect_text, load
from turnout.config.lock import read_lock, write_lock
from turnout.config.pull import pull
from turnout.control.publish import Publisher
from turnout.store.ledger import Ledger
from turnout.types.lock import Adopted, Lock, RouteLock, Running
from turnout.types.policy import Route, Segment
from turnout.view import ViewStore

TEXT = """\
providers: {openai: {}, anthropic: {}, mistral: {}}
routes:
  support: {objective: cost, models: [openai/small, openai/large]}   # by the desk
"""
TODAY = date(2026, 11, 23)
ADOPTED = Adopted("rel-1", "segment", "mistral/medium", 1.0, "ann", {"complexity": "simple"})
TRIAL = Running("rel-2", "primary", "anthropic/clever", 0.05, "salt")


class House:
    """The control process's parts that know of policy and lock, without the process."""

    def __init__(self, folder: Path) -> None:
        self.file, self.clock = folder / "turnout.yaml", ManualClock()
        self.file.write_text(TEXT)
        self.ledger = Ledger(folder / "ledger.db")
        tasks = {task: dict(skills) for task, skills in CATALOG.tasks.items()}
        self.publish = Publisher(ViewStore(folder / "views"), self.ledger, self.clock, tasks)
        self.desk = desk_of(self.publish, self.ledger, self.clock)
        self.lock_file = folder / "turnout.lock.yaml"
        self.keeper = LockKeeper(self.lock_file, folder / "note", self.publish, self.ledger.lock.read, self.desk.take_lock)
        self.read()

    def read(self, text: str | None = None) -> int:
        """As the policy keeper does."""
        if text is not None:
            self.file.write_text(text)
        loaded = load(self.file, ENV, CATALOG, TODAY)
        if self.publish.hear(loaded):
            self.desk.human_edit("file:turnout.yaml")
        return self.publish.adopt(loaded, str(self.file))

    def decided(self, **entry: object) -> int:
        """Releases decided this."""
        route = self.publish.human().routes[0]
        lock = Lock(self.ledger.lock.revision() + 1, {"support": RouteLock(over(route), chooses(route), **entry)})  # type: ignore[arg-type]
        with self.ledger._engine.begin() as connection:
            for id_, phase in (("rel-1", "adopted"), ("rel-2", "trial")):
                found = msgspec.structs.replace(release(phase, id_=id_), route="support")  # type: ignore[arg-type]
                self.ledger.releases.put(connection, found)
            assert self.ledger.lock.put(connection, lock, "turnout", 1.0)
        return self.publish.take_up(lock, "as decided", "turnout")

    def look(self) -> None:
        for _ in range(3):
            self.keeper.look()

    @property
    def route(self) -> Route:
        assert self.publish.base is not None
        return self.publish.base.policy.routes[0]

    def phase(self, id_: str) -> str:
        found = self.ledger.releases.get(id_)
        assert found is not None
        return found.status.phase

    def agrees(self) -> None:
        """Lock, its file and what is in force say the same."""
        self.look()
        assert self.publish.in_force() == self.ledger.lock.revision()
        assert read_lock(self.lock_file) == self.ledger.lock.read()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.agrees()
    made.ledger.close()


def test_an_edit_of_the_file_ends_the_trial(house: House) -> None:
    """And leaves what was adopted, where the route still chooses from the same."""
    house.decided(adopted=(ADOPTED,), trial=TRIAL)
    house.read(TEXT.replace("objective: cost", "objective: cost, owner: ann"))

    assert (house.route.trial, len(house.route.segments), house.route.owner) == (None, 1, "ann")
    assert (house.phase("rel-1"), house.phase("rel-2")) == ("adopted", "aborted")
    assert house.ledger.lock.read().routes["support"].trial is None


def test_pulled_it_stands_in_the_file_alone(house: House) -> None:
    """The policy in force is what it was, the release stays adopted, and the lock says no more of it."""
    house.decided(adopted=(ADOPTED,))
    before = house.publish.base
    assert before is not None
    human = inspect_text(TEXT, house.file.parent, ENV, CATALOG, TODAY)
    house.read(pull(TEXT, human, house.ledger.lock.read()).text)

    assert house.publish.base is not None
    assert house.publish.base.policy == before.policy
    assert house.publish.base.version == before.version
    assert (house.phase("rel-1"), house.ledger.lock.read().routes) == ("adopted", {})
    assert "# by the desk" in house.file.read_text()


def test_going_back_ends_what_came_since(house: House) -> None:
    """Lock and releases go back with the policy."""
    first = house.decided(adopted=(ADOPTED,))
    house.decided(adopted=(ADOPTED,), trial=TRIAL)
    made = house.publish.restore(first, "ann", "not now", relock_of(house.desk, house.ledger.lock.read))

    assert house.route.trial is None
    assert house.route.segments[0].release == "rel-1"
    assert (house.phase("rel-1"), house.phase("rel-2")) == ("adopted", "aborted")
    assert house.read() == made, "the file says nothing else"


def test_an_entry_taken_out_of_the_lock_file_is_out_of_force(house: House) -> None:
    """On the word of whoever edited it."""
    house.decided(adopted=(ADOPTED,), trial=TRIAL)
    house.look()
    found = read_lock(house.lock_file)
    entry = msgspec.structs.replace(found.routes["support"], adopted=())
    write_lock(house.lock_file, msgspec.structs.replace(found, routes={"support": entry}), None)
    house.look()

    assert (house.route.segments, house.route.trial is not None) == ((), True)
    assert (house.phase("rel-1"), house.phase("rel-2")) == ("rolled_back", "trial")


def test_a_lock_file_of_before_is_refused(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody edited it while a release took a step: nothing of that step is lost."""
    house.decided(adopted=(ADOPTED,))
    house.look()
    old = house.lock_file.read_bytes()
    house.decided(adopted=(ADOPTED,), trial=TRIAL)
    house.look()
    house.lock_file.write_bytes(old + b"# mine\n")
    house.look()

    assert "was written at revision 1 and the lock is at 2" in capsys.readouterr().err
    assert house.route.trial is not None
    house.lock_file.unlink()


def test_a_segment_of_the_files_own_needs_no_release(house: House) -> None:
    """People may write what a release would."""
    house.read(TEXT.replace("objective: cost", "objective: cost, segments: [{model: openai/large}]"))

    assert house.route.segments == (Segment("openai/large"),)
    house.decided(adopted=(ADOPTED,))
