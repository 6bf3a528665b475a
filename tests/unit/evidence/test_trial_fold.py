"""The evidence of a trial: what each metric is taken from, what raises an alarm, what is proven, and what is kept."""

import random
from math import exp, log

import msgspec
import pytest

from turnout.evidence import trial
from turnout.evidence.trial import Fold
from turnout.types.evidence import METRICS, Exposure
from turnout.types.money import PICO_PER_USD, PicoDollars
from turnout.types.release import Margins, Spec

SPEC = Spec(slow_ms=3_000.0)


def units(seed, n, share=0.5, *, ok=0.99, good=(0.95, 0.95), judged=(1.0, 1.0), slower=1.0, dearer=1.0):
    """Of a trial whose candidate differs by so much."""
    rng = random.Random(seed)
    for at in range(n):
        arm = rng.random() < share
        yield Exposure(
            float(at), arm, share, rng.random() < ok, rng.random() < good[arm] if rng.random() < judged[arm] else None,
            exp(rng.gauss(6.5, 0.6)) * (slower if arm else 1.0), PicoDollars(int(PICO_PER_USD * exp(rng.gauss(-6, 1)) * (dearer if arm else 1.0))),
        )  # fmt: skip


def evidence(source, spec=SPEC):
    fold = Fold(spec)
    fold.take(source)
    return fold.evidence(1.0)


