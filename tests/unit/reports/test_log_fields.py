"""What fields say, exactly, or why not."""

from decimal import Decimal

import pytest

from turnout.reports.logs import fields
from turnout.reports.logs.fields import Bad


@pytest.mark.parametrize("written", [
    1_780_000_000, "1780000000", 1_780_000_000_000, 1_780_000_000_000_000, "1780000000000000000", Decimal("1780000000.0"),
    "2026-05-28T20:26:40Z", "2026-05-28 20:26:40", "2026-05-28T22:26:40+02:00", "2026-05-28 20:26:40.000", "28/May/2026:20:26:40 +0000",
])  # fmt: skip
def test_one_moment_in_all_its_writings(written):
    """Seconds, milli-, micro- and nanoseconds, with a zone or without: the same moment."""
    assert fields.moment(written, "t") == 1_780_000_000.0


@pytest.mark.parametrize("written", ["yesterday", 12, "-5", "1999-01-01", True, [1], "Infinity", 10**30, "20261123"])
def test_no_moment(written):
    """What is no time, or none that a log of calls to models can have, is refused."""
    with pytest.raises(Bad):
        fields.moment(written, "t")


def test_money_is_exact_to_the_pico_dollar():
    """Text, Decimal and float of the same digits are the same money."""
    for written in ("0.000000075001", Decimal("0.000000075001"), 0.000000075001, " 7.5001e-8 "):
        assert fields.money(written, "cost") == 75_001
    assert fields.money("", "cost") is None
    for bad in (-1, "nan", "1e7", "a", True, {}):
        with pytest.raises(Bad):
            fields.money(bad, "cost")


def test_counts_are_whole_and_not_negative():
    """Numbers as text count; halves, negatives and the absurd do not."""
    assert [fields.count(value, "n") for value in (7, "7", 7.0, Decimal(7), None, "")] == [7, 7, 7, 7, None, None]
    for bad in (-1, 0.5, "1.5", True, 2**40, "x", [1]):
        with pytest.raises(Bad):
            fields.count(bad, "n")


@pytest.mark.parametrize(("status", "said", "name"), [
    (429, None, "rate_limited"), (None, "litellm.RateLimitError: slow down", "rate_limited"), (400, "maximum context length is 8192", "context_overflow"),
    (401, None, "misconfigured"), (503, None, "unavailable"), (None, "Request timed out.", "timeout"), (400, "content_filter", "content_filter"),
    (None, "whatever", "failed"), (422, None, "caller_error"),
])  # fmt: skip
def test_errors_have_the_names_that_records_use(status, said, name):
    """By words first, by status else."""
    assert fields.error_class(status, said) == name
