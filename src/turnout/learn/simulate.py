"""A new policy on recorded traffic: every request decided again, by the policy it met and by the new one, without a single call."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Protocol

import msgspec

from turnout.decide.compiled import View
from turnout.decide.decide import in_full
from turnout.errors import TurnoutError
from turnout.learn.offpolicy import METRICS, Estimate, NoOverlap, Observation, covered, estimate
from turnout.types.decision import Decision
from turnout.types.record import Record
from turnout.types.traits import Traits
from turnout.types.view import DECIDER_VERSION

_VIEWS = 32
_CERTAIN = frozenset({"cascade", "sticky"})
"""A plan that begins like this begins so whatever is drawn."""
UNSAID = "the requests that say something are too few"


class Views(Protocol):
    """Where stored views are loaded from."""

    def load(self, view_hash: str) -> View:
        """Raises FileNotFoundError, ValueError."""


class Simulated(msgspec.Struct, frozen=True):
    """What another policy would have come to. ``requests`` were compared; ``left_out`` says of the others why, and how many.

    ``estimates`` are of the metrics that the records speak to, ``refused`` says of the others why not. ``covered`` is the share of the new policy's
    choices that the old one made too. ``shares`` hold the expected requests of each model, before and after; ``refusals`` counts those that
    the new policy would turn away.
    """

    requests: int
    left_out: dict[str, int]
    estimates: tuple[Estimate, ...]
    refused: dict[str, str]
    covered: float
    shares: dict[str, tuple[float, float]]
    refusals: int


def simulate(
    records: Iterable[Record], verdicts: Mapping[str, float], views: Views, new: View, route: str | None = None
) -> Simulated:
    """``new`` is the compiled view of the new policy. ``route``: requests of that one alone."""
    loaded = lru_cache(maxsize=_VIEWS)(views.load)
    left_out: Counter[str] = Counter()
    seen: list[Observation] = []
    refusals = 0
    for record in records:
        if route is not None and record.route != route:
            continue
        if (why := _unfit(record)) is not None:
            left_out[why] += 1
            continue
        assert record.traits is not None, "one without is unfit"
        try:
            view = loaded(record.view)
        except (FileNotFoundError, ValueError):
            left_out["its view is gone"] += 1
            continue
        if view.decider != DECIDER_VERSION:
            left_out["decided by another version of the program"] += 1
            continue
        then = _decided(view, record.traits, record.seed)
        if then is None:
            left_out["cannot be decided again"] += 1
            continue
        now = _decided(new, record.traits, record.seed)
        if now is None:
            refusals += 1
            continue
        observation = _observed(record, verdicts.get(record.id), then, now)
        if observation is None:
            left_out["another model was asked than the plan says"] += 1
        else:
            seen.append(observation)
    return _summed(seen, left_out, refusals)


def firsts(decision: Decision) -> dict[str, float]:
    """Each model's chance of being asked first."""
    first = decision.plan.steps[0]
    if first.reason in _CERTAIN or not decision.candidates:
        return {first.model: 1.0}
    drawn = {one.model: one.probability for one in decision.candidates if one.probability > 0}
    return drawn if first.model in drawn else {first.model: 1.0}


def _unfit(record: Record) -> str | None:
    if record.copy_of is not None:
        return "nobody waited for it (a copy)"
    if record.drill is not None:
        return "part of a drill"
    if record.reason == "cache":
        return "answered from the cache"
    if record.traits is None or not record.plan or not record.attempts:
        return "no model was asked"
    return "it had not ended" if record.outcome == "begun" else None


def _decided(view: View, traits: Traits, seed: int) -> Decision | None:
    try:
        return in_full(view, traits, seed)
    except TurnoutError:
        return None


def _observed(record: Record, verdict: float | None, then: Decision, now: Decision) -> Observation | None:
    old, model = firsts(then), then.plan.steps[0].model
    if old.get(model, 0.0) <= 0.0 or (record.attempts[0].model != model and model not in {skip for skip, _ in record.skipped}):
        return None
    traits = record.traits
    assert traits is not None, "one without is unfit"
    return Observation(
        model=model, old=old, new=firsts(now), kind=f"{record.route}|{traits.task.value}|{traits.band}",
        unit=traits.session or record.id, cost=record.cost, ms=record.duration_ms, ok=float(record.outcome == "ok"), good=verdict,
    )  # fmt: skip


def _summed(seen: Sequence[Observation], left_out: Counter[str], refusals: int) -> Simulated:
    estimates: list[Estimate] = []
    refused: dict[str, str] = {}
    for metric in METRICS:
        if not any(getattr(one, metric) is not None for one in seen):
            refused[metric] = "no request says anything of it" if seen else UNSAID
            continue
        try:
            estimates.append(estimate(seen, metric))
        except NoOverlap as why:
            refused[metric] = str(why)
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for one in seen:
        before.update(one.old)
        after.update(one.new)
    shares = {model: (float(before[model]), float(after[model])) for model in sorted(before | after)}
    return Simulated(len(seen), dict(left_out), tuple(estimates), refused, covered(seen), shares, refusals)
