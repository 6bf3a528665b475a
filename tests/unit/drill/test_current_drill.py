"""The file in which a drill is in force, and that it cannot stay so by accident."""

from pathlib import Path

import msgspec
import pytest

from turnout.drill.current import LEASE, NAME, CurrentDrill, lift, put, read, renew
from turnout.types.drill import Drill

DRILL = Drill("d-1", "outage", since=100.0, ends=130.0, until=140.0, on="live")


def test_taken_up_and_lifted(tmp_path: Path) -> None:
    """A worker finds it once it is there, as long as its lease is, and loses it with the file."""
    current = CurrentDrill(tmp_path)
    assert current.poll(100) is None

    put(tmp_path, DRILL, 100)
    assert current.poll(100) == msgspec.structs.replace(DRILL, until=100 + LEASE)
    assert renew(tmp_path, "d-1", 102)
    assert current.poll(104) == msgspec.structs.replace(DRILL, until=102 + LEASE)
    lift(tmp_path)
    assert current.poll(104) is None


def test_expires(tmp_path: Path) -> None:
    """Past its lease it is void, though nobody took the file away; and past its own end whatever its lease."""
    put(tmp_path, DRILL, 100)
    current = CurrentDrill(tmp_path)
    assert current.poll(100 + LEASE - 0.1) is not None
    assert current.poll(100 + LEASE) is None

    assert renew(tmp_path, "d-1", 139)
    assert current.poll(139.9) is not None
    assert current.poll(140.0) is None


def test_renewal_brings_nothing_back(tmp_path: Path) -> None:
    """What was taken away stays away, and nobody renews or ends another's."""
    put(tmp_path, DRILL, 100)
    lift(tmp_path, "d-1")
    assert not renew(tmp_path, "d-1", 101)
    assert read(tmp_path) is None

    put(tmp_path, msgspec.structs.replace(DRILL, id="d-2"), 101)
    assert not renew(tmp_path, "d-1", 102)
    lift(tmp_path, "d-1")
    assert read(tmp_path) == msgspec.structs.replace(DRILL, id="d-2", until=101 + LEASE)


def test_simulated_is_nobody_elses(tmp_path: Path) -> None:
    """A drill on simulated traffic is in force in its own world, never on a worker that finds its file."""
    put(tmp_path, msgspec.structs.replace(DRILL, on="simulated"), 100)

    assert CurrentDrill(tmp_path).poll(100) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"id": 3}', b'{"id": "a", "kind": "nonsense", "since": 1, "ends": 2, "until": 3}']
)
def test_unreadable(tmp_path: Path, content: bytes) -> None:
    """A file that cannot be read puts nothing in force."""
    (tmp_path / NAME).write_bytes(content)

    assert read(tmp_path) is None
    assert CurrentDrill(tmp_path).poll(100) is None
