"""Intervals of a share, against sums and integrals worked out directly."""

from math import comb, exp, lgamma, log

import pytest

from turnout.evidence.intervals import beta, beta_quantile, beta_share, wilson


def integral(x, a, b, steps=200_000):
    """Of the Beta density from 0 to x, by the midpoint rule."""
    front = lgamma(a + b) - lgamma(a) - lgamma(b)
    return (
        sum(exp(front + (a - 1) * log(t) + (b - 1) * log(1 - t)) for t in (x * (n + 0.5) / steps for n in range(steps)))
        * x
        / steps
    )


@pytest.mark.parametrize(("x", "a", "b"), [(0.3, 2, 5), (0.9, 19.5, 1.5), (0.04, 1.5, 80.5)])
def test_the_beta_share_is_the_integral_of_its_density(x, a, b):
    """Small, lopsided, on either side of the mean."""
    assert beta_share(x, a, b) == pytest.approx(integral(x, a, b, 20_000), abs=1e-6)


@pytest.mark.parametrize(("hits", "of"), [(3, 10), (995, 1_000), (1, 2_000)])
def test_the_beta_share_of_whole_numbers_is_a_binomial_sum(hits, of):
    """P(X >= hits) of a binomial is the beta share: exact for any size."""
    x = (hits + 0.7) / (of + 2)
    tail = sum(exp(log(comb(of, n)) + n * log(x) + (of - n) * log(1 - x)) for n in range(hits, of + 1))

    assert beta_share(x, hits, of - hits + 1) == pytest.approx(tail, rel=1e-9)


@pytest.mark.parametrize("share", [0.001, 0.025, 0.5, 0.975])
@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (0.5, 100.5), (9_500, 500), (3, 1)])
def test_a_quantile_is_where_the_share_is(share, a, b):
    """The inverse inverts."""
    assert beta_share(beta_quantile(share, a, b), a, b) == pytest.approx(share, rel=1e-9)


def test_the_ends_of_the_beta_share():
    """Nothing below nothing, all below all."""
    assert (beta_share(0.0, 2, 3), beta_share(1.0, 2, 3), beta_share(0.5, 1, 1)) == (0.0, 1.0, pytest.approx(0.5))


def test_the_posterior_interval_of_jeffreys_and_of_a_prior_belief():
    """95 of 100, and the same with a belief of twenty cases at one half, which pulls it down."""
    low, high = beta(95, 100)
    pulled = beta(95, 100, prior=(10.0, 10.0))

    assert (low, high) == (pytest.approx(0.8939, abs=1e-4), pytest.approx(0.9807, abs=1e-4))  # Brown, Cai and DasGupta 2001
    assert pulled[0] < low
    assert pulled[1] < high


def test_wilson_of_known_cases():
    """The textbook's figures; of nothing everything may be true."""
    assert wilson(95, 100) == (pytest.approx(0.8882, abs=1e-4), pytest.approx(0.9785, abs=1e-4))
    assert wilson(0, 0) == (0.0, 1.0)
