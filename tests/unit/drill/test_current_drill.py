"""The file in which a drill is in force, and that it cannot stay so by accident."""

from pathlib import Path

import msgspec
import pytest

from turnout.drill.current import NAME, CurrentDrill, lift, put, read
from turnout.types.drill import Drill

DRILL = Drill("d-1", "outage", since=100.0, ends=130.0, until=140.0, on="live")


def test_taken_up_and_lifted(tmp_path: Path) -> None:
    """A worker finds it once it is there, its changes too, and loses it with the file."""
    current = CurrentDrill(tmp_path)
    assert current.poll(100) is None

    put(tmp_path, DRILL)
    assert current.poll(100) == DRILL
    renewed = msgspec.structs.replace(DRILL, until=150.0)
    put(tmp_path, renewed)
    assert current.poll(145) == renewed
    lift(tmp_path)
    assert current.poll(101) is None


def test_expires(tmp_path: Path) -> None:
    """Past its lease it is void, though nobody took the file away."""
    put(tmp_path, DRILL)
    current = CurrentDrill(tmp_path)

    assert current.poll(139.9) == DRILL
    assert current.poll(140.0) is None


def test_simulated_is_nobody_elses(tmp_path: Path) -> None:
    """A drill on simulated traffic is in force in its own world, never on a worker that finds its file."""
    put(tmp_path, msgspec.structs.replace(DRILL, on="simulated"))

    assert CurrentDrill(tmp_path).poll(100) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"id": 3}', b'{"id": "a", "kind": "nonsense", "since": 1, "ends": 2, "until": 3}']
)
def test_unreadable(tmp_path: Path, content: bytes) -> None:
    """A file that cannot be read puts nothing in force."""
    (tmp_path / NAME).write_bytes(content)

    assert read(tmp_path) is None
    assert CurrentDrill(tmp_path).poll(100) is None
