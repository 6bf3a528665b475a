"""A drill on real traffic is in force only as long as someone says so again and again."""

import asyncio
from pathlib import Path

import pytest

from turnout.build.drill import Lease, NoDrill, Stopped, _in_force
from turnout.clock import ManualClock
from turnout.drill.current import LEASE, lift, put, read
from turnout.types.drill import Drill

NOW = 1_700_000_000.0
DRILL = Drill("mine", "outage", since=NOW + 10, ends=NOW + 30, until=NOW + 100, on="live")


async def forever() -> None:
    await asyncio.Event().wait()


async def test_renewed(tmp_path: Path) -> None:
    """Its end is always near, and moves on with each renewal, up to the drill's own."""
    clock = ManualClock(NOW)
    async with _in_force(tmp_path, DRILL, clock, asyncio.Event()) as lease:
        assert _until(tmp_path) == NOW + LEASE
        clock.advance(50)
        lease.renew()
        assert _until(tmp_path) == NOW + 50 + LEASE
        clock.advance(49)
        lease.renew()
        assert _until(tmp_path) == DRILL.until

    assert read(tmp_path) is None


async def test_taken_away(tmp_path: Path) -> None:
    """Who runs it notices that its file is gone, ends its work, and does not bring it back."""
    work = asyncio.ensure_future(forever())
    with pytest.raises(Stopped):
        async with _in_force(tmp_path, DRILL, ManualClock(NOW), asyncio.Event()) as lease:
            await lease.during(_wait(work), lambda: lift(tmp_path))

    assert work.cancelled()
    assert read(tmp_path) is None


async def test_told_to_stop(tmp_path: Path) -> None:
    """An abort is heard at once, and leaves nothing in force."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    with pytest.raises(Stopped):
        async with _in_force(tmp_path, DRILL, ManualClock(NOW), stop) as lease:
            await lease.during(forever(), lambda: None)

    assert read(tmp_path) is None


async def test_what_breaks_lifts_it(tmp_path: Path) -> None:
    """Whatever ends the work ends the drill."""

    async def breaks() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        async with _in_force(tmp_path, DRILL, ManualClock(NOW), asyncio.Event()) as lease:
            await lease.during(breaks(), lambda: None)

    assert read(tmp_path) is None


async def test_one_at_a_time(tmp_path: Path) -> None:
    """A drill waits for no other and ends none: it is refused, until the other's lease is over."""
    clock = ManualClock(NOW)
    put(tmp_path, DRILL)
    with pytest.raises(NoDrill, match="mine is running"):
        async with _in_force(tmp_path, DRILL, clock, asyncio.Event()):
            pass
    assert read(tmp_path) == DRILL

    clock.advance(100)
    async with _in_force(tmp_path, DRILL, clock, asyncio.Event()) as lease:
        assert isinstance(lease, Lease)


async def _wait(work: "asyncio.Future[None]") -> None:
    await work


def _until(data_dir: Path) -> float:
    found = read(data_dir)
    assert found is not None
    return found.until
