"""One model as deciding wants it: what it can do, what it costs on the view's day, how good it is at what."""

from collections.abc import Mapping

import msgspec

from turnout.catalog import rates
from turnout.types.matrix import UNMEASURED, Matrix, parted
from turnout.types.models import LatencyFacts, ModelFacts, Rate
from turnout.types.view import Overlay

TIERS = ("cheap", "mid", "premium")


class Slot(msgspec.Struct, frozen=True, gc=False):
    """One model, ready to be matched: bits, limits and prices of the view's day.

    ``quality`` holds 0..10 per task of the view, and per ``task|band`` where any model was measured in that band; ``general`` is the figure
    for an unknown task; None is unknown.
    ``tier`` is a place in TIERS; an unknown price counts as premium, never as cheap. ``flat`` is the price per request, input and
    output token where it does not depend on the request's size. ``dialect`` is what its provider speaks, ``kin`` the model it is the same as.
    """

    id: str
    provider: str
    dialect: str
    context: int | None
    max_input: int | None
    max_output: int | None
    input: int
    output: int
    features: int
    unknown_features: int
    tiers: tuple[Rate, ...] | None
    flat: tuple[int, int, int] | None
    tier: int
    quality: dict[str | None, float | None]
    general: float | None
    levels: dict[str, float]
    p50_ms: float | None
    p95_ms: float | None
    ttft_ms: float | None
    kin: str

    def worth(self, task: str | None) -> float:
        """Quality for the task; an unknown one is worth nothing."""
        return self.quality.get(task, self.general) or 0.0


def slot_of(
    model: ModelFacts, dialect: str, tasks: Mapping[str, Mapping[str, float]], overlay: Overlay, matrix: Matrix = UNMEASURED
) -> Slot:
    """Its facts, what was observed of it, and what was measured, put together."""
    tiers = rates.in_force(model.prices, overlay.day)
    latency = overlay.observed.get(model.id) or model.latency
    quality: dict[str | None, float | None] = {task: _quality(model, task, weights) for task, weights in tasks.items()}
    for task, stated in model.quality.items():
        quality.setdefault(task, stated)
    general = _general(model)
    if matrix.quality:
        quality = _measured(quality, general, model.id, matrix)
    return Slot(
        id=model.id,
        provider=model.provider,
        dialect=dialect,
        context=model.context,
        max_input=model.max_input,
        max_output=model.max_output,
        input=model.input,
        output=model.output,
        features=model.features,
        unknown_features=model.unknown_features,
        tiers=tiers,
        flat=rates.flat(tiers) if tiers is not None else None,
        tier=TIERS.index(rates.tier_name(tiers) if tiers is not None else "premium"),
        quality=quality,
        general=general,
        levels={**model.skills, **model.quality},
        p50_ms=latency.p50_ms if latency else None,
        p95_ms=latency.p95_ms if latency else None,
        ttft_ms=_ttft_ms(overlay.observed.get(model.id), model.latency),
        kin=model.kin or model.id,
    )


def _ttft_ms(*known: LatencyFacts | None) -> float | None:
    """The first that says it: a model that nobody streams from has been observed, and yet only the prior knows this."""
    return next((latency.ttft_ms for latency in known if latency is not None and latency.ttft_ms is not None), None)


def _quality(model: ModelFacts, task: str, weights: Mapping[str, float]) -> float | None:
    """The user's figure for the task, else the weighted mean of its skills (the user's figure before the prior), else unknown."""
    if task in model.quality:
        return model.quality[task]
    default = model.quality.get("default")
    known = [
        (weight, level)
        for skill, weight in weights.items()
        if (level := model.quality.get(skill, default if default is not None else model.skills.get(skill))) is not None
    ]
    total = sum(weight for weight, _ in known)
    return sum(weight * level for weight, level in known) / total if total else default


def _measured(
    known: dict[str | None, float | None], general: float | None, model: str, matrix: Matrix
) -> dict[str | None, float | None]:
    """What was measured in place of what was stated, which it was reckoned from; for a band that was not, the task's figure."""
    mine = matrix.quality.get(model, {})
    quality = dict(known)
    quality.update((name, figure) for name, figure in mine.items())
    for name in {name for topics in matrix.quality.values() for name in topics} - mine.keys():
        quality[name] = quality.get(parted(name)[0], general)
    return quality


def _general(model: ModelFacts) -> float | None:
    """For a request whose task is unknown: the user's default, else the mean over all skills known."""
    if "default" in model.quality:
        return model.quality["default"]
    levels = [*{**model.skills, **model.quality}.values()]
    return sum(levels) / len(levels) if levels else None
