"""The same traffic under another policy: where each call would have gone, what it would have cost, how good that may be. Nobody is called.

Each call is decided as the gateway would decide it. Costs are of the call's own tokens at the chosen model's prices: the answer is
taken to be as long. Quality is the matrix's estimate for model and task (0..10). Where a prior is wrong it is wrong for all calls of its
model and task at once, and partly for all of the model's: so the interval is of these errors, and more calls do not narrow it.
"""

from collections.abc import Iterable, Mapping
from math import sqrt

import msgspec

from turnout.decide.compiled import View
from turnout.decide.decide import decide
from turnout.decide.slot import Slot
from turnout.errors import TurnoutError
from turnout.reports.logs.call import Call
from turnout.reports.piles import Kind, Pile, Sizes
from turnout.types.models import Feature, Modality, ModelFacts
from turnout.types.money import PicoDollars
from turnout.types.traits import Trait, Traits

OF_MODEL, OF_TASK = 0.7, 0.7
"""Standard deviations of a prior's error, in points: what all tasks of a model share, and a task's own. Together one point."""
OWN_FIGURE = 0.5
"""An error's share where the policy states the figure itself."""
UNKNOWN_TASK = 1.5
"""And its factor where the task is not known."""
Z = 1.96  # 95 %
_UNKNOWN = Trait(None, "none")

Key = tuple[str | None, str | None, str, str, Kind]
"""Task, band, present model, chosen model, kind of price."""


class Way(msgspec.Struct, frozen=True):
    """One way to serve the calls: ``cost`` None is unknown; ``quality`` is the mean estimate with an interval of 95 %."""

    cost: PicoDollars | None
    quality: float | None
    low: float | None = None
    high: float | None = None


class Move(msgspec.Struct, frozen=True):
    """Calls that go from one model to another, or stay; costs at the same price list."""

    present: str
    chosen: str
    calls: int
    before: PicoDollars | None
    after: PicoDollars | None
    thinks: bool


class WhatIf(msgspec.Struct, frozen=True):
    """``present`` is today's choice under the same estimates and prices. ``gain`` is routed minus present quality, with its interval.

    Controls: ``best`` puts all on ``best_model``; ``shuffled`` deals the chosen models out at random in the same shares, ``same_spend`` is on the
    line from there to the best (or the cheapest) model at the routed cost. ``matched_cost`` is the spend at which such a mix is as good as ``routed``.
    ``left_out`` counts calls by why they are not in this. ``unknown`` calls have no known task.
    """

    calls: int
    left_out: dict[str, int]
    unknown: int
    present: Way
    routed: Way
    gain: Way
    best_model: str | None
    best: Way
    shuffled: Way
    same_spend: Way
    matched_cost: PicoDollars | None
    moves: tuple[Move, ...]
    by_task: dict[str, tuple[int, PicoDollars | None, PicoDollars | None]]
    thinking: int