def test_the_readings_tell_counts_and_means():
    """Four units, sums done by hand: shares, the geometric mean of milliseconds, dollars."""
    half = PicoDollars(PICO_PER_USD // 2)
    found = evidence(
        [
            Exposure(1.0, False, 0.5, True, True, 100.0, half),
            Exposure(2.0, False, 0.5, True, None, 400.0, PicoDollars(0)),
            Exposure(3.0, True, 0.5, False, False, 9.0, half),
            Exposure(4.0, True, 0.5, True, None, None, None),
        ]
    )
    success, quality, latency, cost = (found.reading(metric) for metric in METRICS)

    assert (found.units, found.settled, found.candidates, found.latest) == (4, 4, 2, 4.0)
    assert (success.n_control, success.control, success.n_candidate, success.candidate) == (2, 1.0, 2, 0.5)
    assert (quality.n_control, quality.control, quality.n_candidate, quality.candidate) == (1, 1.0, 1, 0.0)
    assert (latency.n_control, latency.control, latency.n_candidate, latency.candidate) == (2, pytest.approx(200.0), 0, None)
    assert (cost.n_control, cost.control, cost.n_candidate, cost.candidate) == (2, 0.25, 1, 0.5)
    assert all(reading.low is None and reading.high is None for reading in found.readings)


def test_thresholds_share_alpha_among_the_guardrails_in_use():
    """Four with a latency bound, three without; each proof has alpha to itself."""
    bound, none = evidence([]), evidence([], Spec(alpha=0.1))

    assert {reading.harm_at for reading in bound.readings} == {log(4 / 0.05)}
    assert [reading.harm_at for reading in none.readings] == [log(30), log(30), None, log(30)]
    assert [reading.fit_at for reading in none.readings] == [log(10), log(10), None, None]
    assert none.reading("latency").harm is None


@pytest.mark.parametrize(
    ("metric", "different"),
    [("quality", {"good": (0.95, 0.6)}), ("latency", {"slower": 5.0}), ("cost", {"dearer": 1.6})],
)
def test_harm_in_one_metric_is_an_alarm_of_that_metric_alone(metric, different):
    """With the figures that say how much."""
    found = evidence(units(1, 3_000, **different))
    reading = found.reading(metric)

    assert found.harmful == (metric,)
    assert reading.high < 0 if metric == "quality" else reading.low > 0


def test_failures_count_as_slow_and_as_unsuccessful_though_they_came_fast():
    """A candidate that fails at once is not a quick one."""
    failing = (
        msgspec.structs.replace(unit, ok=not unit.candidate or n % 2 == 0, ms=5.0 if unit.candidate else unit.ms)
        for n, unit in enumerate(units(2, 400))
    )

    assert {"success", "latency"} <= set(evidence(failing).harmful)


def test_an_equal_model_is_proven_and_nothing_is_found_against_it():
    """Both gates; the bounds hold zero; nothing is to go."""
    found = evidence(units(3, 6_000))

    assert found.harmful == ()
    assert found.reading("success").fits
    assert found.reading("quality").fits
    assert found.reading("quality").to_go == 0
    assert all(reading.low < 0 < reading.high for reading in found.readings)
    assert not found.mismatched


def test_without_verdicts_quality_is_never_proven_and_the_reading_shows_why():
    """No units, no means, no wealth: silence is not a pass."""
    found = evidence(units(4, 2_000, judged=(0.0, 0.0)))
    quality = found.reading("quality")

    assert (quality.n_control, quality.n_candidate, quality.control, quality.candidate) == (0, 0, None, None)
    assert (quality.fit, quality.fits, quality.to_go) == (0.0, False, None)
    assert found.reading("success").fits


def test_arms_judged_at_different_rates_are_compared_fairly():
    """The candidate is judged a third as often: an equal one is proven, a bad one found."""
    equal = evidence(units(5, 8_000, judged=(0.9, 0.3)), Spec(margins=Margins(quality=0.05)))
    worse = evidence(units(5, 1_000, judged=(0.9, 0.3), good=(0.95, 0.7)))

    assert equal.reading("quality").fits
    assert equal.harmful == ()
    assert worse.harmful == ("quality",)


def test_young_units_count_for_harm_and_not_for_proof():
    """And looking at them leaves the fold as it was."""
    fold, young = Fold(SPEC), list(units(6, 400, good=(0.95, 0.4)))
    fold.take(units(7, 6_000))
    before, calm = fold.state(), fold.evidence(1.0)
    seen = fold.evidence(1.0, young)

    assert calm.harmful == ()
    assert seen.harmful == ("quality",)
    assert seen.reading("quality").fit == calm.reading("quality").fit
    assert (seen.units, seen.settled) == (6_400, 6_000)
    assert fold.state() == before


def test_a_fall_is_seen_where_next_to_nothing_is_left_to_the_control():
    """Of which the test for harm, that believes in no base rate, can say nothing; no fall is seen where there is none, nor one of times."""
    for seed in range(5):
        fold = Fold(SPEC)
        fold.take(units(seed, 3_000))
        fold.take(units(seed + 50, 1_000, 0.97))
        calm = fold.evidence(1.0)
        fold.take(units(seed + 100, 150, 0.97, good=(0.95, 0.6), slower=3.0))
        seen = fold.evidence(1.0)

        assert (calm.fallen, calm.harmful) == ((), ())
        assert (seen.fallen, seen.harmful) == (("quality",), ())


def test_what_came_before_a_doubt_proves_nothing():
    """It counts for harm as before."""
    doubted = msgspec.structs.replace(SPEC, proof_since=4_000.0)
    before, after = evidence(units(9, 4_000)), evidence(units(9, 4_000), doubted)
    assert before.reading("quality").fits
    assert (after.reading("quality").fit, after.reading("success").fit) == (0.0, 0.0)
    assert after.reading("quality").harm == before.reading("quality").harm
    assert evidence(units(9, 8_000), doubted).reading("quality").fits


def test_a_doubt_takes_no_other_fold():
    """What was folded before it is gone on from, as if it had been known from the start; what was folded after it is folded anew."""
    doubted, known = msgspec.structs.replace(SPEC, proof_since=4_000.0), [*units(9, 8_000)]
    fold, whole = Fold(SPEC), Fold(doubted)
    fold.take(known[:4_000])
    kept = fold.state()
    whole.take(known)
    for one in (fold, Fold.restored(doubted, kept)):
        assert one.go_on(doubted)
        one.take(known[4_000:])
        assert one.state() == whole.state()
    assert not fold.go_on(SPEC)
    late = Fold(SPEC)
    late.take(known[:4_001])
    assert not late.go_on(doubted)


def test_a_small_sample_of_trials_of_a_model_against_itself_raises_hardly_an_alarm():
    """Ramp, drift, unequal judging, looked at after every unit; `bench/trials.py` does a thousand."""
    alarms = 0
    for seed in range(12):
        rng, fold = random.Random(seed), Fold(SPEC)
        for share, rate in ((0.05, 0.95), (0.1, 0.9), (0.25, 0.85), (0.5, 0.75)):
            fold.take(units(rng.random(), 400, share, good=(rate, rate), judged=(0.9, 0.5)))
        alarms += bool(fold.evidence(0.0).harmful)

    assert alarms <= 1


def test_lost_units_are_a_mismatch():
    """A candidate whose failures leave no record."""
    found = evidence(unit for unit in units(8, 3_000) if not unit.candidate or unit.good)
    lost = evidence(unit for unit in units(8, 3_000, good=(0.95, 0.6)) if not unit.candidate or unit.good)

    assert not found.mismatched
    assert lost.mismatched


def test_answers_that_are_still_under_way_are_no_mismatch():
    """Of young units those alone are known that have ended: of a slow candidate's hardly any, for a while."""
    young = [unit for unit in units(8, 3_000) if not unit.candidate]

    assert not Fold(SPEC).evidence(0.0, young).mismatched


def test_a_trial_without_a_single_failure_can_go_on_for_ever():
    """The guesses come as near to certain as numbers do, and stay finite; the first failure is taken like any other."""
    fold = Fold(SPEC)
    for outcomes in (fold._state.success, fold._state.quality):
        for rate in (outcomes.harm.control, outcomes.fit.control, outcomes.fit.candidate):
            rate.hits = rate.of = 5_000.0
    fold.take(units(10, 300, good=(1.0, 1.0)))
    fold.take(units(11, 50, good=(0.0, 0.0)))

    assert fold.evidence(0.0).reading("success").n_candidate > 0


def test_a_state_of_other_rules_or_another_format_is_refused(monkeypatch):
    """So that the caller folds the units anew, instead of mixing two folds."""
    fold = Fold(SPEC)
    fold.take(units(9, 50))
    state = fold.state()

    assert Fold.restored(SPEC, state).state() == state
    assert Fold.restored(msgspec.structs.replace(SPEC, ceiling=50.0), state).state() == state  # what the fold does not depend on
    with pytest.raises(ValueError, match="other rules"):
        Fold.restored(Spec(slow_ms=3_000.0, margins=Margins(quality=0.1)), state)
    monkeypatch.setattr(trial, "FORMAT", trial.FORMAT + 1)
    with pytest.raises(ValueError, match="fold its units anew"):
        Fold.restored(SPEC, state)


@pytest.mark.parametrize("bytes_", [b"", b"nonsense", msgspec.msgpack.encode({"format": 0}), msgspec.msgpack.encode([1])])
def test_a_state_that_cannot_be_read_is_refused(bytes_):
    """A torn row is no reason to stop: it is folded anew."""
    with pytest.raises(ValueError):  # noqa: PT011 the reader's own words differ
        Fold.restored(SPEC, bytes_)


def test_free_models_have_no_relative_cost():
    """A control that costs nothing is no yardstick; nothing is divided by it."""
    free = (msgspec.structs.replace(unit, cost=PicoDollars(0)) for unit in units(10, 1_000))
    reading = evidence(free).reading("cost")

    assert (reading.control, reading.harm, reading.low) == (0.0, 0.0, None)


def test_a_candidate_dearer_throughout_is_not_taken_for_an_outlier():
    """Where the control's answers all cost the same, the cut must not hide a candidate that costs twice as much."""
    flat = (msgspec.structs.replace(unit, cost=PicoDollars(10**9 * (1 + unit.candidate))) for unit in units(11, 1_000))
    found = evidence(flat)

    assert found.harmful == ("cost",)
    assert found.reading("cost").low > 0.5
