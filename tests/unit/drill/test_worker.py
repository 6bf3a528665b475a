"""What a worker has of the drill in force."""

from pathlib import Path

import msgspec

from tests.support.fake_transport import FakeTransport
from tests.unit.drill.drilling import POLICY
from turnout.clock import ManualClock
from turnout.drill.current import lift, put
from turnout.drill.worker import Drilling, Purse
from turnout.types.drill import Drill, strikes_now
from turnout.types.money import PicoDollars

NOW = 1_700_000_000.0
DRILL = Drill("d-1", "outage", since=NOW, ends=NOW + 30, until=NOW + 3, provider="openai", on="live")


async def test_taken_up_renewed_and_lifted(tmp_path: Path) -> None:
    """A new way out only for another drill; a renewed lease keeps the one there is; without a file there is none."""
    clock = ManualClock(NOW)
    drilling = Drilling(tmp_path, FakeTransport(), clock)
    assert not drilling.poll(POLICY, ())

    put(tmp_path, DRILL)
    assert drilling.poll(POLICY, ())
    way = drilling.way
    assert way is not None
    clock.advance(2)
    put(tmp_path, msgspec.structs.replace(DRILL, until=NOW + 5))
    assert not drilling.poll(POLICY, ())
    assert drilling.way is way
    assert strikes_now(way.drill, NOW + 4)
    lift(tmp_path)
    assert drilling.poll(POLICY, ())
    assert drilling.way is None


async def test_dies_with_who_runs_it(tmp_path: Path) -> None:
    """A lease that nobody renews ends the drill, though its file stays."""
    clock = ManualClock(NOW)
    put(tmp_path, DRILL)
    drilling = Drilling(tmp_path, FakeTransport(), clock)
    drilling.poll(POLICY, ())
    way = drilling.way

    clock.advance(3)
    assert way is not None
    assert not strikes_now(way.drill, clock.now())
    assert drilling.poll(POLICY, ())
    assert drilling.way is None


async def test_another_policy(tmp_path: Path) -> None:
    """A drill that goes on over a change of the policy aims at the new one's models."""
    put(tmp_path, DRILL)
    drilling = Drilling(tmp_path, FakeTransport(), ManualClock(NOW))
    drilling.poll(POLICY, ())
    before = drilling.way

    assert drilling.poll(POLICY, (), afresh=True)
    assert drilling.way is not before


def test_purse() -> None:
    """Reserved before, settled after: never more than the limit is under way or spent."""
    purse = Purse(PicoDollars(100))

    assert purse.reserve(PicoDollars(60))
    assert not purse.reserve(PicoDollars(60))
    purse.settle(PicoDollars(60), PicoDollars(10))
    assert purse.reserve(PicoDollars(90))
    purse.settle(PicoDollars(90), None)
    assert not purse.reserve(PicoDollars(1))


def test_purse_refuses() -> None:
    """Nothing of unknown price, and no more at once than there is room for."""
    assert not Purse(PicoDollars(100)).reserve(None)
    purse = Purse(PicoDollars(100), at_once=1)
    assert purse.reserve(PicoDollars(1))
    assert not purse.reserve(PicoDollars(1))
