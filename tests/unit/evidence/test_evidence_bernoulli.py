"""Two arms with one outcome of two: the wealth is the product it says, and finds what is there."""

import random
from math import exp, log

import pytest

from turnout.evidence import bernoulli
from turnout.evidence.bernoulli import Fit, Harm, Judged, projection
from turnout.evidence.rates import Mean, Track


def drawn(rng, n, share, control, candidate):
    """So many units of an even trial."""
    for _ in range(n):
        arm = rng.random() < share
        yield arm, share, rng.random() < (candidate if arm else control)


def divergence(share, control, candidate, x, margin):
    """Of the guesses from (x, x - margin), in nats a unit."""
    pairs = ((1 - share, control, x), (share, candidate, x - margin))
    return sum(weight * (p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))) for weight, p, q in pairs)


@pytest.mark.parametrize("kind", [Harm, Fit])
@pytest.mark.parametrize("margin", [0.0, 0.03])
def test_wealth_is_the_product_of_guess_over_projection(monkeypatch, kind, margin):
    """Written naively, with a fixed share and a bet made anew for each unit."""
    monkeypatch.setattr(bernoulli, "HOLD", 1)
    test, naive, share = kind(margin), 1.0, 0.3
    control, candidate = (Mean(9.0, 10.0), Track()) if kind is Harm else (Mean(), Mean(0.0, 0.0))
    for arm, _, good in drawn(random.Random(1), 300, share, 0.9, 0.8 if kind is Harm else 0.9):
        qa = control.guess
        qb = candidate.guess if kind is Harm else (candidate.hits + bernoulli.TRUST * qa) / (candidate.of + bernoulli.TRUST)
        if (qb < qa - margin) if kind is Harm else (qb > qa - margin):
            x = projection(share, qa, qb, margin)
            q, p = (qb, x - margin) if arm else (qa, x)
            naive *= q / p if good else (1 - q) / (1 - p)
        (candidate if arm else control).take(good)
        test.take(arm, share, good)

    assert test.log == pytest.approx(log(naive))
    assert naive != 1


def test_without_a_margin_the_projection_is_the_mixture():
    """F2: one rate for both arms, the shares' mean."""
    assert projection(0.1, 0.9, 0.5, 0.0) == pytest.approx(0.1 * 0.5 + 0.9 * 0.9)


@pytest.mark.parametrize(
    ("share", "control", "candidate", "margin"), [(0.01, 0.95, 0.5, 0.01), (0.5, 0.95, 0.85, 0.05), (0.3, 0.2, 0.4, 0.1)]
)
def test_the_projection_is_nearest_of_a_fine_grid(share, control, candidate, margin):
    """No pair on the boundary is nearer to the guesses."""
    x = projection(share, control, candidate, margin)
    grid = [margin + (1 - margin) * n / 20_000 for n in range(1, 20_000)]

    assert divergence(share, control, candidate, x, margin) <= min(
        divergence(share, control, candidate, each, margin) for each in grid
    )


def test_guesses_begin_as_they_say_and_learn():
    """Beta(1/2, 1/2) as it stands; the tracker follows a rate that falls within a few outcomes."""
    mean, track = Mean(), Track()
    for _ in range(3):
        mean.take(True)
    for _ in range(300):
        track.take(True)
    high = track.guess
    for _ in range(8):
        track.take(False)

    assert mean.guess == pytest.approx(3.5 / 4, abs=1e-3)
    assert high > 0.98
    assert track.guess < 0.5


@pytest.mark.parametrize(("share", "after"), [(0.05, 0), (0.5, 0), (0.1, 500)])
def test_a_collapse_is_found_within_a_few_of_the_candidates_units(share, after):
    """Also one that comes after hundreds of good units, of which the guess must let go."""
    rng, found = random.Random(2), []
    for _ in range(15):
        test, n = Harm(0.01), 0
        while n < after + 200 and test.peak < log(80):
            arm = rng.random() < share
            n += arm
            test.take(arm, share, rng.random() < (0.5 if arm and n > after else 0.95))
        found.append(n - after)

    assert 0 < sorted(found)[7] <= 30


