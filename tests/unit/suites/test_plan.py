from collections import Counter

import pytest

from tests.support.views import FLEET, model, view
from turnout.errors import TurnoutError, Unusable
from turnout.suites.plan import (
    LONGEST_ANSWER,
    TooDear,
    affordable,
    arranged,
    estimate,
    longest,
    missing,
    price,
    rounds,
)
from turnout.types.money import PicoDollars, pico_from_usd, usd
from turnout.types.suite import Case, Exact, Graded, Pairwise

SLOTS = view(models=(*FLEET, model("d/odd", price=None))).slots
CHEAP, MID, ODD = "a/small", "b/medium", "d/odd"
GRADERS = (Graded(Exact(("Paris",))),)


def case(n: int = 0, task: str | None = "qa", band: str | None = "simple", **body) -> Case:
    asked = {"messages": [{"role": "user", "content": f"What is the capital of country {n}?"}], **body}
    return Case(f"case-{n}", asked, GRADERS, task, band)


CASES = tuple(case(n) for n in range(20))


def test_expected_and_at_most():
    """By the tokens of the case and the prices in force; at most as many as may be answered."""
    slot = SLOTS[MID]
    found = price(slot, CASES[0].body, "qa", 1_000)

    assert found is not None
    assert 0 < found.expected < found.most
    assert found.most >= 1_000 * slot.flat[2]
    assert price(SLOTS[ODD], CASES[0].body, "qa", 1_000) is None


def test_what_is_no_request_is_named():
    """A case that nobody could be asked stops the run before it begins."""
    bad = Case("bad", {"messages": "nothing"}, GRADERS)

    with pytest.raises(TurnoutError):
        price(SLOTS[MID], bad.body, None, 10)
    with pytest.raises(Unusable, match="case bad is no request"):
        estimate([bad], [MID], 1, SLOTS)


def test_an_estimate_counts_models_and_repeats():
    """Each model is asked each case so often."""
    once, often = estimate(CASES, [CHEAP], 1, SLOTS), estimate(CASES, [CHEAP, MID], 3, SLOTS)
    other = estimate(CASES, [MID], 1, SLOTS)

    assert (once.calls, often.calls) == (20, 120)
    assert often.expected == 3 * (once.expected + other.expected)
    assert often.most == 3 * (once.most + other.most)


def test_judges_are_counted():
    """In both orders, for the cases that are judged in pairs, and at the judge's price."""
    paired = [Case(f"p{n}", case(n).body, (Graded(Pairwise()),)) for n in range(3)]
    without, with_judge = estimate(paired, [CHEAP, MID], 2, SLOTS), estimate(paired, [CHEAP, MID], 2, SLOTS, "c/large")

    assert (without.judgements, with_judge.judgements) == (0, 3 * 2 * 2)
    assert with_judge.expected > without.expected
    assert estimate(CASES, [CHEAP, MID], 2, SLOTS, "c/large").judgements == 0


def test_an_unknown_price_is_loud():
    """It is named, and in no sum."""
    found = estimate(CASES, [CHEAP, ODD], 1, SLOTS)

    assert found.unpriced == (ODD,)
    assert found.expected == estimate(CASES, [CHEAP], 1, SLOTS).expected


def test_longest_answer():
    """The case's own limit, else the one for all; never more than the model writes."""
    small = view(models=(model("a/tiny", max_output=500),)).slots["a/tiny"]

    assert longest(case().body, SLOTS[MID]) == min(LONGEST_ANSWER, SLOTS[MID].max_output)
    assert longest(case(max_tokens=50).body, SLOTS[MID]) == 50
    assert longest(case().body, small) == 500


def test_too_dear_says_how_many_fit():
    """Whoever asks for as many as fit is not refused again."""
    whole = estimate(CASES, [CHEAP, MID], 1, SLOTS)
    budget = PicoDollars(whole.margin + whole.expected // 2)
    with pytest.raises(TooDear, match="--cases 10") as refused:
        affordable(CASES, [CHEAP, MID], 1, SLOTS, None, budget)

    assert refused.value.fits == 10
    assert affordable(CASES[:10], [CHEAP, MID], 1, SLOTS, None, budget).needed <= budget
    assert affordable(CASES, [CHEAP, MID], 1, SLOTS, None, whole.needed) == whole


def test_nothing_fits():
    """A budget that the first call may exceed is refused in words."""
    with pytest.raises(TooDear, match=r"there are \$0\.0000: allow more"):
        affordable(CASES, [MID], 1, SLOTS, None, PicoDollars(0))


def test_every_beginning_is_a_fair_sample():
    """Tasks and bands have about their shares in however few cases are taken, and few are among the first of many."""
    many = [case(n, "qa" if n % 4 else "math", "high" if n % 2 else "simple") for n in range(200)]
    ordered = arranged(many, "hash")
    strata = Counter((one.task, one.band) for one in many)

    assert sorted(one.id for one in ordered) == sorted(one.id for one in many)
    for size in (8, 20, 60):
        found = Counter((one.task, one.band) for one in ordered[:size])
        assert all(abs(found[stratum] - size * count / 200) <= 1.5 for stratum, count in strata.items())
    assert arranged(reversed(many), "hash") == ordered
    assert arranged(many, "another") != ordered


def test_nobody_is_always_first():
    """The order within a case is drawn, about evenly, and the same whenever the run is taken up."""
    found = rounds([case(n) for n in range(400)], (CHEAP, MID), 1, "run")
    first = Counter(one.models[0] for one in found)

    assert 160 <= first[CHEAP] <= 240
    assert all(set(one.models) == {CHEAP, MID} for one in found)
    assert found == rounds([case(n) for n in range(400)], (CHEAP, MID), 1, "run")


def test_repeats_come_after_all_cases():
    """A run that stops has asked much of the suite rather than little of it often."""
    assert [one.key for one in rounds(CASES[:2], (CHEAP,), 2, "run")] == [
        ("case-0", 0),
        ("case-1", 0),
        ("case-0", 1),
        ("case-1", 1),
    ]


def test_what_is_missing_is_asked_whole():
    """A round of which one answer is there is asked again; one that is complete is not."""
    wanted = rounds(CASES[:3], (CHEAP, MID), 1, "run")
    done = {("case-0", CHEAP, 0), ("case-0", MID, 0), ("case-1", CHEAP, 0)}

    assert [one.key for one in missing(wanted, done)] == [("case-1", 0), ("case-2", 0)]
    assert missing(wanted, set()) == wanted


def test_figures_are_of_this_world():
    """A hundred short questions to a mid model cost cents, not dollars."""
    found = estimate([case(n) for n in range(100)], [MID], 1, SLOTS)

    assert pico_from_usd("0.01") < found.expected < pico_from_usd("1")
    assert usd(found.most) < 6
