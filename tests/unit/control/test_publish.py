"""From policies and traffic to versions and views."""

import os
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.exc import OperationalError

from tests.support.records import record
from tests.support.views import FLEET, TASKS, traits
from turnout.clock import ManualClock, SystemClock
from turnout.control.publish import KEEP_UNUSED, Publisher
from turnout.store.ledger import Ledger, PublishedView
from turnout.types.matrix import UNMEASURED, Matrix
from turnout.types.models import ModelFacts
from turnout.types.policy import Policy, Provider, Route
from turnout.types.view import Base, Overlay
from turnout.view import ViewStore

PROVIDERS = tuple(Provider(name, None, "openai-chat", "http://127.0.0.1:1", "none") for name in "abc")


class Loaded(msgspec.Struct, frozen=True):
    policy: Policy
    models: tuple[ModelFacts, ...] = FLEET


ONE = Loaded(Policy((Route("default", "balanced"),), PROVIDERS))
TWO = Loaded(Policy((Route("default", "cost"),), PROVIDERS))


def publisher(folder: Path, clock: ManualClock) -> tuple[Publisher, Ledger, ViewStore]:
    ledger, views = Ledger(folder / "ledger.db"), ViewStore(folder / "views")
    return Publisher(views, ledger, clock, TASKS), ledger, views


def test_a_changed_policy_is_the_next_version_and_the_same_one_is_not(tmp_path: Path) -> None:
    """Going back to an earlier text is a new version too: versions tell what was in force when."""
    publish, ledger, views = publisher(tmp_path, ManualClock())

    assert [publish.adopt(loaded, "test") for loaded in (ONE, ONE, TWO, ONE)] == [1, 1, 2, 3]
    assert {view.policy for view in ledger.views()} == {1, 2, 3}
    assert views.base(views.overlay(views.current() or "").base).policy == ONE.policy


def test_one_policy_has_one_base_file_whoever_publishes_it(tmp_path: Path) -> None:
    """The supervisor publishes what it parsed, the control process what it read back: 7 and 7.0 must not be two files."""
    whole = Loaded(ONE.policy, tuple(msgspec.structs.replace(facts, quality={"default": 7}) for facts in FLEET))
    publish, ledger, _ = publisher(tmp_path, ManualClock())
    publish.adopt(whole, "supervisor")
    ledger.close()
    again, _, _ = publisher(tmp_path, ManualClock())
    again.adopt(whole, "control")

    assert len(list((tmp_path / "views").glob("*.base.json"))) == 1


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    """Also when the views are gone and only the ledger remembers: the same policy is the version it was, another is the next."""
    publish, ledger, _ = publisher(tmp_path, ManualClock())
    publish.adopt(ONE, "test")
    publish.adopt(TWO, "test")
    ledger.close()

    again, ledger, _ = publisher(tmp_path, ManualClock())
    assert again.adopt(TWO, "test") == 2
    ledger.close()
    for path in (tmp_path / "views").iterdir():
        path.unlink()
    last, _, _ = publisher(tmp_path, ManualClock())
    assert [last.adopt(loaded, "test") for loaded in (TWO, ONE)] == [2, 3]


def test_turnouts_on_one_ledger_number_together(tmp_path: Path) -> None:
    """Each has views of its own. The same policy has one number in both, restarts too; another one is the next for whoever has it."""
    store, clock = tmp_path / "ledger.db", ManualClock()

    def begun(name: str) -> Publisher:
        return Publisher(ViewStore(tmp_path / name), Ledger(store), clock, TASKS)

    first, second = begun("a"), begun("b")

    assert [one.adopt(ONE, "test") for one in (first, second)] == [1, 1]
    assert [one.adopt(TWO, "test") for one in (second, first)] == [2, 2]
    assert [begun(name).adopt(TWO, "test") for name in ("a", "b", "c")] == [2, 2, 2]
    assert begun("b").adopt(ONE, "test") == 3


def test_no_number_is_given_below_what_the_ledger_knows(tmp_path: Path) -> None:
    """Views may come from a backup, or the ledger from elsewhere: the same number must never mean two policies."""
    publish, ledger, _ = publisher(tmp_path, ManualClock())
    publish.adopt(ONE, "test")
    ledger.note_view(PublishedView("other", 7, 0.0, "elsewhere"))
    ledger.close()
    again, ledger, views = publisher(tmp_path, ManualClock())

    assert [again.adopt(ONE, "test"), again.adopt(ONE, "test"), again.adopt(TWO, "test")] == [8, 8, 9]
    assert views.base(views.overlay(views.current() or "").base).version == 9


