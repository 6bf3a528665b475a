"""What a worker has of the drill in force."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_transport import FakeTransport
from tests.unit.drill.drilling import POLICY
from turnout.clock import ManualClock
from turnout.drill.current import lift, put, renew
from turnout.drill.worker import Drilling, Held, Purse, spendable
from turnout.types.drill import Drill, strikes_now
from turnout.types.money import PicoDollars

NOW = 1_700_000_000.0
DRILL = Drill("d-1", "outage", since=NOW, ends=NOW + 30, until=NOW + 60, provider="openai", on="live")


async def test_taken_up_renewed_and_lifted(tmp_path: Path) -> None:
    """A new way out only for another drill; a renewed lease keeps the one there is; without a file there is none."""
    clock = ManualClock(NOW)
    drilling = Drilling(tmp_path, FakeTransport(), clock)
    assert not drilling.poll(POLICY, ())

    put(tmp_path, DRILL, NOW)
    assert drilling.poll(POLICY, ())
    way = drilling.way
    assert way is not None
    clock.advance(2)
    assert renew(tmp_path, DRILL.id, NOW + 2)
    assert not drilling.poll(POLICY, ())
    assert drilling.way is way
    assert strikes_now(way.drill, NOW + 4)
    lift(tmp_path)
    assert drilling.poll(POLICY, ())
    assert drilling.way is None


async def test_dies_with_who_runs_it(tmp_path: Path) -> None:
    """A lease that nobody renews ends the drill, though its file stays."""
    clock = ManualClock(NOW)
    put(tmp_path, DRILL, NOW)
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
    put(tmp_path, DRILL, NOW)
    drilling = Drilling(tmp_path, FakeTransport(), ManualClock(NOW))
    drilling.poll(POLICY, ())
    before = drilling.way

    assert drilling.poll(POLICY, (), afresh=True)
    assert drilling.way is not before


async def test_found_in_force(tmp_path: Path) -> None:
    """A worker knows of the drill that it came up in the middle of."""
    assert Drilling(tmp_path, FakeTransport(), ManualClock(NOW)).found is None

    put(tmp_path, DRILL, NOW)
    assert Drilling(tmp_path, FakeTransport(), ManualClock(NOW)).found == DRILL.id


def test_purse() -> None:
    """Set aside before, settled after: never more than the limit is under way or spent."""
    purse = Purse(PicoDollars(100))

    held = purse.hold(PicoDollars(60))
    assert held is not None
    assert purse.hold(PicoDollars(60)) is None
    purse.settle(held, PicoDollars(10))
    held = purse.hold(PicoDollars(90))
    assert held is not None
    purse.settle(held, None)
    assert purse.hold(PicoDollars(1)) is None


def test_purse_refuses() -> None:
    """Nothing of unknown price, and no more at once than there is room for."""
    assert Purse(PicoDollars(100)).hold(None) is None
    purse = Purse(PicoDollars(100), at_once=1)
    assert purse.hold(PicoDollars(1)) is not None
    assert purse.hold(PicoDollars(1)) is None


def test_purse_learns() -> None:
    """Once copies cost more than they were expected to, that much is set aside for each."""
    purse = Purse(PicoDollars(100))
    held = purse.hold(PicoDollars(10))
    assert held is not None
    purse.settle(held, PicoDollars(30))

    assert purse.hold(PicoDollars(10)) == Held(PicoDollars(10), PicoDollars(30))
    assert purse.hold(PicoDollars(10)) == Held(PicoDollars(10), PicoDollars(30))
    assert purse.hold(PicoDollars(10)) is None


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 200)), max_size=200))
def test_purse_and_wrong_estimates(copies: list[tuple[int, int]]) -> None:
    """One after the other they cost at most the limit, and what the last one's estimate was wrong by."""
    purse, spent, wrong_by = Purse(PicoDollars(1000)), 0, 0
    for expected, cost in copies:
        held = purse.hold(PicoDollars(expected))
        if held is not None:
            assert spent + held.aside <= 1000
            purse.settle(held, PicoDollars(cost))
            spent, wrong_by = spent + cost, max(cost - held.aside, 0)

    assert spent <= 1000 + wrong_by


@pytest.mark.parametrize(("at", "part"), [(NOW - 1, 0.25), (NOW, 0.75), (NOW + 29, 0.75), (NOW + 30, 1.0)])
def test_spendable(at: float, part: float) -> None:
    """The copies before the failure leave enough for those in it, and those for what follows."""
    assert spendable(DRILL, at) == part
