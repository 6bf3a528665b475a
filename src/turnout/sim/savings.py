"""What routing gained, beside its two controls: everything on the best model, and the same spend shuffled at random.

Expected quality is the mean probability of a right answer, which the sim knows for each model and kind of request. All three
ways are priced on the same tokens.
"""

from collections.abc import Iterable

import msgspec

from turnout.sim.profile import Fleet, SimModel
from turnout.sim.stats import Cell
from turnout.types.money import usd
from turnout.types.reply import Usage


class Way(msgspec.Struct, frozen=True):
    """One way to assign models to the same requests: USD, and the expected share of right answers (0..1)."""

    cost: float
    quality: float


class Savings(msgspec.Struct, frozen=True):
    """``routed`` is what happened; ``best`` puts all on ``best_model``; ``shuffled`` deals the same models out in the same shares.

    Long requests make a share dear, so the shuffle's spend differs from the routed one. Two points on the line from it to
    the best model (or, if it was dearer, to the cheapest) make it comparable: ``same_spend`` at the routed cost, and
    ``matched_cost``, the spend at which it is as good as ``routed``.
    """

    requests: int
    routed: Way
    best_model: str
    best: Way
    shuffled: Way
    same_spend: Way
    matched_cost: float

    @property
    def against_best(self) -> float:
        """Share of the best model's cost that was saved."""
        return 1 - self.routed.cost / self.best.cost

    @property
    def against_shuffled(self) -> float:
        """Share saved against a random mix of the same quality."""
        return 1 - self.routed.cost / self.matched_cost


def savings(fleet: Fleet, cells: Iterable[Cell]) -> Savings | None:
    """From the cells of ``GET /sim/stats``; None before the first graded answer."""
    models = fleet.models()
    graded = [cell for cell in cells if cell.graded]
    total = sum(cell.answered for cell in graded)
    if not total:
        return None
    ways = {name: _all_on(model, graded, total) for name, model in models.items()}
    share = dict.fromkeys(models, 0.0)
    for cell in graded:
        share[cell.model] += cell.answered / total
    routed = Way(
        usd(sum(cell.billed_pico for cell in graded)),
        sum(cell.answered * models[cell.model].chance(cell.task, cell.band) for cell in graded) / total,
    )
    shuffled = Way(
        sum(share[name] * way.cost for name, way in ways.items()), sum(share[name] * way.quality for name, way in ways.items())
    )
    best_model = max(ways, key=lambda name: (ways[name].quality, -ways[name].cost))
    best, cheapest = ways[best_model], min(ways.values(), key=lambda way: way.cost)
    same_spend = _at_cost(routed.cost, shuffled, best if routed.cost > shuffled.cost else cheapest)
    return Savings(total, routed, best_model, best, shuffled, same_spend, _matched(routed, shuffled, best))


def _all_on(model: SimModel, cells: list[Cell], total: int) -> Way:
    tokens = Usage(input=sum(cell.input_tokens for cell in cells), output=sum(cell.output_tokens for cell in cells))
    return Way(usd(model.bill(tokens)), sum(cell.answered * model.chance(cell.task, cell.band) for cell in cells) / total)


def _matched(routed: Way, shuffled: Way, best: Way) -> float:
    """Cost of mixing ``best`` into the shuffled assignment until it is as good as ``routed`` (the line between the two points)."""
    if best.quality <= shuffled.quality:
        return shuffled.cost
    part = min(1.0, max(0.0, (routed.quality - shuffled.quality) / (best.quality - shuffled.quality)))
    return (1 - part) * shuffled.cost + part * best.cost


def _at_cost(cost: float, start: Way, end: Way) -> Way:
    """The mix of two ways that costs this much, as far as they reach."""
    if end.cost == start.cost:
        return start
    part = min(1.0, max(0.0, (cost - start.cost) / (end.cost - start.cost)))
    return Way((1 - part) * start.cost + part * end.cost, (1 - part) * start.quality + part * end.quality)