def test_a_drift_and_a_ramp_together_are_not_harm():
    """The candidate's units come late, when all is worse: pooled shares differ by a tenth, the wealth hardly grows."""
    rng, test, good, of = random.Random(3), Harm(0.01), [0, 0], [0, 0]
    for n in range(6_000):
        share = 0.02 if n < 4_000 else 0.5
        arm, rate = rng.random() < share, 0.95 if n < 4_000 else 0.8
        outcome = rng.random() < rate
        test.take(arm, share, outcome)
        good[arm] += outcome
        of[arm] += 1

    assert good[1] / of[1] < good[0] / of[0] - 0.08
    assert test.peak < 2


def test_another_share_needs_another_projection_at_once():
    """What was worked out for one share is not applied to a unit that was drawn with another."""
    test = Harm(0.01)
    for _ in range(3):
        test.take(True, 0.5, False)
    held = test.factors
    test.take(False, 0.5, True)
    test.take(False, 0.1, True)

    assert test.share == 0.1
    assert test.factors != held


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("kind", [Harm, Fit])
def test_where_all_units_go_to_one_arm_nothing_is_compared(kind, share):
    """Without a draw there is no evidence, whatever comes of the units."""
    test = kind(0.01)
    for _ in range(50):
        test.take(share == 1.0, share, False)

    assert test.log == test.peak == 0


def test_units_to_go_are_about_those_it_takes():
    """The estimate at the true rates, from the start and from half way, against the median of runs; nothing is to go once it is proven."""
    rng, needed = random.Random(4), []
    for _ in range(15):
        test, units = Fit(0.05), 0
        while test.peak < log(20):
            arm = rng.random() < 0.5
            test.take(arm, 0.5, rng.random() < 0.9)
            units += arm
        needed.append(units)
    begun = Fit(0.05, control=Mean(900.0, 1000.0), taken=10)

    assert begun.to_go(0.5, log(20)) == pytest.approx(sorted(needed)[7], rel=0.5)
    assert test.to_go(0.5, log(20)) == 0


def test_units_to_go_are_unknown_where_it_looks_hopeless_or_nothing_is_known():
    """A candidate that looks unfit, one arm alone, and the first units."""
    unfit = Fit(0.02)
    for unit in drawn(random.Random(5), 400, 0.5, 0.95, 0.7):
        unfit.take(*unit)
    fit = Fit(0.02)
    for unit in drawn(random.Random(5), 100, 0.5, 0.95, 0.95):
        fit.take(*unit)

    assert unfit.to_go(0.5, log(20)) is None
    assert Fit(0.02).to_go(0.5, log(20)) is None
    assert fit.to_go(1.0, log(20)) is None
    assert fit.to_go(0.5, log(20)) > 0


def test_where_all_are_judged_the_share_is_the_share():
    """To the last bit: no projection is worked out for noise."""
    judged = Judged()
    for n in range(100):
        judged.take(n % 3 == 0, 0.3, True)

    assert judged.share(0.1) == 0.1


def test_the_share_among_the_judged_is_found_while_shares_and_judging_change():
    """The candidate's answers are judged half as often; all are judged less and less, while its share rises."""
    rng, judged = random.Random(6), Judged()
    for n in range(6_000):
        share, rate = (0.05, 0.9) if n < 4_000 else (0.5, 0.4)
        arm = rng.random() < share
        judged.take(arm, share, rng.random() < (rate / 2 if arm else rate))

    assert judged.share(0.5) == pytest.approx(1 / 3, abs=0.03)
    assert 0 < judged.share(0.01) < 0.01


def test_a_peak_stays():
    """What was reached counts, though wealth falls again."""
    test = Harm(0.01)
    for _ in range(6):
        test.take(True, 0.1, False)
    high = test.peak
    for _ in range(40):
        test.take(True, 0.1, True)

    assert test.log < test.peak == high
    assert exp(high) > 20
