"""The same cases for two models: proof soon, no false proof, and an honest word about how few cases are too few."""

import random

import pytest

from turnout.evidence.paired import Paired, certifiable_margin


def differences(rng, better, worse):
    while True:
        u = rng.random()
        yield 1.0 if u < better else -1.0 if u < better + worse else 0.0


def cases_until(paired, source, most=3_000):
    for difference in source:
        paired.take([difference])
        if paired.verdict is not None or paired.n >= most:
            return paired.n
    return None


@pytest.mark.parametrize(("margin", "discordance"), [(0.05, 0.0), (0.05, 0.1), (0.1, 0.2)])
def test_an_equal_model_is_proven_fit_after_about_the_cases_that_certify_the_margin(margin, discordance):
    """The median of runs; the margin they could certify in advance is the one they did."""
    found = []
    for seed in range(25):
        paired = Paired.new(margin)
        found.append(cases_until(paired, differences(random.Random(seed), discordance / 2, discordance / 2)))
        assert paired.verdict in {"fits", None}
    median = sorted(found)[12]

    assert certifiable_margin(median, discordance) == pytest.approx(margin, rel=0.35)


def test_a_model_worse_by_the_whole_margin_is_rarely_taken_for_fit():
    """Nominal 5 % over 400 cases, looked at after each."""
    wrong = 0
    for seed in range(100):
        paired = Paired.new(0.05)
        cases_until(paired, differences(random.Random(seed), 0.05, 0.1), 400)
        wrong += paired.verdict == "fits"

    assert wrong <= 11


def test_a_much_worse_model_is_given_up_early():
    """The rest of the cases need not be paid for."""
    paired = Paired.new(0.05)
    n = cases_until(paired, differences(random.Random(3), 0.02, 0.4))

    assert paired.verdict == "unfit"
    assert n < 60


def test_what_was_known_first_stays():
    """Later cases, asked for another reason, do not unmake a proof."""
    paired = Paired.new(0.05)
    paired.take([0.0] * 120)
    paired.take([-1.0] * 30)

    assert paired.verdict == "fits"


def test_fifty_cases_cannot_certify_five_points():
    """Whatever they show; more cases, smaller margins; what differs more needs more."""
    assert certifiable_margin(50, 0.0) > 0.05 > certifiable_margin(100, 0.0)
    assert certifiable_margin(400, 0.2) > certifiable_margin(400, 0.1) > certifiable_margin(1_600, 0.1)
    assert certifiable_margin(0, 0.1) is None


@pytest.mark.parametrize("margin", [0.0, 1.0, -0.1])
def test_a_margin_of_nothing_or_all_is_refused(margin):
    """It could never be certified, or always."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        Paired.new(margin)


def test_a_difference_beyond_one_is_refused():
    """The bet's bounds would not hold."""
    with pytest.raises(ValueError, match="lies between -1 and 1"):
        Paired.new(0.05).take([1.5])
