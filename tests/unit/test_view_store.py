"""Views on disk: whole, named by their content, taken up on notice."""

from pathlib import Path

import pytest

from tests.support.views import FLEET, TASKS, TODAY, traits
from turnout.decide.decide import decide
from turnout.decide.mix import UNIFORM, fold
from turnout.types.matrix import Matrix
from turnout.types.policy import Policy, Provider, Route
from turnout.types.view import Base, Overlay
from turnout.view import CurrentView, ViewStore

PROVIDERS = tuple(Provider(name, None, "openai-chat", "http://127.0.0.1:1", "none") for name in "abc")
BASE = Base(1, Policy((Route("default", "cost"),), PROVIDERS), FLEET, TASKS)


def test_a_view_read_back_decides_as_it_did(tmp_path: Path) -> None:
    """What is stored is all that a decision stands on."""
    store = ViewStore(tmp_path)
    name = store.publish(BASE, Overlay("", TODAY, {}, {"default": fold(UNIFORM, [0.2] * 40)}))

    again = ViewStore(tmp_path).load(name)

    assert again.hash == name
    assert decide(again, traits(), 7).plan == decide(store.load(name), traits(), 7).plan
    assert store.current() == name


def test_equal_views_have_one_name_and_different_ones_do_not(tmp_path: Path) -> None:
    """Named by content: publishing twice stores once."""
    store = ViewStore(tmp_path)
    first = store.publish(BASE, Overlay("", TODAY))
    files = sorted(path.name for path in tmp_path.iterdir())

    assert store.publish(BASE, Overlay("", TODAY)) == first
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    assert store.publish(BASE, Overlay("", TODAY, mix={"default": UNIFORM})) != first


def test_a_damaged_view_is_refused(tmp_path: Path) -> None:
    """A decision must not be recomputed on something else than it was made on."""
    store = ViewStore(tmp_path)
    name = store.publish(BASE, Overlay("", TODAY))
    path = tmp_path / f"{name}.view.json"
    path.write_bytes(path.read_bytes().replace(b"2026", b"2027"))

    with pytest.raises(ValueError, match="damaged"):
        store.load(name)


def test_a_worker_notices_a_new_view_once(tmp_path: Path) -> None:
    """Nothing to do until another view is current."""
    store = ViewStore(tmp_path)
    current = CurrentView(ViewStore(tmp_path), tmp_path)
    assert current.poll() is None

    first = store.publish(BASE, Overlay("", TODAY))
    assert current.poll() is not None
    assert current.view is not None
    assert current.view.hash == first
    assert current.poll() is None

    second = store.publish(BASE, Overlay("", TODAY, mix={"default": UNIFORM}))
    assert current.poll() is not None
    assert current.view.hash == second


def test_a_view_that_cannot_be_loaded_leaves_the_old_in_force(tmp_path: Path) -> None:
    """And the next look tries again."""
    store = ViewStore(tmp_path)
    first = store.publish(BASE, Overlay("", TODAY))
    current = CurrentView(ViewStore(tmp_path), tmp_path)
    current.poll()
    (tmp_path / "current").write_text("0" * 32)

    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            current.poll()
    assert current.view is not None
    assert current.view.hash == first


MEASURED = Matrix({FLEET[0].id: {"qa": 9.9}})


def test_a_view_brings_what_was_measured(tmp_path: Path) -> None:
    """In a file of its own, which the overlay names."""
    store = ViewStore(tmp_path)
    name = store.publish(BASE, Overlay("", TODAY), MEASURED)

    again = ViewStore(tmp_path)
    assert again.load(name).slots[FLEET[0].id].quality["qa"] == 9.9
    assert again.matrix(again.overlay(name).matrix) == MEASURED
    assert again.overlay(store.publish(BASE, Overlay("", TODAY))).matrix is None


def test_matrices_go_when_no_view_names_them(tmp_path: Path) -> None:
    """And not before: a replay needs what its view stood on."""
    store = ViewStore(tmp_path)
    first = store.publish(BASE, Overlay("", TODAY), MEASURED)
    store.publish(BASE, Overlay("", TODAY), Matrix({FLEET[0].id: {"qa": 9.8}}))
    late = 4e9

    assert store.remove_matrices(late) == 0
    store.remove(first)
    assert store.remove_matrices(0.0) == 0
    assert store.remove_matrices(late) == 1
    assert len(list(tmp_path.glob("*.matrix.json"))) == 1
