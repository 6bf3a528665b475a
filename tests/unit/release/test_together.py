"""Several tasks as one segment: chosen by half of the cases, proven by the other half. And what costs more by proposal does no harm by it."""

from random import Random

import pytest

from tests.support.benched import answers, mixed
from tests.support.records import NOW
from tests.support.views import TASKS, model
from turnout.catalog.overrides import USER_SOURCE
from turnout.release.gates import not_inferior
from turnout.release.open import manual
from turnout.release.pairs import Pair, Side
from turnout.release.propose import propose
from turnout.release.stages import begun
from turnout.release.traffic import together
from turnout.types.models import Source
from turnout.types.policy import Policy, Provider, Route
from turnout.types.release import Proposal
from turnout.types.release_rules import ReleaseRules
from turnout.types.view import Base

OLD, NEW = (model(name, sources={"prices": Source(USER_SOURCE, "2026-11-23")}) for name in ("a/old", "a/new"))
KINDS = ("law", "physics", "history", "economics", "biology", "math")


def pair(n: int, task: str, difference: float) -> Pair:
    before, after = (1.0, 1.0 + difference) if difference < 0 else (1.0 - difference, 1.0)
    return Pair(f"c{n}", task, None, *(Side(name, good, 1.0, 1.0, 1.0, ()) for name, good in (("old", before), ("new", after))))


def test_a_candidate_that_fails_at_one_task_is_proposed_for_the_others_together() -> None:
    """None of them has cases enough to prove it alone; the one where it is worse stays where it is."""
    results = mixed([
        one
        for at, task in enumerate(KINDS)
        for name, chance, cost in ((OLD.id, 0.8, 1_000), (NEW.id, 0.5 if task == "math" else 0.8, 200))
        for one in answers(name, 150, chance, cost, band=None, task=task, first=1_000 * at)
    ])  # fmt: skip
    route = Route("r", "static", models=(OLD.id,))
    base = Base(1, Policy((route,), (Provider("a", None, "openai-chat", "http://127.0.0.1:1", "none"),)), (OLD, NEW), TASKS)
    found = propose(manual(NEW.id, "r", base, NOW), base, results, NOW)

    assert found.role == "segment"
    assert found.when == {"task": sorted({*KINDS} - {"math"})}
    assert "worse at math" in found.text


def test_what_chose_the_tasks_does_not_prove_them() -> None:
    """Every other case of a task chooses; only the rest speaks for those that were chosen."""
    pairs = [pair(n, task, -1.0 if task == "math" else 0.0) for n in range(100) for task in KINDS]
    found = together(pairs, 0.03)
    assert found is not None
    scope, proving = found
    assert scope.tasks == {*KINDS} - {"math"}
    assert {one.case for one in proving} == {f"c{n}" for n in range(1, 100, 2)}
    assert len(proving) == 50 * 5


def test_one_task_and_all_tasks_are_no_union() -> None:
    """Those are looked at as what they are."""
    assert together([pair(n, task, 0.0) for n in range(50) for task in KINDS], 0.03) is None
    assert together([pair(n, task, 0.0 if task == "law" else -1.0) for n in range(50) for task in KINDS], 0.03) is None
    assert together([pair(0, "law", 0.0)], 0.03) is None
    assert together([], 0.03) is None


def test_a_few_cases_of_a_task_count_as_all_the_others_do() -> None:
    """Two lucky ones do not make a task of a model that is worse everywhere."""
    bad = [pair(n, task, -1.0 if n % 3 else 0.0) for n in range(60) for task in KINDS]
    assert together([*bad, *(pair(900 + n, "lucky", 0.0) for n in range(4))], 0.03) is None


def test_choosing_by_luck_proves_no_more_often_than_is_allowed() -> None:
    """A candidate that is worse by exactly the margin in every task, of which the lucky ones are chosen."""
    margin, alpha, false = 0.1, 0.05, 0
    for seed in range(200):
        rng = Random(seed)
        pairs = [
            pair(n, f"t{n % 10}", rng.choices((-1.0, 0.0, 1.0), (0.2, 0.7, 0.1))[0])
            for n in range(600)
        ]  # fmt: skip
        found = together(pairs, margin)
        scores = [] if found is None else [(one.control.good, one.candidate.good) for one in found[1]]
        false += not_inferior("quality", scores, margin, alpha).passed is True
    assert false <= 0.05 * 200


def test_what_was_proposed_to_cost_more_is_held_to_that() -> None:
    """The margin of cost is beyond it; one that is cheaper, or of unknown cost, is held to what serves."""
    rules, usual = ReleaseRules(), ReleaseRules().spec.margins.cost
    found = {costs: begun(rules, None, Proposal("primary", "", costs=costs)).margins.cost for costs in (None, 0.4, 1.0, 3.0)}
    assert found == {None: usual, 0.4: usual, 1.0: usual, 3.0: pytest.approx(3 * (1 + usual) - 1)}
    results = mixed([*answers(OLD.id, 400, 0.3, 1_000, band=None), *answers(NEW.id, 400, 0.9, 1_300, band=None)])
    route = Route("r", "static", models=(OLD.id,))
    base = Base(1, Policy((route,), (Provider("a", None, "openai-chat", "http://127.0.0.1:1", "none"),)), (OLD, NEW), TASKS)
    proposal = propose(manual(NEW.id, "r", base, NOW), base, results, NOW)
    assert (proposal.role, proposal.costs) == ("primary", pytest.approx(1.3, abs=0.01))
