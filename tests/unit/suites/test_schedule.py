import random

import pytest
from msgspec.structs import replace

from turnout.suites.schedule import SCHEDULE, Due, drift, due, incumbents, left_today
from turnout.types.money import PicoDollars
from turnout.types.policy import Arm, Policy, Route, Segment
from turnout.types.release_rules import SuiteRules
from turnout.types.seconds import DAY
from turnout.types.suite import Result, Run

NOW = 1_800_000_000.0
WEEK = 7 * DAY
WEEKLY = SuiteRules("s", ("support",), file="s.jsonl", schedule=WEEK)
MODELS = {"s": ("a/old",)}


def run(n: int = 0, **changes) -> Run:
    plain = Run(f"r{n}", NOW, "s", "h", ("a/old",), "done", SCHEDULE, PicoDollars(100), PicoDollars(50), PicoDollars(40), 10, 10)
    return replace(plain, **changes)


def results(name: str, good: list[float]) -> tuple[Result, ...]:
    return tuple(
        Result(name, f"c{n}", "a/old", 0, NOW, "ok", score, score >= 1, 1.0, None, 0, 0, ()) for n, score in enumerate(good)
    )


def test_a_suite_comes_due():
    """At once the first time, then its interval after the last scheduled run; people's runs are no reason to wait."""
    mine = Due(WEEKLY, ("a/old",))

    assert due([WEEKLY], [], MODELS, NOW) == (mine,)
    assert due([WEEKLY], [run(at=NOW - WEEK + 1)], MODELS, NOW) == ()
    assert due([WEEKLY], [run(at=NOW - WEEK)], MODELS, NOW) == (mine,)
    assert due([WEEKLY], [run(at=NOW - 5, actor="cli:ada")], MODELS, NOW) == (mine,)
    assert due([WEEKLY], [run(at=NOW - 5, suite="t")], MODELS, NOW) == (mine,)


@pytest.mark.parametrize("state", ["waiting", "running"])
def test_one_under_way_is_not_begun_again(state: str):
    """However long it takes."""
    assert due([WEEKLY], [run(at=NOW - 3 * WEEK, state=state)], MODELS, NOW) == ()


def test_without_schedule_or_models():
    """Nothing is run that was not asked for, or of nobody."""
    assert due([replace(WEEKLY, schedule=None)], [], MODELS, NOW) == ()
    assert due([WEEKLY], [], {"s": ()}, NOW) == ()
    assert due([WEEKLY], [], {}, NOW) == ()


def test_incumbents():
    """A static route's model, all that others choose from, what releases and cascades put before them; each once."""
    routes = (
        Route("support", "cost", models=("a/x", "b/y"), segments=(Segment("c/z"),)),
        Route("fixed", "static", models=("a/x",)),
        Route("split", "static", models=("a/x", "d/w"), split=(("a/x", 1.0), ("d/w", 1.0))),
        Route("code", "quality", models=("e/v",), cascade=(Arm("f/u"),)),
        Route("default", "balanced"),
    )
    policy = Policy(routes, ())

    assert incumbents(policy, ["support"]) == ("c/z", "a/x", "b/y")
    assert incumbents(policy, ["fixed", "split"]) == ("a/x", "d/w")
    assert incumbents(policy, ["code", "default", "gone"]) == ("f/u", "e/v")


def test_a_days_budget():
    """What today's runs cost and open ones may cost is gone; what people asked for is theirs, and yesterday is over."""
    spent = [
        run(1),
        run(2, state="waiting", at=NOW - 3 * DAY),
        run(3, at=NOW - NOW % DAY - 1),
        run(4, actor="cli:ada", spent=PicoDollars(500)),
        run(5, actor="rel-1", release="rel-1", spent=PicoDollars(7)),
    ]

    assert left_today(PicoDollars(1_000), spent, NOW) == 1_000 - 40 - 100 - 7
    assert left_today(PicoDollars(50), spent, NOW) == 0
    assert left_today(PicoDollars(0), [], NOW) == 0


def test_drift_is_found():
    """A model that lost a fifth of its cases did change; its figures are told."""
    before, after = [1.0] * 200, [0.0] * 40 + [1.0] * 160
    found = drift("a/old", [(run(1), results("r1", after)), (run(0), results("r0", before))], 0.03)

    assert found is not None
    assert (found.run, found.before, found.after, found.cases, found.runs, found.is_worse) == ("r1", 1.0, 0.8, 200, 1, True)


def test_drift_for_the_better_is_drift_too():
    """A silent change is one, whatever it did."""
    found = drift("a/old", [(run(1), results("r1", [1.0] * 200)), (run(0), results("r0", [0.0] * 60 + [1.0] * 140))], 0.03)

    assert found is not None
    assert not found.is_worse


def test_nothing_to_compare():
    """One run, or other cases, say nothing."""
    assert drift("a/old", [(run(), results("r0", [1.0]))], 0.03) is None
    assert drift("a/old", [(run(1), results("r1", [1.0])), (run(0), ())], 0.03) is None


def test_no_drift_where_there_is_none():
    """The same model, weekly for a year, answering at random: next to never called changed."""
    alarms = 0
    for seed in range(20):
        chance = random.Random(seed)
        difficulty = [chance.random() ** 0.3 for _ in range(100)]
        history: list[tuple[Run, tuple[Result, ...]]] = []
        for week in range(12):
            history.insert(0, (run(week), results(f"r{week}", [float(chance.random() < each) for each in difficulty])))
            alarms += drift("a/old", history, 0.03) is not None

    assert alarms <= 2