class Rerun:
    """The fold. ``slots`` are all models of the catalog, ``view`` what is decided on."""

    def __init__(self, view: View, slots: Mapping[str, Slot], sizes: Sizes) -> None:
        self._view = view
        self.slots = {**slots, **view.slots}
        self._sizes = sizes
        self._piles: dict[Key, Pile] = {}
        self._left_out: dict[str, int] = {}

    def add(self, call: Call, facts: ModelFacts | None, traits: Traits | None, seed: int) -> None:
        """One more call; ``traits`` None where the log has no text."""
        if (reason := _unfit(call, facts)) is not None:
            self._left_out[reason] = self._left_out.get(reason, 0) + 1
            return
        usage = call.usage
        assert usage is not None, "or it is unfit"
        assert facts is not None, "same"
        traits = traits or blind(call)
        try:
            chosen = decide(self._view, traits, seed).plan.steps[0].model
        except TurnoutError as refused:
            reason = f"the policy would refuse them ({refused.code.value})"
            self._left_out[reason] = self._left_out.get(reason, 0) + 1
            return
        key = (traits.task.value, traits.band, facts.id, chosen, self._sizes.kind(usage))
        pile = self._piles.get(key)
        if pile is None:
            pile = self._piles[key] = Pile()
        pile.add(usage)

    def result(self) -> WhatIf:
        """Everything at once, from the piles."""
        calls = sum(pile.calls for pile in self._piles.values())
        present, routed = self._way(chosen=False), self._way(chosen=True)
        pool = {slot.id for lane in self._view.lanes for slot in (*lane.slots, *(arm.slot for arm in lane.arms))}
        ways = {name: self._all_on(name) for name in sorted(pool)}
        usable = {name: way for name, way in ways.items() if way.cost is not None and way.quality is not None}
        best_model = max(usable, key=lambda name: (usable[name].quality or 0, -(usable[name].cost or 0)), default=None)
        shares: dict[str, float] = {}
        for key, pile in self._piles.items():
            shares[key[3]] = shares.get(key[3], 0.0) + pile.calls / calls
        best = usable[best_model] if best_model is not None else Way(None, None)
        shuffled = _mixed(shares, {name: ways.get(name) or self._all_on(name) for name in shares})
        cheapest = min(usable.values(), key=lambda way: way.cost or 0, default=Way(None, None))
        dearer = routed.cost is not None and shuffled.cost is not None and routed.cost > shuffled.cost
        return WhatIf(
            calls, self._left_out,
            sum(pile.calls for key, pile in self._piles.items() if key[0] is None),
            present, routed, self._gain(), best_model, best, shuffled,
            _at_cost(routed.cost, shuffled, best if dearer else cheapest),
            _matched(routed, shuffled, best),
            self._moves(), self._by_task(),
            sum(move.calls for move in self._moves() if move.thinks),
        )  # fmt: skip

    def _cost(self, model: str, kind: Kind, pile: Pile) -> PicoDollars | None:
        return self._sizes.cost(self.slots[model].tiers, kind, pile)

    def _way(self, *, chosen: bool) -> Way:
        """All piles where they are, or where they were sent."""
        return self._served((key[3] if chosen else key[2], key, pile) for key, pile in self._piles.items())

    def _all_on(self, model: str) -> Way:
        return self._served((model, key, pile) for key, pile in self._piles.items())

    def _served(self, by: Iterable[tuple[str, Key, Pile]]) -> Way:
        """Each pile on a model."""
        total: int | None = 0
        weights: dict[tuple[str, str | None], float] = {}
        for model, key, pile in by:
            cost = self._cost(model, key[4], pile)
            total = None if total is None or cost is None else total + cost
            weights[model, key[0]] = weights.get((model, key[0]), 0.0) + pile.calls
        return Way(None if total is None else PicoDollars(total), *self._quality(weights))

    def _quality(self, weights: Mapping[tuple[str, str | None], float]) -> tuple[float | None, float | None, float | None]:
        """Mean over the calls whose estimate is known, and its interval."""
        known = {place: weight for place, weight in weights.items() if self._estimate(*place) is not None}
        total = sum(known.values())
        if not total:
            return None, None, None
        shares = {place: weight / total for place, weight in known.items()}
        mean = sum((self._estimate(*place) or 0.0) * share for place, share in shares.items())
        wide = Z * self._deviation(shares)
        return mean, max(mean - wide, 0.0), min(mean + wide, 10.0)

    def _gain(self) -> Way:
        """The difference, over the calls whose estimates are known on both sides: what stays where it is cancels out."""
        weights: dict[tuple[str, str | None], float] = {}
        total = 0
        for (task, _, present, chosen, _), pile in self._piles.items():
            if self._estimate(present, task) is None or self._estimate(chosen, task) is None:
                continue
            total += pile.calls
            weights[chosen, task] = weights.get((chosen, task), 0.0) + pile.calls
            weights[present, task] = weights.get((present, task), 0.0) - pile.calls
        if not total:
            return Way(None, None)
        shares = {place: weight / total for place, weight in weights.items()}
        mean = sum((self._estimate(*place) or 0.0) * share for place, share in shares.items())
        wide = Z * self._deviation(shares)
        return Way(None, mean, mean - wide, mean + wide)

    def _estimate(self, model: str, task: str | None) -> float | None:
        slot = self.slots[model]
        return slot.quality.get(task, slot.general)

    def _deviation(self, shares: Mapping[tuple[str, str | None], float]) -> float:
        """Of a weighted sum of estimates: a task's errors are its own, a model's are shared by its tasks."""
        of_models: dict[str, float] = {}
        variance = 0.0
        for (model, task), share in shares.items():
            facts = self._view.facts.get(model)
            stated = facts is not None and (task in facts.quality or "default" in facts.quality)
            factor = share * (OWN_FIGURE if stated else 1.0) * (UNKNOWN_TASK if task is None else 1.0)
            variance += (factor * OF_TASK) ** 2
            of_models[model] = of_models.get(model, 0.0) + factor
        return sqrt(variance + sum((factor * OF_MODEL) ** 2 for factor in of_models.values()))

    def _moves(self) -> tuple[Move, ...]:
        found: dict[tuple[str, str], list[tuple[Kind, Pile]]] = {}
        for (_, _, present, chosen, kind), pile in self._piles.items():
            found.setdefault((present, chosen), []).append((kind, pile))
        moves = (
            Move(
                present, chosen, sum(pile.calls for _, pile in piles),
                _sum(self._cost(present, *each) for each in piles), _sum(self._cost(chosen, *each) for each in piles),
                present != chosen and self._thinks(chosen) is True,
            )
            for (present, chosen), piles in found.items()
        )  # fmt: skip
        return tuple(sorted(moves, key=lambda move: -move.calls))

    def _thinks(self, model: str) -> bool | None:
        facts = self._view.facts.get(model)
        return facts.reasoning_by_default if facts is not None else None

    def _by_task(self) -> dict[str, tuple[int, PicoDollars | None, PicoDollars | None]]:
        found: dict[str, list[tuple[Key, Pile]]] = {}
        for key, pile in self._piles.items():
            found.setdefault(key[0] or "unknown", []).append((key, pile))
        return {
            task: (
                sum(pile.calls for _, pile in piles),
                _sum(self._cost(key[2], key[4], pile) for key, pile in piles),
                _sum(self._cost(key[3], key[4], pile) for key, pile in piles),
            )
            for task, piles in sorted(found.items(), key=lambda item: -sum(pile.calls for _, pile in item[1]))
        }


