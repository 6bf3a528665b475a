"""What a drill is aimed at, when, and by which chance."""

import msgspec
import pytest

from turnout.types.drill import Drill, aims_at, drilled, strikes, strikes_now

DRILL = Drill("d-1", "outage", since=100.0, ends=130.0, until=200.0, provider="azure-*", on="live")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"provider": "azure-us"}, False),
        ({"provider": "azure-eu", "region": "eu"}, True),
        ({"provider": "*", "region": "us"}, False),
        ({"model": "azure-eu/small"}, False),
        ({"model": "azure-eu/*"}, True),
    ],
)
def test_aim(changes: dict[str, str], *, expected: bool) -> None:
    """Provider, region and model must all fit; what is not said fits anything."""
    assert aims_at(_with(**changes), "azure-eu", "eu", "azure-eu/large") is expected


@pytest.mark.parametrize(("now", "expected"), [(99.9, False), (100.0, True), (129.9, True), (130.0, False)])
def test_in_force(now: float, *, expected: bool) -> None:
    """Faults strike from since to ends."""
    assert strikes_now(DRILL, now) is expected


def test_lease() -> None:
    """Past its lease nothing strikes, whatever its end."""
    assert not strikes_now(_with(until=110.0), 120.0)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_share(share: float) -> None:
    """About that share of the requests is in the drill, the same ones each time."""
    drill = _with(share=share)

    among = [drilled(drill, seed) for seed in range(4000)]

    assert sum(among) == pytest.approx(4000 * share, abs=120)
    assert among == [drilled(drill, seed) for seed in range(4000)]


def test_partial() -> None:
    """About that share of the calls fails; those of others never do."""
    drill = _with(rate=0.3)

    assert sum(strikes(drill, "azure-eu", None, "azure-eu/x", seed) for seed in range(4000)) == pytest.approx(1200, abs=120)
    assert not any(strikes(drill, "openai", None, "openai/x", seed) for seed in range(100))


def _with(**changes: object) -> Drill:
    return msgspec.structs.replace(DRILL, **changes)
