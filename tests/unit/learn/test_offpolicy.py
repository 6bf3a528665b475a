"""Offline estimates: exact where they must be, honest where they can, refused where there is nothing to go by."""

import random
from math import inf

import msgspec
import pytest
from bench.offpolicy import OLD, POLICIES, recorded, truth

from turnout.learn.offpolicy import NoOverlap, Observation, covered, estimate, unknown_choices


def _one(model: str, old: dict[str, float], new: dict[str, float], good: float | None = 1.0, unit: str = "u") -> Observation:
    return Observation(model, old, new, "kind", unit, 1.0, 10.0, 1.0, good)


def test_the_same_policy_comes_to_what_was() -> None:
    """Nothing differs, so nothing has to be estimated and the interval is narrow."""
    rows = recorded(random.Random(1), 2_000, 0.02, OLD)
    same = [msgspec.structs.replace(row, new=row.old) for row in rows]
    found = estimate(same, "good")
    assert abs(found.change) < 0.005
    assert found.low <= 0.0 <= found.high
    assert found.effective == inf


def test_a_certain_choice_weighs_by_the_ratio_of_chances() -> None:
    """Two models by the flip of a coin: the weighted mean of "always b" is the mean of b's own."""
    rows = [_one("b" if n % 2 else "a", {"a": 0.5, "b": 0.5}, {"b": 1.0}, float(n % 4 == 1), f"u{n}") for n in range(400)]
    found = estimate(rows, "good")
    assert found.weighted == pytest.approx(0.5)
    assert found.robust == pytest.approx(0.5, abs=0.02)
    assert found.was == pytest.approx(0.25)
    assert found.effective == pytest.approx(200)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_interval_holds_the_truth_most_of_the_time(policy: str) -> None:
    """A little of what `python -m bench.offpolicy` measures at length: 20 runs, of which 16 at least (95 % of the time 17 to 20)."""
    held = 0
    for run in range(20):
        rows = recorded(random.Random(run), 4_000, 0.3, POLICIES[policy])
        found = estimate(rows, "good")
        held += found.low <= truth(POLICIES[policy], "good", 0.3) <= found.high
    assert held >= 16


def test_what_nobody_ever_did_cannot_be_estimated() -> None:
    """And the refusal names the model and what to do."""
    rows = [_one("a", {"a": 1.0}, {"b": 1.0}, unit=f"u{n}") for n in range(1_000)]
    assert covered(rows) == 0.0
    assert unknown_choices(rows) == [("b", 1_000.0)]
    with pytest.raises(NoOverlap, match=r"b \(1,000\).*explore: 0\.02"):
        estimate(rows, "good")


def test_a_handful_of_explorations_is_no_basis() -> None:
    """However many requests there are on which both policies agree."""
    rows = recorded(random.Random(3), 3_000, 0.005, POLICIES["hard to b"])
    with pytest.raises(NoOverlap, match="50 are wanted"):
        estimate(rows, "good")


def test_only_requests_that_say_something_of_a_metric_count_for_it() -> None:
    """Half of them were judged."""
    rows = [_one("b" if n % 2 else "a", {"a": 0.5, "b": 0.5}, {"b": 1.0}, 1.0 if n % 3 else None, f"u{n}") for n in range(600)]
    assert estimate(rows, "good").n == 400
    assert estimate(rows, "cost").n == 600


def test_what_one_person_sent_is_not_independent() -> None:
    """The same answers from fewer people, whom "b" suits or does not: a wider interval."""
    rng = random.Random(5)
    rows, few = [], []
    for person in range(100):
        luck = rng.random()
        for n in range(10):
            model = rng.choice("ab")
            one = _one(model, {"a": 0.5, "b": 0.5}, {"b": 1.0}, float(model == "a" or luck < 0.5), f"{person}/{n}")
            rows.append(one)
            few.append(msgspec.structs.replace(one, unit=str(person)))
    apart, together = estimate(rows, "good"), estimate(few, "good")
    assert together.high - together.low > 1.5 * (apart.high - apart.low)
