"""Units that do not fall as they should: found soon, and nothing found where they do."""

import random
from math import lgamma, log

import pytest

from turnout.evidence.mismatch import ALARM, PRIOR, Mismatch


def test_with_one_share_it_is_the_beta_binomial_against_the_binomial():
    """F6 of Lindon and Malek, worked out at once."""

    def log_beta(a, b):
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    rng, test, share, hits, n = random.Random(1), Mismatch(), 0.1, 0, 500
    for _ in range(n):
        arm = rng.random() < 0.14
        hits += arm
        test.take(arm, share)
    a, b = PRIOR * share, PRIOR * (1 - share)

    assert test.log == pytest.approx(
        log_beta(a + hits, b + n - hits) - log_beta(a, b) - hits * log(share) - (n - hits) * log(1 - share)
    )


def test_arms_filled_as_drawn_raise_no_alarm_while_the_share_ramps():
    """Twenty ramps from 1 to 50 %."""
    for seed in range(20):
        rng, test = random.Random(seed), Mismatch()
        for share in (0.01, 0.05, 0.1, 0.25, 0.5):
            for _ in range(300):
                test.take(rng.random() < share, share)

        assert test.peak < ALARM


@pytest.mark.parametrize("shares", [(0.1,), (0.05, 0.1, 0.25)])
def test_a_candidate_that_loses_a_third_of_its_units_is_noticed(shares):
    """Its failures are not recorded, say: the alarm that pauses a trial."""
    rng, test = random.Random(2), Mismatch()
    for share in shares:
        for _ in range(3_000):
            arm = rng.random() < share
            if not arm or rng.random() < 0.66:
                test.take(arm, share)

    assert test.peak >= ALARM


def test_a_share_of_all_says_nothing():
    """There is no draw."""
    test = Mismatch()
    test.take(True, 1.0)
    test.take(True, 0.0)

    assert test == Mismatch()
