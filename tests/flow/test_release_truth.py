"""The loop, given models one by one as releases, on truths that it did not make (bench/release_truth.py tells the whole of it)."""

from random import Random

import msgspec
import pytest
from bench.lives import DAY, World, lived
from bench.release_truth import CLOSE, LAMBDA, RULES, dip, short, utility, worth_by
from bench.truth import drawn, load, made

from tests.shared_data import SHARED

MARGIN = 0.05
WORLD = World(cases=2_000, per_day=8_000)
COSTS = (0.01, 0.001, 0.0004, 0.0005)
CHANCES = {
    #         dear  good and cheap but for one task, bad, cheap and good at one task
    "law": (0.85, 0.88, 0.5, 0.55),
    "math": (0.85, 0.5, 0.5, 0.5),
    "physics": (0.85, 0.88, 0.5, 0.95),
    "history": (0.85, 0.88, 0.5, 0.55),
}
TABLE = made(CHANCES, COSTS, 500, 7)


IMPATIENT = msgspec.structs.replace(RULES, spec=msgspec.structs.replace(RULES.spec, longest=14 * DAY))
"""Those of the bench, with less patience."""


def test_from_the_dearest_on_it_ends_near_the_best_and_never_falls_below_the_margin() -> None:
    """With three of ten answers judged, late, and one verdict in twenty wrong, while tasks come and go."""
    life = lived(TABLE, (0, 1, 2), IMPATIENT, MARGIN, WORLD, 1)
    assert [one.phase for one in life.ended if one.phase == "adopted"]
    assert dip(life) <= MARGIN
    assert short(TABLE, life) <= CLOSE
    assert life.serving["math"] == 0
    assert 2 not in life.serving.values()


def test_what_is_better_and_dearer_comes_in_where_it_is_worth_it() -> None:
    """By the default score it would not: twice the price is the worst there is, and this is 25 times it."""
    order = (2, 0)
    by_score, by_worth = (lived(TABLE, order, IMPATIENT, MARGIN, WORLD, 1, worth) for worth in (None, worth_by(TABLE)))
    assert set(by_score.serving.values()) == {2}
    assert by_score.ended[0].role == "none"
    assert set(by_worth.serving.values()) == {0}
    assert (by_worth.ended[0].phase, by_worth.ended[0].role) == ("adopted", "primary")
    assert dip(by_worth) == 0.0


def test_a_model_that_benchmarks_flatter_is_found_out_on_traffic() -> None:
    """Its suite says it is as good; on requests it is 30 points worse, and nobody's quality falls by more than the margin on the way."""
    flattered = msgspec.structs.replace(
        TABLE, suite=tuple(msgspec.structs.replace(query, good=(query.good[0],) * 4) for query in TABLE.suite)
    )
    life = lived(flattered, (0, 2), IMPATIENT, MARGIN, WORLD, 1)
    (ended,) = life.ended
    assert (ended.phase, ended.role) == ("rolled_back", "primary")
    assert set(life.serving.values()) == {0}
    assert 0.0 < dip(life) <= MARGIN


def test_its_yardsticks_are_what_they_are_called() -> None:
    """Oracle above everyone, a random deal between the models that are dealt, the hull through the single ones."""
    dearest, alone = TABLE.dearest(), [TABLE.alone(model) for model in range(4)]
    assert dearest == alone[0].cost
    oracle = TABLE.oracle(LAMBDA / dearest)
    assert utility(oracle, dearest) > max(utility(one, dearest) for one in alone)
    serving = {"law": 1, "math": 0, "physics": 1, "history": 1}
    split, dealt = TABLE.under(serving), TABLE.shuffled(serving)
    assert dealt.quality == pytest.approx(0.25 * alone[0].quality + 0.75 * alone[1].quality)
    assert split.quality > dealt.quality
    assert TABLE.zero_router(dearest) == pytest.approx(alone[0].quality)
    middle = (alone[0].cost + alone[1].cost) / 2
    assert TABLE.zero_router(middle) >= (alone[0].quality + alone[1].quality) / 2 - 1e-9
    cases = drawn(TABLE.suite, 200, Random(1))
    assert {task: sum(case.task == task for case in cases) for task in CHANCES} == dict.fromkeys(CHANCES, 50)


def test_on_a_public_table() -> None:
    """The two dearest of MMLU-Pro's fifteen models, of which the second is 11 times cheaper, and 25 points worse at mathematics."""
    table = load(SHARED / "data", "mmlu_pro")
    if table is None:
        pytest.skip("../shared/data/mmlu_pro is not there: it is not part of this repository")
    life = lived(table, (0, 1), IMPATIENT, 0.03, World(cases=3_000), 1)
    assert dip(life) <= 0.03
    assert short(table, life) <= CLOSE
    assert life.ended[0].role == "segment"
    assert life.serving["math"] == 0
