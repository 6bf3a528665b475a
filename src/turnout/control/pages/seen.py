"""A window of the ledger as pages see it, and how they name and rank what is in it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from turnout.control.pages.asked import Asked, any_of, choice, zone_of
from turnout.control.pages.blocks import Figure, Search, Tone
from turnout.control.pages.sources import Sources
from turnout.control.pages.times import Per, bucketed, finest
from turnout.store.rollups import sums
from turnout.store.rollups.cells import Cell, Slice

NOTHING = "\u2013"
"""Where there is no value to show, as when no model was called; that is not the same as an unknown one."""
OTHERS = "others"
MOST = 8
"""Names that a chart tells apart; the rest are ``others``."""
ERRORS = ("failed", "cut")
OUTCOMES: dict[str, Tone] = {
    "ok": "plain",
    "failed": "bad",
    "cut": "bad",
    "rejected": "warn",
    "cancelled": "warn",
    "begun": "warn",
}
"""How a request's outcome looks."""

_Row = TypeVar("_Row")


class Seen(NamedTuple):
    """``slices`` hold what was asked for only, ``everything`` all of the window; ``asof`` is the newest arrival in them."""

    now: float
    zone: ZoneInfo
    window: sums.Window
    everything: tuple[Slice, ...]
    slices: tuple[Slice, ...]
    asof: float | None

    @property
    def total(self) -> Cell:
        return sums.cells(self.slices).get((), Cell())

    @property
    def per(self) -> Per:
        return finest(self.window.period)

    def by_time(self, per: Per) -> dict[datetime, list[Slice]]:
        """From the first slice in which anything happened on, none left out: a chart shows the silence too."""
        first = min((one.start for one in self.slices), default=self.window.until)
        within = sums.Window(max(first, self.window.since), self.window.until, self.window.period)
        return bucketed(sums.gapless(self.slices, within), per, self.zone)


def see(asked: Asked, sources: Sources) -> Seen:
    now = sources.clock.now()
    window = sums.window(asked.window, now)
    everything = tuple(sources.ledger.slices(window.since, window.until, window.period))
    slices = sums.only(everything, **asked.where) if asked.where else everything
    return Seen(now, zone_of(asked.zone), window, everything, slices, max((one.latest for one in slices), default=None))


def filters(asked: Asked, seen: Seen, *more: str) -> Search:
    """The window and which requests; ``more`` are choices of the page's own, named as their field."""
    narrowing = (
        any_of(asked, name, name.capitalize(), sums.values(seen.everything, name)) for name in ("route", "model", "task")
    )
    return Search((choice(asked, "window", "Window"), *(choice(asked, name, name.capitalize()) for name in more), *narrowing))


def name_of(value: object) -> str:
    """A group's name on the page; what has none is said to."""
    return "none" if value is None else str(value)


def leading(rows: Mapping[str, _Row], size: Mapping[str, float]) -> list[str]:
    """The names with most of it, largest first, that a chart tells apart."""
    return sorted(rows, key=lambda name: (-size[name], name))[:MOST]


def errors(cell: Cell) -> int:
    return cell.failed + cell.cut


def priced_of(cell: Cell) -> int:
    """Requests whose cost is known. Copies' unknown ones are counted as unpriced too, so that these are at least so many."""
    return max(cell.requests - cell.unpriced, 0)


def ratio(part: float, whole: float) -> float | None:
    """None of nothing."""
    return part / whole if whole else None


def spend(name: str, cost: int, unpriced: int, link: str | None = None) -> Figure:
    """An amount never stands without what is missing in it."""
    note = f"and {unpriced:,} of unknown price" if unpriced else "every answer priced"
    return Figure(name, cost, "usd", note, "warn" if unpriced else "plain", link)


def listed(names: Iterable[tuple[str, str]], most: int = 5) -> str:
    """``a 60 %, b 40 %``: for the texts beside charts."""
    some: Sequence[tuple[str, str]] = list(names)
    said = ", ".join(f"{name} {value}" for name, value in some[:most])
    return f"{said} and {len(some) - most} more" if len(some) > most else said
