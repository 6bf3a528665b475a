"""POST /v1/explain: the same decision, calling nobody and recording nothing."""

from collections.abc import Iterable
from math import isfinite
from typing import Any

from turnout.decide.decide import decide, in_full
from turnout.decide.match import NoCandidate
from turnout.flow import read_traits
from turnout.serve.worker import Gateway, Request, Snapshot
from turnout.types.checks import name_of
from turnout.types.decision import NOT_DRAWN, Decision, Drawn, Rejection, Step
from turnout.types.models import Feature, Modality, names
from turnout.types.money import usd
from turnout.types.traits import Traits


def explain(gateway: Gateway, snapshot: Snapshot, request: Request) -> dict[str, Any]:
    """The decision in the shape of PRODUCT section 4; one that ends with no candidate too, with all rejections and its ``error``.

    Raises:
        TurnoutError: as the request itself would, where it finds no route.
    """
    steady = gateway.clock.steady
    began = steady()
    traits = read_traits(gateway, request)
    view = snapshot.view
    try:
        decide(view, traits, request.seed)
        decided = steady()
        found = shown(in_full(view, traits, request.seed), traits)
    except NoCandidate as refusal:
        decided = steady()
        found = shown_refusal(refusal, traits)
    return {
        "decision_id": request.id,
        **found,
        "policy": view.version,
        "versions": {"policy": view.version, "view": view.hash, "decider": view.decider},
        "decision_us": round((decided - began) * 1e6, 1),
    }


def shown_refusal(refusal: NoCandidate, traits: Traits) -> dict[str, Any]:
    """The same where nothing is left to choose from."""
    return {
        "route": refusal.route.name,
        "reason": "none",
        "traits": shown_traits(traits),
        "candidates": [],
        "rejections": _shown_rejections(refusal.rejections),
        "plan": [],
        "error": {"code": refusal.code, "message": refusal.message},
    }


def shown(decision: Decision, traits: Traits) -> dict[str, Any]:
    """A decision as people and programs read it: dollars, names instead of bits."""
    return {
        "route": decision.route,
        "reason": decision.reason,
        "traits": shown_traits(traits),
        "candidates": [
            {
                "model": candidate.model,
                "quality": None if candidate.quality is None else round(candidate.quality, 2),
                "latency_p95_ms": candidate.latency_p95_ms,
                "expected_cost_usd": None if candidate.cost is None else usd(candidate.cost),
                "score": candidate.score if isfinite(candidate.score) else None,
                "probability": candidate.probability,
                "latency_cost_usd": usd(candidate.latency_cost),
                "error_cost_usd": usd(candidate.error_cost),
                "opportunity_cost_usd": usd(candidate.opportunity_cost),
            }
            for candidate in decision.candidates
        ],
        "scored_by": decision.scored_by,
        "drawn": _shown_drawn(decision.drawn),
        "rejections": _shown_rejections(decision.rejections),
        "plan": [_shown_step(step) for step in decision.plan.steps],
        "limits": {
            "attempts": decision.plan.attempts,
            "deadline_s": decision.plan.deadline,
            "budget_usd": None if decision.plan.budget is None else usd(decision.plan.budget),
        },
    }


def _shown_drawn(drawn: Drawn) -> dict[str, Any] | None:
    """The arm of a trial, and the probability of what chance decided. None: it decided nothing."""
    return None if drawn == NOT_DRAWN else drawn._asdict()


def _shown_step(step: Step) -> dict[str, Any]:
    """A cascade's arm says what its answer is held to; every other step is held to nothing."""
    shown: dict[str, Any] = {"model": step.model, "on": sorted(step.on), "reason": step.reason}
    return shown | {"checks": [name_of(check) for check in step.checks]} if step.checks else shown


def _shown_rejections(rejections: Iterable[Rejection]) -> list[dict[str, str]]:
    return [{"model": each.model, "reason": each.reason, "detail": each.detail} for each in rejections]


def shown_traits(traits: Traits) -> dict[str, Any]:
    """Each trait with what it was inferred from."""
    found = {
        name: {"value": trait.value, "from": trait.source}
        for name in ("task", "latency", "cost", "quality", "sensitivity", "language")
        for trait in (getattr(traits, name),)
    }
    return {
        **found,
        "complexity": {"value": traits.complexity, "band": traits.band, "from": traits.complexity_source},
        "tokens": {"estimate": traits.tokens, "at_most": traits.tokens_max, "output": traits.output_tokens},
        "features": names(Feature(traits.features)),
        "input": names(Modality(traits.input)),
        "tags": traits.tags,
        "session": traits.session,
        "held": traits.held,
    }
