"""What serving this request with an offer is expected to cost: its tokens, and what waiting, failing and leaving are worth."""

import msgspec

from turnout.decide.match import Offer
from turnout.types.money import PicoDollars
from turnout.types.policy import Value
from turnout.types.traits import Traits

PATIENCE_MS = {"realtime": 500.0, "standard": 2_000.0}
"""How long a caller waits before it may leave (PRODUCT C3); batch callers do not leave."""

WORST_QUALITY = 0.5
"""Floor of the success chance used for re-runs (0..10 scale): a model known to be useless must not divide by zero."""


def price(offers: list[Offer], traits: Traits, value: Value) -> list[Offer]:
    """The offers with what they are expected to cost beyond their tokens, where the policy gives that weight.

    P2 latency: seconds waited at the median, times the worth of a second. P3 error: expected re-runs, cost * (1 - p) / p with
    p = quality / 10. P4 opportunity: seconds at the p95 past the caller's patience, times what an abandoned second loses.
    """
    if not (value.second or value.rerun or value.abandonment):
        return offers
    return [_weighed(offer, traits, value) for offer in offers]


def _weighed(offer: Offer, traits: Traits, value: Value) -> Offer:
    slot = offer.slot
    latency = int(value.second * (slot.p50_ms or 0.0) / 1_000)
    error = 0
    if value.rerun and offer.cost is not None and offer.quality is not None:
        chance = max(offer.quality, WORST_QUALITY) / 10
        error = int(offer.cost * (1 - chance) / chance)
    need = traits.latency.value
    opportunity = 0
    if need in PATIENCE_MS and slot.p95_ms is not None:
        beyond = max(0.0, slot.p95_ms - PATIENCE_MS[need])
        opportunity = int(value.abandonment.get(need, PicoDollars(0)) * beyond / 1_000)
    expense = offer.expense + latency + error + opportunity
    return msgspec.structs.replace(offer, expense=expense, latency=latency, error=error, opportunity=opportunity)