def blind(call: Call) -> Traits:
    """The traits of a call of which only the tokens are known: unknown is not simple, and fits wherever so many tokens fit."""
    usage = call.usage
    read, written = (usage.total_input, usage.total_output) if usage is not None else (0, 0)
    text = int(Modality.TEXT)
    return Traits(
        model="auto", front="openai-chat", task=_UNKNOWN, complexity=None, complexity_source="none", band=None, latency=_UNKNOWN,
        cost=_UNKNOWN, quality=_UNKNOWN, sensitivity=_UNKNOWN, language=_UNKNOWN, tokens=read, tokens_max=read, output_tokens=max(written, 1),
        max_output=None, features=int(Feature.STREAMING) if call.stream else 0, input=text, output=text, stream=call.stream is True, n=1,
        tags=call.tags,
    )  # fmt: skip


def _unfit(call: Call, facts: ModelFacts | None) -> str | None:
    """Why a call cannot be compared."""
    if call.kind != "chat":
        return "no chat (embeddings, images, audio)"
    if call.error is not None:
        return "failed"
    if call.cached:
        return "answered by a cache"
    if facts is None:
        return "of a model that the catalog does not know"
    if call.usage is None or not call.usage.complete:
        return "without a complete usage"
    return None


def _sum(costs: Iterable[PicoDollars | None]) -> PicoDollars | None:
    total = 0
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return PicoDollars(total)


def _mixed(shares: Mapping[str, float], ways: Mapping[str, Way]) -> Way:
    cost, quality = 0.0, 0.0
    for name, share in shares.items():
        way = ways[name]
        if way.cost is None or way.quality is None:
            return Way(None, None)
        cost += share * way.cost
        quality += share * way.quality
    return Way(PicoDollars(round(cost)), quality) if shares else Way(None, None)


def _at_cost(cost: PicoDollars | None, start: Way, end: Way) -> Way:
    """The mix of two ways that costs this much, as far as they reach."""
    if cost is None or start.cost is None or end.cost is None or start.quality is None or end.quality is None:
        return Way(None, None)
    part = min(1.0, max(0.0, (cost - start.cost) / (end.cost - start.cost))) if end.cost != start.cost else 0.0
    return Way(
        PicoDollars(round(start.cost + part * (end.cost - start.cost))), start.quality + part * (end.quality - start.quality)
    )


def _matched(routed: Way, shuffled: Way, best: Way) -> PicoDollars | None:
    """Cost of mixing the best model into the shuffled assignment until it is as good as the routed one."""
    if routed.quality is None or shuffled.quality is None or best.quality is None or shuffled.cost is None or best.cost is None:
        return None
    if best.quality <= shuffled.quality:
        return shuffled.cost
    part = min(1.0, max(0.0, (routed.quality - shuffled.quality) / (best.quality - shuffled.quality)))
    return PicoDollars(round((1 - part) * shuffled.cost + part * best.cost))
