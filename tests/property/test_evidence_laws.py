"""Laws of the evidence: no bet gains on average where its hypothesis holds, and a fold is a fold however its units are portioned."""

from math import exp

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from turnout.evidence.bernoulli import Fit, Harm, factors, projection
from turnout.evidence.mismatch import Mismatch
from turnout.evidence.paired import Bet, Paired
from turnout.evidence.trial import Fold
from turnout.types.evidence import Exposure
from turnout.types.money import PicoDollars
from turnout.types.release import Margins, Spec

_rate = st.floats(0.001, 0.999)
_share = st.floats(0.005, 0.995)
_margin = st.sampled_from([0.0, 0.01, 0.03, 0.05, 0.2])
SLACK = 1e-9
"""Of the arithmetic."""

_unit = st.builds(
    Exposure, at=st.floats(0, 1e6), candidate=st.booleans(), share=st.sampled_from([0.01, 0.1, 0.5]), ok=st.booleans(),
    good=st.none() | st.booleans(), ms=st.none() | st.floats(1, 1e6), cost=st.none() | st.integers(0, 10**12).map(PicoDollars),
)  # fmt: skip
_past = st.lists(st.tuples(st.booleans(), st.sampled_from([0.05, 0.5]), st.booleans()), max_size=60)
SPEC = Spec(slow_ms=1_000.0)


def expected(gains: tuple[float, ...], share: float, control: float, candidate: float) -> float:
    """What wealth is multiplied by on average, over both arms and both outcomes."""
    bad, good, worse, better = map(exp, gains)
    return (1 - share) * ((1 - control) * bad + control * good) + share * ((1 - candidate) * worse + candidate * better)


@given(_share, _rate, _rate, _margin, _rate, st.floats(0, 1))
def test_no_bet_on_harm_gains_on_average_where_there_is_none(share, guess, other, margin, control, up):
    """Whatever the guess and the share, whatever the rates, as long as the candidate's is at most the margin lower."""
    assume(other < guess - margin)
    least = max(control - margin, 0.0)
    candidate = least + up * (1 - least)

    assert expected(factors(share, guess, other, margin), share, control, candidate) <= 1 + SLACK


@given(_share, _rate, _rate, _margin, _rate, st.floats(0, 1))
def test_no_bet_on_fitness_gains_on_average_where_the_candidate_is_unfit(share, guess, other, margin, control, down):
    """The same from the other side: the candidate's rate is lower by the margin or more."""
    assume(other > guess - margin and control >= margin)

    assert expected(factors(share, guess, other, margin), share, control, (control - margin) * down) <= 1 + SLACK


@given(_past, _share, _rate, _margin, st.sampled_from([Harm, Fit]))
def test_what_is_bet_after_any_past_gains_nothing_on_the_boundary(past, share, control, margin, kind):
    """Held guesses, changed shares: the factors in force are fair for the share of the unit they are applied to."""
    assume(control >= margin)
    test = kind(margin)
    for unit in past:
        test.take(*unit)
    gains = []
    for candidate, good in ((False, False), (False, True), (True, False), (True, True)):
        again = kind(margin)
        for unit in past:
            again.take(*unit)
        again.take(candidate, share, good)
        gains.append(again.log - test.log)

    assert expected(tuple(gains), share, control, control - margin) <= 1 + SLACK


@given(_share, _rate, _rate, st.sampled_from([0.01, 0.05, 0.2]))
def test_the_projection_lies_on_the_boundary_and_its_slope_is_none(share, control, candidate, margin):
    """At the nearest pair the weighted slopes of both arms cancel: this is what makes the bet fair all along the boundary."""
    x = projection(share, control, candidate, margin)
    y = x - margin
    ours = (1 - share) * (control / x - (1 - control) / (1 - x))
    theirs = share * (candidate / y - (1 - candidate) / (1 - y))

    assert margin < x < 1
    assert ours + theirs == pytest.approx(0, abs=1e-7 * max(1.0, abs(ours)))


@given(st.lists(st.tuples(st.booleans(), _share), max_size=60), _share)
def test_the_gambler_on_arms_gains_nothing_when_the_shares_are_kept(past, share):
    """After any past, for any share of the next unit, the average factor is one."""
    grown = []
    for arm in (False, True):
        test = Mismatch()
        for unit in past:
            test.take(*unit)
        before = test.log
        test.take(arm, share)
        grown.append(exp(test.log - before))

    assert (1 - share) * grown[0] + share * grown[1] == pytest.approx(1)


@given(st.lists(st.floats(-1, 1), max_size=60), st.sampled_from([0.02, 0.05, 0.3]), st.floats(-1, 1), st.floats(-1, 1))
def test_a_paired_bet_is_never_ruined_and_gains_nothing_on_the_boundary(past, margin, low, high):
    """Any two differences whose mean is minus the margin: both bets stay as they are on average."""
    low, high = min(low, high), max(low, high)
    assume(low < -margin < high)
    weight = (high + margin) / (high - low)

    for side in ("fit", "unfit"):
        grown = []
        for difference in (low, high):
            paired = Paired.new(margin)
            paired.take(past)
            bet: Bet = getattr(paired, side)
            before = bet.log
            paired.take([difference])
            grown.append(exp(bet.log - before))

        assert min(grown) > 0
        assert weight * grown[0] + (1 - weight) * grown[1] == pytest.approx(1)


@settings(max_examples=50)
@given(st.lists(st.lists(_unit, max_size=30), max_size=5), st.lists(_unit, max_size=10))
def test_portions_and_a_restart_between_them_make_no_difference(portions, young):
    """Taken at once, in portions, or with the state kept and restored after each: the same bits."""
    whole, parts, kept = Fold(SPEC), Fold(SPEC), Fold(SPEC)
    whole.take(unit for portion in portions for unit in portion)
    for portion in portions:
        parts.take(portion)
        kept = Fold.restored(SPEC, kept.state())
        kept.take(portion)

    assert whole.state() == parts.state() == kept.state()
    assert whole.evidence(1.0, young) == parts.evidence(1.0, young) == kept.evidence(1.0, young)


@settings(max_examples=50)
@given(st.lists(_unit, max_size=60), st.integers(0, 60))
def test_harm_is_the_same_whether_units_are_young_or_settled(units, at):
    """Nothing known is left out of harm; nothing young is counted as proof; looking changes nothing."""
    spec = Spec(slow_ms=1_000.0, margins=Margins(harm=0.0))
    settled, mixed = Fold(spec), Fold(spec)
    settled.take(units)
    mixed.take(units[:at])
    before = mixed.state()
    seen, all_ = mixed.evidence(1.0, units[at:]), settled.evidence(1.0)

    assert before == mixed.state()
    assert [reading.harm for reading in seen.readings] == [reading.harm for reading in all_.readings]
    assert [reading.fit for reading in seen.readings] == [reading.fit for reading in mixed.evidence(1.0).readings]
    assert (seen.units, seen.settled, seen.mismatch) == (all_.units, len(units[:at]), mixed.evidence(1.0).mismatch)
