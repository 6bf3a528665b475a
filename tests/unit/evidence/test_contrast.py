"""Differences of means: the bounds are the paper's, cover what they should at every look, and are not fooled by ramps."""

import random
from math import log, sqrt

import pytest

from turnout.evidence.continuous import FEWEST, SHARPEST, Cap, Contrast, unsure


def fed(units):
    contrast = Contrast()
    for unit in units:
        contrast.take(*unit)
    return contrast


def even(rng, n, share, effect, spread=1.0):
    for _ in range(n):
        arm = rng.random() < share
        yield arm, share, rng.gauss(10 + effect * arm, spread)


def test_with_one_share_the_bounds_are_the_papers():
    """F5: means and variances of both arms, put together at once."""
    units, alpha = list(even(random.Random(1), 20_000, 0.3, 0.1)), 0.05
    arms = [[value for arm, _, value in units if arm is side] for side in (False, True)]
    n, means = len(units), [sum(arm) / len(arm) for arm in arms]
    spreads = [sum((value - mean) ** 2 for value in arm) / len(arm) for arm, mean in zip(arms, means, strict=True)]
    square = n * sum(spread / len(arm) for spread, arm in zip(spreads, arms, strict=True))
    looks = 4 * 0.3 * 0.7 * n * (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / SHARPEST
    wide = sqrt(square * 2 * (looks + 1) / (looks * n) * log(sqrt(looks + 1) / alpha))
    low, high = fed(units).bounds(alpha)

    assert (high - low) / 2 == pytest.approx(wide, rel=0.03)
    assert (high + low) / 2 == pytest.approx(means[1] - means[0], abs=0.005)


def test_nothing_is_said_before_enough_units_of_either_arm():
    """The normal approximation needs them."""
    rng = random.Random(2)
    few = fed([(False, 0.1, rng.random()) for _ in range(5_000)] + [(True, 0.1, 5.0) for _ in range(FEWEST - 1)])

    assert few.bounds(0.05) is None
    assert few.above(0.0, 0.05) == 0.0
    few.take(True, 0.1, 5.0)
    assert few.bounds(0.05) is not None


def test_the_bounds_miss_a_true_difference_at_any_look_in_few_runs():
    """Under a ramp and a drift, skewed values; looked at every 50 units. Five of a hundred are allowed, more than ten would be a fault."""
    missed = 0
    for seed in range(100):
        rng, contrast, out = random.Random(seed), Contrast(), False
        for n in range(2_400):
            share = 0.25 if n < 1_200 else 0.5
            arm = rng.random() < share
            contrast.take(arm, share, rng.expovariate(1.0) + n / 1_000 + 0.2 * arm)
            if n % 50 == 0 and not out:
                bounds = contrast.bounds(0.05)
                out = bounds is not None and not bounds[0] <= 0.2 <= bounds[1]
        missed += out

    assert missed <= 10


def test_a_ramp_and_a_drift_together_are_no_difference():
    """The candidate's units come when everything costs more; its plain mean is far higher."""
    rng, contrast = random.Random(3), Contrast()
    for n in range(8_000):
        share, level = (0.05, 10.0) if n < 5_000 else (0.5, 14.0)
        contrast.take(rng.random() < share, share, rng.gauss(level, 1.0))
    low, high = contrast.bounds(0.05)

    assert low < 0 < high < 0.2


def test_above_is_when_the_one_sided_bound_is_above():
    """At the alpha it says, the half-normal mixture's bound lies at the margin; more speaks for less, none against what is below."""
    contrast = fed(even(random.Random(4), 4_000, 0.5, 0.3))
    over, looks = contrast.above(0.1, 0.0125), contrast._looks(0.025)
    # the closed form of the paper is a little wider than the mixture itself, and never narrower
    z = (contrast.total - 0.1 * contrast.weight) / sqrt(contrast.square)
    closed = log(2) - log(looks + 1) / 2 + z * z * looks / (looks + 1) / 2

    assert log(1 / 0.0125) < over <= closed
    assert contrast.above(0.2, 0.0125) < over < contrast.above(0.0, 0.0125)
    assert contrast.above(0.4, 0.0125) == 0.0


def test_outcomes_that_all_went_well_are_not_certain():
    """Four units more in each arm keep the bounds apart where no unit differed."""
    contrast = fed((n % 2 == 0, 0.5, 1.0) for n in range(1_000))

    assert contrast.bounds(0.05) == (0.0, 0.0)
    low, high = contrast.bounds(0.05, unsure(0.5, 1.0))
    assert -0.05 < low < -0.005 < 0.005 < high < 0.05


def test_a_cap_is_far_out_and_from_the_past():
    """About the 99th percentile; nothing is cut before it is known, or within five means where values hardly differ."""
    rng, wild, tame = random.Random(5), Cap(), Cap()
    values = [rng.lognormvariate(0, 2) for _ in range(5_000)]
    for value in values:
        wild.take(value)
        tame.take(1.0)
    beyond = sum(value > wild.at for value in values) / len(values)

    assert Cap().at == float("inf")
    assert 0.008 <= beyond <= 0.0101
    assert tame.at == pytest.approx(5.0)


def test_what_costs_nothing_is_counted_too():
    """Free answers are the lowest values, not an error."""
    cap = Cap()
    for n in range(100):
        cap.take(0.0 if n % 2 else 1.0)

    assert cap.at == pytest.approx(2.5)
