"""From what somebody wants benchmarked to a run that may begin. Pure."""

from collections.abc import Mapping

import msgspec

from turnout.catalog.family import unfit
from turnout.catalog.near import near
from turnout.decide.slot import Slot
from turnout.errors import Unusable
from turnout.suites.plan import Estimate, affordable, arranged, estimate, is_paired
from turnout.types.judge import Calibration, Labels
from turnout.types.money import PicoDollars, usd
from turnout.types.suite import Run, Suite


class Wish(msgspec.Struct, frozen=True):
    """``models`` on a suite, the incumbent first; at most ``cases`` of it (None: all). Ends early once decided at ``margin``.

    ``judge`` compares answers where cases want that; it is held against ``labels`` first, unless ``calibration`` is known to have come of it.
    ``anyhow``: it may begin though nobody knows what it will cost.
    """

    models: tuple[str, ...]
    budget: PicoDollars
    actor: str
    cases: int | None = None
    repeats: int = 1
    judge: str | None = None
    release: str | None = None
    margin: float | None = None
    anyhow: bool = False
    labels: Labels | None = None
    calibration: Calibration | None = None


def begun(wish: Wish, suite: Suite, slots: Mapping[str, Slot], now: float, chance: int) -> tuple[Run, Estimate]:
    """The run, waiting, and what it is expected to cost.

    Raises:
        TooDear: more than its budget.
        Unusable: a model is not known, a price is not, the suite is empty or cannot be judged.
    """
    for model in (*wish.models, *([wish.judge] if wish.judge else [])):
        if model not in slots:
            close = near(model, list(slots))
            raise Unusable(
                f"there is no model {model}" + (f"; did you mean {' or '.join(close)}?" if close else " in this policy")
            )
    if len(set(wish.models)) < len(wish.models):
        raise Unusable(f"a model is not compared with itself: {', '.join(wish.models)}")
    cases = arranged(suite.cases, suite.hash)[: wish.cases]
    if not cases:
        raise Unusable(f"suite {suite.name} has no cases")
    if wish.judge in wish.models:
        raise Unusable(f"{wish.judge} is to judge and to be judged: name another judge, suites.{suite.name}.judge")
    if wish.judge is None and any(is_paired(case) and len(case.graders) == 1 for case in cases):
        raise Unusable(f"suite {suite.name} has cases that only a judge can tell about: name one, suites.{suite.name}.judge")
    is_judged = wish.judge is not None and any(map(is_paired, cases))
    labels = wish.labels if is_judged else None
    to_ask = labels.pairs if labels is not None and wish.calibration is None else ()
    found = estimate(cases, wish.models, wish.repeats, slots, wish.judge, to_ask)
    if found.unpriced and not wish.anyhow:
        raise Unusable(
            f"nobody knows what {', '.join(found.unpriced)} costs: state its price under `models:`, or say --unknown-price to spend unbounded"
        )
    if not found.unpriced:
        affordable(cases, wish.models, wish.repeats, slots, wish.judge, wish.budget, to_ask)
    run = Run(
        id=f"{int(now):08x}-{chance % 2**32:08x}", at=now, suite=suite.name, suite_hash=suite.hash, models=wish.models, state="waiting",
        actor=wish.actor, budget=wish.budget, estimate=None if found.unpriced else found.expected, spent=PicoDollars(0),
        total=len(cases) * len(wish.models) * wish.repeats, done=0, repeats=wish.repeats, judge=wish.judge, release=wish.release,
        margin=wish.margin, labels=labels.hash if labels is not None else None, calibration=wish.calibration if labels is not None else None,
        unfit=unfit(slots[wish.judge], [slots[model] for model in wish.models]) or "" if wish.judge is not None and is_judged else "",
    )  # fmt: skip
    return run, found


def more(run: Run, budget: PicoDollars, now: float) -> Run:
    """The same run, to go on with a larger budget, now. Raises Unusable: there is nothing to go on with."""
    if run.done >= run.total or run.state == "done":
        raise Unusable(f"run {run.id} is over: it has {run.done} of {run.total} answers{f' ({run.note})' if run.note else ''}")
    if budget <= run.spent:
        raise Unusable(f"run {run.id} has spent ${usd(run.spent):.4f} of ${usd(budget):.4f}: allow more with --budget")
    return msgspec.structs.replace(run, state="waiting", budget=budget, due=now, ended=None)