def test_views_that_no_request_needs_are_deleted_in_time(tmp_path: Path) -> None:
    """What replay needs stays, as do the current view, the young ones and every base."""
    clock = ManualClock()
    publish, ledger, views = publisher(tmp_path, clock)

    def published(loaded: Loaded, age: float) -> str:
        publish.adopt(loaded, "test")
        name = views.current() or ""
        os.utime(tmp_path / "views" / f"{name}.view.json", times=(clock.now() - age,) * 2)
        return name

    needed, unused = published(ONE, KEEP_UNUSED + 1), published(TWO, KEEP_UNUSED + 1)
    young, current = published(ONE, KEEP_UNUSED - 1), published(TWO, KEEP_UNUSED + 1)
    ledger.ingest([record(1, view=needed)], "segment", 1)

    assert (publish.clean(), publish.clean()) == (1, 0)
    left = {path.name.partition(".")[0] for path in (tmp_path / "views").glob("*.view.json")}
    assert left == {needed, young, current}
    assert unused not in left
    assert len(list((tmp_path / "views").glob("*.base.json"))) == 4


def test_a_view_published_again_is_young_again(tmp_path: Path) -> None:
    """Requests may have been decided on it a moment ago, and the ledger does not have them yet."""
    publish, _, views = publisher(tmp_path, SystemClock())
    publish.adopt(ONE, "test")
    name = views.current() or ""
    os.utime(tmp_path / "views" / f"{name}.view.json", times=(1, 1))
    publish.adopt(ONE, "test")
    publish.adopt(TWO, "test")

    assert views.current() != name
    assert publish.clean() == 0


class FullOnce(ViewStore):
    """A disk that is full for one view, when told so."""

    full = False

    def write(self, base: Base, overlay: Overlay, matrix: Matrix = UNMEASURED) -> str:
        if self.full:
            self.full = False
            raise OSError("no space left on device")
        return super().write(base, overlay, matrix)


def test_a_view_that_could_not_be_written_is_tried_again(tmp_path: Path) -> None:
    """Nothing is believed to be in force before it is: not a new day, not a new policy."""
    clock, views = ManualClock(), FullOnce(tmp_path / "views")
    publish = Publisher(views, Ledger(tmp_path / "ledger.db"), clock, TASKS)
    publish.adopt(ONE, "test")
    clock.advance(86_400)
    for change in (publish.refresh, lambda: publish.adopt(TWO, "test")):
        before, views.full = (views.current(), publish.base), True
        with pytest.raises(OSError, match="space"):
            change()
        assert (views.current(), publish.base) == before
        assert change()
        assert views.current() != before[0]

    assert publish.base is not None
    assert (publish.base.version, publish.base.policy) == (2, TWO.policy)


def test_what_is_in_force_is_in_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that is away just then: nothing is in force that it does not know, and the next try is the whole of it."""
    publish, ledger, views = publisher(tmp_path, ManualClock())
    for loaded in (ONE, TWO):
        publish.adopt(loaded, "test")
    before = (views.current(), publish.base)

    def away(*_: object) -> None:
        raise OperationalError("insert", {}, Exception("connection refused"))

    for part, name in ((ledger.policies, "put"), (ledger, "note_view")):
        with monkeypatch.context() as patched:
            patched.setattr(part, name, away)
            with pytest.raises(OperationalError):
                publish.restore(1, "ann", "")
        assert (views.current(), publish.base) == before

    version = publish.restore(1, "ann", "as it was")
    found = ledger.policies.get(version)
    assert found is not None
    assert (found.restores, publish.base.policy if publish.base else None) == (1, ONE.policy)


def test_a_version_that_was_noted_and_not_put_in_force_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever died between the two left a number behind, which is still that policy's."""
    publish, ledger, views = publisher(tmp_path, ManualClock())
    publish.adopt(ONE, "test")
    before = views.current()

    def killed(_: str) -> None:
        raise OSError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(views, "point", killed)
        with pytest.raises(OSError, match="gone"):
            publish.adopt(TWO, "test")
    assert views.current() == before
    ledger.close()

    again, ledger, views = publisher(tmp_path, ManualClock())
    assert again.adopt(TWO, "test") == 2
    assert views.base(views.overlay(views.current() or "").base).policy == TWO.policy


def test_traffic_that_moves_the_mix_makes_a_new_view_and_quiet_does_not(tmp_path: Path) -> None:
    """The policy's version stays: nothing a person decided has changed."""
    clock = ManualClock()
    publish, _, views = publisher(tmp_path, clock)
    publish.adopt(ONE, "test")
    first = views.current()

    assert not publish.refresh()

    clock.advance(1)
    publish.hear_of([record(n, at=clock.now(), route="default", traits=traits(complexity=0.9)) for n in range(200)])
    clock.advance(1)

    assert publish.refresh()
    assert views.current() != first
    assert publish.base is not None
    assert publish.base.version == 1
    assert views.load(views.current() or "").by_name["default"].ranks[25] < 0.2


def test_midnight_makes_a_new_view(tmp_path: Path) -> None:
    """Prices are dated."""
    clock = ManualClock()
    publish, _, views = publisher(tmp_path, clock)
    publish.adopt(ONE, "test")
    clock.advance(86_400)

    assert publish.refresh()
    assert views.overlay(views.current() or "").day.isoformat() == "2023-11-15"
