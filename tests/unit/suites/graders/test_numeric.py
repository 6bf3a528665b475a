"""The last number of a text, however it is written."""

from fractions import Fraction
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.suites.graders.numeric import last_number, numeric
from turnout.types.suite import Numeric


@pytest.mark.parametrize(("text", "value"), [
    ("1,234", 1234), ("1,234.5", 1234.5), ("1.234,56", 1234.56), ("1.234.567", 1234567), ("1'234'567", 1234567), ("1\u202f234,5", 1234.5),
    ("1,5", 1.5), ("0,125", 0.125), ("1,2,3", 3), ("$1,234.50.", 1234.5), ("-$5", -5), ("$-5", -5), ("€ 7", 7), ("10-20", 20), ("5 - 3", 3),
    ("\u22123", -3), ("½", 0.5), ("1½", 1.5), ("1 1/2", 1.5), ("3/4", 0.75), (r"\frac{3}{4}", 0.75), (r"\boxed{42}", 42), ("$1{,}234$", 1234),
    ("2.5e-3", 0.0025), ("2.5 x 10^-3", 0.0025), ("6.02 \u00d7 10^{23}", 6.02e23), ("10^5", 100000), ("5 km2", 5), ("5 m^2", 5),
    ("first 7, then 9", 9), (".5", 0.5), ("5.", 5), ("3rd", 3), ("1. 2. The answer is 12", 12), ("٣٤", None), ("CO2", None), ("none", None),
    ("", None), ("1/0", None), ("1e999", None), ("9" * 500, None),
])  # fmt: skip
def test_how_a_number_may_be_written(text: str, value: float | None) -> None:
    """With separators, signs, currencies, fractions and powers; a digit of a word is none."""
    found = last_number(text)
    assert (float(found[0]) if found else None) == (pytest.approx(value) if value is not None else None)


@pytest.mark.parametrize(("text", "both"), [
    ("25%", (25, 0.25)), ("25 percent", (25, 0.25)), ("3 million", (3, 3_000_000)), ("$1.5 billion", (1.5, 1_500_000_000)),
])  # fmt: skip
def test_what_can_be_meant_in_two_ways(text: str, both: tuple[float, float]) -> None:
    """Either will do."""
    for value in both:
        assert numeric(Numeric(value), text) is None
    assert numeric(Numeric(both[0] + 1), text) is not None


@given(st.integers(-(10**14), 10**14))
def test_whole_numbers_are_read_as_they_are_written(number: int) -> None:
    """With thousands separators and without, in a sentence, and no other number is accepted."""
    for written in (f"{number}", f"{number:,}", f"the answer is {number:,}."):
        assert last_number(written)[0] == number
        assert numeric(Numeric(float(number)), written) is None
        assert numeric(Numeric(float(number + 1)), written) is not None


@given(st.decimals(-(10**6), 10**6, places=3))
def test_decimals_are_exact(number) -> None:
    """Not the binary number beside them."""
    assert last_number(f"{number:,}")[0] == Fraction(number)


@pytest.mark.parametrize(("rule", "text", "holds"), [
    (Numeric(1.0, absolute=0.1), "1.1", True), (Numeric(1.0, absolute=0.1), "1.1000001", False), (Numeric(200, relative=0.01), "198", True),
    (Numeric(200, relative=0.01), "197.9", False), (Numeric(0, relative=0.5), "0.1", False), (Numeric(1 / 3), "1/3", True),
    (Numeric(-200, relative=0.01), "-198", True),
])  # fmt: skip
def test_tolerance_is_exact_at_its_edge(rule: Numeric, text: str, *, holds: bool) -> None:
    """1.1 is within 0.1 of 1, whatever floats make of it."""
    assert (numeric(rule, text) is None) is holds


def test_hostile_text_costs_no_time() -> None:
    """Digits and separators by the million, of which the end is read."""
    for text in (
        "1," * 500_000,
        "1" * 1_000_000,
        "1 1/" * 200_000,
        "9^9" * 300_000,
        "^{" * 400_000 + "1",
        "1e999999999",
        "2^999",
        "1'" * 400_000,
    ):
        begun = perf_counter()
        last_number(text)
        assert perf_counter() - begun < 2
    assert numeric(Numeric(1), "x") == "there is no number in it"
