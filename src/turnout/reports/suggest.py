"""A policy to begin with, made of what somebody uses already: their providers, their models, and the cheaper ones beside these."""

from collections.abc import Mapping
from datetime import date, timedelta

import msgspec

from turnout.catalog import rates
from turnout.catalog.load import Catalog
from turnout.types.models import ModelFacts

SOON = timedelta(days=120)
"""A model that is retired within this is not one to begin with."""
WISH_BELOW = 1.0
"""Points by which a simple request's wish lies below the quality of the models used today."""


class Suggestion(msgspec.Struct, frozen=True):
    """``yaml`` is a whole turnout.yaml; ``added`` models are not used today; ``wished`` is the quality of those that are, 0..10."""

    yaml: str
    used: tuple[str, ...]
    added: tuple[str, ...]
    left_out: tuple[str, ...]
    wished: float


def suggest(used: Mapping[str, int], catalog: Catalog, today: date) -> Suggestion | None:
    """``used`` maps models of the catalog to their calls; None when there is nothing to go by.

    Added: active models of the same providers with known price, skills and context that are cheaper than the dearest one used, and
    do not think unasked (what their thinking would cost, no log can tell). Left out: used ones that are retired, or soon will be.
    """
    known = {name: catalog.models[name] for name in used}
    stays = {name: facts for name, facts in known.items() if _blended(facts, today) is not None and _lasts(facts, today)}
    rated = [(facts, used[name]) for name, facts in known.items() if facts.skills]
    if not known or not rated:
        return None
    dearest = max((_blended(facts, today) or 0 for facts in known.values()), default=0)
    vendors = dict.fromkeys(facts.provider for facts in known.values())
    added = tuple(
        facts.id
        for vendor in vendors
        for facts in catalog.by_vendor[vendor]
        if facts.id not in known and _lasts(facts, today) and _complete(facts) and 0 < (_blended(facts, today) or 0) < dearest
    )
    models = (*stays, *added)
    if not models:
        return None
    calls = sum(count for _, count in rated)
    wished = round(sum(_general(facts) * count for facts, count in rated) / calls * 2) / 2
    return Suggestion(
        _yaml(vendors, models, wished), tuple(stays), added, tuple(name for name in known if name not in stays), wished
    )


def _yaml(vendors: Mapping[str, None], models: tuple[str, ...], wished: float) -> str:
    listed = "".join(f"\n      - {name}" for name in models)
    providers = "".join(f"\n  {vendor}: {{}}" for vendor in vendors)
    return (
        "# Simple requests go to the cheapest model that is nearly as good as those used today, hard ones to the best;\n"
        "# all others, those nothing is known of among them, to the cheapest that is as good. `prefers` rules nobody out.\n"
        "# The wish is the mean of today's models: a use case that has a better one on purpose needs a route of its own.\n"
        f"providers:{providers}\n"
        "routes:\n"
        f"  simple:\n    when: {{complexity: simple}}\n    objective: cost\n    prefers: {{quality: {max(wished - WISH_BELOW, 0):g}}}\n"
        f"    models:{listed}\n"
        f"  hard:\n    when: {{complexity: high}}\n    objective: quality\n    models:{listed}\n"
        f"  default:\n    objective: cost\n    prefers: {{quality: {wished:g}}}\n    models:{listed}\n"
    )


def _lasts(facts: ModelFacts, today: date) -> bool:
    return facts.retires is None or facts.retires > today + SOON


def _complete(facts: ModelFacts) -> bool:
    return facts.status == "active" and bool(facts.skills) and facts.context is not None and not facts.reasoning_by_default


def _blended(facts: ModelFacts, today: date) -> int | None:
    tiers = rates.in_force(facts.prices, today)
    return None if tiers is None else rates.blended(tiers)


def _general(facts: ModelFacts) -> float:
    return sum(facts.skills.values()) / len(facts.skills)
