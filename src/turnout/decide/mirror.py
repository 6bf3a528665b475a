"""A route's mirror: which requests are asked of its model too, and how."""

from msgspec.structs import replace

from turnout.decide.compiled import View
from turnout.decide.decide import Decided
from turnout.decide.drawn import chance
from turnout.decide.match import may_serve
from turnout.decide.order import ANY
from turnout.decide.price import by_tokens
from turnout.types.decision import Drawn, Step
from turnout.types.traits import Traits


def mirrored(view: View, decided: Decided, traits: Traits, seed: int) -> Decided | None:
    """The copy of a decided request: one call of the mirror's model, and no record before it.

    None: the request is not in the sample, or that model may not serve it.
    """
    route, rule = decided.route, decided.route.mirror
    lane = view.by_name.get(route.name)
    if rule is None or lane is None or lane.mirror is None or not lane.mirror.fits(traits):
        return None
    slot = lane.mirror.slot
    if chance(f"mirror\0{rule.release}", str(seed)) >= rule.sample or not may_serve(slot, lane, traits):
        return None
    (offer,) = by_tokens((slot,), traits)
    step = Step(slot.id, ANY, "trial", offer.cost, route.timeouts)
    plan = replace(decided.plan, steps=(step,), attempts=1, journal_required=False, own=1, equal=1, hedge=None)
    return Decided(route, "trial", plan, None, Drawn(rule.release, "mirror", rule.sample))
