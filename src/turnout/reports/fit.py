"""Which models are more than their work needs, and which are less. Each finding says what it rests on."""

from collections.abc import Iterable, Mapping

import msgspec

from turnout.decide.slot import Slot
from turnout.evidence.intervals import wilson
from turnout.reports.logs.call import Call
from turnout.reports.piles import Kind, Pile, Sizes
from turnout.types.money import PicoDollars
from turnout.types.traits import Traits

SHORT_IN, SHORT_OUT = 400, 150
"""Tokens: without its text, a call this small may be a simple one; nothing more can be told."""
TOLERATED = 2.0
"""Points of quality that a simple request may do without."""
WORTH_HALF = 0.5
"""A cheaper model is worth naming where it costs at most this share."""
FEW = 20
"""Calls below which nothing is said of a model at a task."""
OFTEN = 0.02
"""A share of bad endings whose lower bound lies above this is a finding."""
WEAK = 6.5
"""Quality (0..10, prior) below which hard work on a model is a finding."""
MOST_GROUPS = 20_000


class Work(msgspec.Struct):
    """Calls to one model, of one task and band, by kind of price; ``bad`` are those that failed by the model: cut off, refused, filtered."""

    calls: int = 0
    truncated: int = 0
    refused: int = 0
    failed: int = 0
    piles: dict[Kind, Pile] = {}


class Over(msgspec.Struct, frozen=True):
    """Simple work on a dear model. ``basis``: ``text`` (classified), ``shape`` (few tokens; the text is not in the log)."""

    model: str
    task: str | None
    basis: str
    calls: int
    cost: PicoDollars
    instead: str
    would_cost: PicoDollars
    quality: float
    quality_instead: float


class Under(msgspec.Struct, frozen=True):
    """Work that a model does badly, or may. ``why``: ``truncated``, ``refused``, ``failed`` (with the share and its lower bound) or ``hard``."""

    model: str
    task: str | None
    why: str
    calls: int
    share: float | None
    at_least: float | None
    quality: float | None


Group = tuple[str, str | None, str | None, str]
"""Model, task, band, basis."""


class Fit:
    """The fold; ``sizes`` as for the prices it is asked for later."""

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self.work: dict[Group, Work] = {}

    def add(self, call: Call, model: str, traits: Traits | None) -> None:
        """One more call, to a model of the catalog; ``traits`` None where the log has no text."""
        if call.kind != "chat" or call.cached:
            return
        usage = call.usage
        if traits is not None:
            key: Group = (model, traits.task.value, traits.band, "text")
        else:
            short = usage is not None and usage.total_input <= SHORT_IN and 0 < usage.total_output <= SHORT_OUT
            key = (model, None, "simple" if short else None, "shape")
        if key not in self.work and len(self.work) >= MOST_GROUPS:
            return
        work = self.work.setdefault(key, Work())
        work.calls += 1
        work.truncated += call.ending == "length"
        work.refused += call.ending in {"refusal", "content_filter"}
        work.failed += call.error is not None
        if usage is not None and usage.complete and call.error is None:
            work.piles.setdefault(self._sizes.kind(usage), Pile()).add(usage)

    def over(self, slots: Mapping[str, Slot], pool: Iterable[Slot]) -> tuple[Over, ...]:
        """Simple work for which a model of ``pool`` is nearly as good at half the price; the largest difference first."""
        found = []
        others = tuple(pool)
        for (model, task, band, basis), work in self.work.items():
            own = slots[model]
            cost, quality = self._cost(own, work), own.quality.get(task, own.general)
            if band != "simple" or not work.piles or not cost or quality is None:
                continue
            best: tuple[PicoDollars, Slot, float] | None = None
            for other in others:
                able = other.quality.get(task, other.general)
                price = self._cost(other, work)
                if able is None or price is None or able < quality - TOLERATED or price > cost * WORTH_HALF:
                    continue
                if best is None or (price, other.id) < (best[0], best[1].id):
                    best = (price, other, able)
            if best is not None:
                found.append(
                    Over(
                        model, task, basis, sum(p.calls for p in work.piles.values()), cost, best[1].id, best[0], quality, best[2]
                    )
                )
        return tuple(sorted(found, key=lambda each: each.would_cost - each.cost))

    def under(self, slots: Mapping[str, Slot]) -> tuple[Under, ...]:
        """Bad endings by model and task that are more than chance, and hard work on weak models; the most calls first."""
        found: list[Under] = []
        by_task: dict[tuple[str, str | None], Work] = {}
        for (model, task, band, _), work in self.work.items():
            quality = slots[model].quality.get(task, slots[model].general)
            if band == "high" and work.calls >= FEW and quality is not None and quality < WEAK:
                found.append(Under(model, task, "hard", work.calls, None, None, quality))
            whole = by_task.setdefault((model, task), Work())
            whole.calls += work.calls
            whole.truncated += work.truncated
            whole.refused += work.refused
            whole.failed += work.failed
        for (model, task), work in by_task.items():
            for why in ("truncated", "refused", "failed"):
                bad, least = getattr(work, why), wilson(getattr(work, why), work.calls)[0]
                if work.calls >= FEW and least > OFTEN:
                    found.append(Under(model, task, why, work.calls, bad / work.calls, least, slots[model].quality.get(task)))
        return tuple(sorted(found, key=lambda each: (-each.calls * (each.share or 1.0), each.model)))

    def _cost(self, slot: Slot, work: Work) -> PicoDollars | None:
        total = 0
        for kind, pile in work.piles.items():
            cost = self._sizes.cost(slot.tiers, kind, pile)
            if cost is None:
                return None
            total += cost
        return PicoDollars(total)
