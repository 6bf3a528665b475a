"""Bounds of a statistic of cases: the same for the same seed, about what theory says, and never quiet about nonsense."""

import random
from math import nan

import pytest

from turnout.evidence.bootstrap import drawn, interval, lower_bound


def mean(cases):
    return sum(cases) / len(cases)


def test_the_bound_of_a_mean_is_about_the_normal_one():
    """Mean minus 1.645 standard errors, for two hundred cases."""
    rng = random.Random(1)
    cases = [rng.gauss(1.0, 2.0) for _ in range(200)]
    error = (mean([case * case for case in cases]) - mean(cases) ** 2) ** 0.5 / 200**0.5

    assert lower_bound(mean, cases, "seed") == pytest.approx(mean(cases) - 1.645 * error, abs=0.15 * error)
    low, high = interval(mean, cases, "seed")
    assert (high - low) == pytest.approx(3.92 * error, rel=0.1)


def test_one_seed_one_bound():
    """A score can be worked out again by anybody; another seed differs a little."""
    cases = [float(n % 7) for n in range(60)]

    assert lower_bound(mean, cases, "a") == lower_bound(mean, list(cases), "a")
    assert lower_bound(mean, cases, "a", rounds=200) != lower_bound(mean, [case * 1.01 for case in cases], "b", rounds=200)


def test_pairs_stay_together():
    """A candidate that always costs half has a ratio of one half in every resample, however prices differ between cases."""
    cases = [(float(n + 1), (n + 1) / 2) for n in range(40)]

    assert interval(lambda drawn_: sum(b for _, b in drawn_) / sum(a for a, _ in drawn_), cases, "x") == (0.5, 0.5)


def test_places_are_drawn_evenly():
    """Each as likely, none outside."""
    counts = [0] * 7
    for round_ in range(1_000):
        for at in drawn("even", round_, 7):
            counts[at] += 1

    assert all(850 < count < 1_150 for count in counts)


def test_no_cases_and_no_number_are_refused():
    """Neither has a bound."""
    with pytest.raises(ValueError, match="needs cases"):
        lower_bound(mean, [], "x")
    with pytest.raises(ValueError, match="not a number"):
        lower_bound(lambda _: nan, [1.0], "x")
