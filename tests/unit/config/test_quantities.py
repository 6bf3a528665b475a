import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.config.quantities import SECONDS, seconds, size


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("500ms", 0.5),
        ("1s", 1.0),
        ("1.5s", 1.5),
        ("10m", 600.0),
        ("2h", 7200.0),
        ("400d", 34_560_000.0),
        ("1w", 604_800.0),
        (" 3 s ", 3.0),
    ],
)
def test_durations(written, meant):
    """A number and a unit, in seconds."""
    assert seconds(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"), [("20MB", 20_000_000), ("64KiB", 65_536), ("1.5GB", 1_500_000_000), ("7b", 7), ("1mib", 2**20)]
)
def test_sizes(written, meant):
    """Decimal and binary units, whatever their case."""
    assert size(written) == meant


@pytest.mark.parametrize("written", [5, 5.0, "5", "", "s", "5 parsecs", "-1s", "5M", None, True, (1,), "1e3s", "५s"])
def test_bare_numbers_and_unknown_units_are_refused(written):
    """Nobody has to guess whether 30 is seconds or milliseconds."""
    with pytest.raises(ValueError, match="a duration needs a number and a unit"):
        seconds(written)


def test_the_refusal_says_what_to_write():
    """The number that was written is in the suggestion."""
    with pytest.raises(ValueError, match=r"write 30s$"):
        seconds(30)
    with pytest.raises(ValueError, match=r"write 20MB$"):
        size("20")


@given(st.integers(0, 10**9), st.sampled_from(sorted(SECONDS)))
def test_units_scale(number, unit):
    """The law: a duration is its number times its unit."""
    assert seconds(f"{number}{unit}") == pytest.approx(number * float(SECONDS[unit]))
