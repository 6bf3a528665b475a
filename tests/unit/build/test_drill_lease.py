"""A drill on real traffic is in force only as long as someone says so again and again."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from turnout.build.drill_lease import Lease, NoDrill, Stopped, in_force
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
    async with in_force({tmp_path: DRILL}, clock, asyncio.Event()) as lease:
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
    ended = []

    async def work() -> None:
        lift(tmp_path)
        try:
            await forever()
        finally:
            ended.append(True)

    with pytest.raises(Stopped):
        async with in_force({tmp_path: DRILL}, ManualClock(NOW), asyncio.Event()) as lease:
            await lease.during(work())

    assert ended
    assert read(tmp_path) is None


async def test_ends_no_other(tmp_path: Path) -> None:
    """Who notices that another drill is in force by now leaves that one alone."""
    other = msgspec.structs.replace(DRILL, id="another")

    async def work() -> None:
        put(tmp_path, other, NOW)
        await forever()

    with pytest.raises(Stopped):
        async with in_force({tmp_path: DRILL}, ManualClock(NOW), asyncio.Event()) as lease:
            await lease.during(work())

    assert read(tmp_path) == msgspec.structs.replace(other, until=NOW + LEASE)


async def test_two_homes(tmp_path: Path) -> None:
    """A rehearsal's own gateway is told by a second file, which is kept alive and lifted with the first."""
    clock, own = ManualClock(NOW), tmp_path / "own"
    async with in_force({tmp_path: DRILL, own: DRILL}, clock, asyncio.Event()) as lease:
        clock.advance(2)
        lease.renew()
        assert _until(own) == _until(tmp_path) == NOW + 2 + LEASE

    assert read(own) is None


async def test_told_to_stop(tmp_path: Path) -> None:
    """An abort is heard at once, and leaves nothing in force."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    with pytest.raises(Stopped):
        async with in_force({tmp_path: DRILL}, ManualClock(NOW), stop) as lease:
            await lease.during(forever())

    assert read(tmp_path) is None


async def test_what_breaks_lifts_it(tmp_path: Path) -> None:
    """Whatever ends the work ends the drill."""

    async def breaks() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        async with in_force({tmp_path: DRILL}, ManualClock(NOW), asyncio.Event()) as lease:
            await lease.during(breaks())

    assert read(tmp_path) is None


async def test_one_at_a_time(tmp_path: Path) -> None:
    """A drill waits for no other and ends none: it is refused, until the other's lease is over."""
    clock = ManualClock(NOW)
    put(tmp_path, DRILL, NOW)
    with pytest.raises(NoDrill, match="mine is running"):
        async with in_force({tmp_path: DRILL}, clock, asyncio.Event()):
            pass
    assert _until(tmp_path) == NOW + LEASE

    clock.advance(LEASE)
    async with in_force({tmp_path: DRILL}, clock, asyncio.Event()) as lease:
        assert isinstance(lease, Lease)


def _until(data_dir: Path) -> float:
    found = read(data_dir)
    assert found is not None
    return found.until
