"""The page Catalog: what the world's catalogs said, what of it waits for a person, how old each source is, what a model's price was."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple, get_args
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import msgspec

from turnout.catalog.accepted import DIRECTORY
from turnout.control.pages.asked import zone_of
from turnout.control.pages.blocks import (
    Actions,
    Block,
    Button,
    Cell,
    Chart,
    Column,
    Field,
    Figure,
    Figures,
    NoSuchThing,
    Note,
    Page,
    Search,
    Section,
    Table,
    Tone,
)  # fmt: skip
from turnout.control.pages.charts import Look
from turnout.control.pages.curves import Curve, Frame, curves
from turnout.control.pages.release import WHY_AND_WHO
from turnout.control.pages.seen import NOTHING
from turnout.control.pages.sources import Sources
from turnout.store.releases import ReleaseFilters
from turnout.types.models import ModelFacts
from turnout.types.release import CatalogEvent, EventKind, EventState
from turnout.types.seconds import DAY
from turnout.types.view import Base
from turnout.watch.files import Files

_MOST = 500
_AT_ONCE = 5
"""Events that wait are shown with their buttons on the list; the others are a click away."""
_STALE = 3 * DAY
_STATES: dict[EventState, Tone] = {"accepted": "plain", "quarantined": "bad", "noted": "warn", "dismissed": "plain"}
_PRICE = re.compile(r"\$(?P<input>[\d.e+-]+) in, \$(?P<output>[\d.e+-]+) out per million")
"""How an event writes a price (watch.diff)."""
_UNSETTLED: tuple[EventState, ...] = ("quarantined", "noted")
_LOOK = Button("Look at all sources now", "/api/catalog/refresh")
_EMPTY = (
    "No event yet. Name sources under `release.sources` in the policy (models.dev, litellm, openrouter, genai-prices, a URL or a file) and look: "
    "turnout models refresh"
)


class CatalogAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With an ``id``: that event. ``model`` narrows the events, and has its price drawn. The window of other pages says nothing here."""

    id: str | None = None
    model: str | None = None
    kind: EventKind | None = None
    state: EventState | None = None
    window: str = ""
    zone: str = "UTC"

    def __post_init__(self) -> None:
        zone_of(self.zone)


class Price(NamedTuple):
    """From ``at`` (unix seconds) on, dollars per million tokens."""

    at: float
    input: float
    output: float


def catalog(asked: CatalogAsked, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    now, zone = sources.clock.now(), zone_of(asked.zone)
    if asked.id is not None:
        return _one(asked.id, sources, zone, now)
    base, store = sources.in_force(), sources.ledger.catalog_events
    events = store.since(0.0, model=asked.model or None, state=asked.state or None, limit=_MOST)
    waiting = [event for state in _UNSETTLED for event in store.since(0.0, state=state, limit=_MOST) if waits(event)]
    sections = [
        Section((_search(asked, base, events),), wide=True),
        Section(tuple(_waiting(waiting)), "Waits for a word", wide=True),
    ]
    if model := asked.model or _repriced(events):
        sections.append(Section(tuple(_price(model, base, sources, zone, now)), wide=True))
    sections += [
        Section((_table([event for event in events if asked.kind in (None, event.kind)]),), wide=True),
        Section((_sources(sources, now), Actions((_LOOK,), WHY_AND_WHO)), wide=True),
    ]
    shown = tuple(section for section in sections if section.blocks)
    return Page("catalog", "Catalog", shown, now)


def _repriced(events: Sequence[CatalogEvent]) -> str | None:
    """The model whose price changed last."""
    return next((event.model for event in events if event.kind == "price_changed" and event.state == "accepted"), None)


def waits(event: CatalogEvent) -> bool:
    """Whether a person's word could make it so (watch.sight): a price that one source says, and all of a look that seemed wrong."""
    return event.state == "quarantined" or (event.state == "noted" and event.kind == "price_changed")


def event_link(event: CatalogEvent) -> str:
    return f"/catalog/{quote(event.id, safe='')}"


def _search(asked: CatalogAsked, base: Base | None, events: Sequence[CatalogEvent]) -> Search:
    models = {event.model for event in events} | {model.id for model in (base.models if base is not None else ()) if model.prices}
    chosen = {asked.model} if asked.model else set[str]()
    return Search(
        (
            Field("model", "Model", asked.model or "", ("", *sorted(models | chosen))),
            Field("kind", "Kind", asked.kind or "", ("", *get_args(EventKind))),
            Field("state", "State", asked.state or "", ("", *get_args(EventState))),
        )
    )


def _waiting(events: Sequence[CatalogEvent]) -> Iterator[Block]:
    """What looked wrong is not in force until somebody says so."""
    for event in events[:_AT_ONCE]:
        yield Note(f"{event.model}: {_sentence(event)}", _STATES[event.state])
        yield _word(event)
    if len(events) > _AT_ONCE:
        yield Note(
            f"and {len(events) - _AT_ONCE:,} more, below; a whole look is taken or put aside at once with this:",
            "warn",
            "turnout models dismiss --all",
        )


def _word(event: CatalogEvent) -> Actions:
    path = f"/api/catalog/events/{quote(event.id, safe='')}"
    taken = "It is in force at once: requests are priced and routed by it."
    aside = "Nothing changes, for as long as the sources go on saying it."
    return Actions(
        (Button("Accept", f"{path}/accept", taken, "bad"), Button("Dismiss", f"{path}/dismiss", aside)),
        WHY_AND_WHO,
    )


def _table(events: Sequence[CatalogEvent]) -> Table:
    columns = (
        Column("Seen", "time"), Column("Model"), Column("Event"), Column("Before"), Column("After"), Column("Change", "percent"),
        Column("State"), Column("Sources"),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(event.at, link=event_link(event)), Cell(event.model, link="/catalog?" + urlencode({"model": event.model}), series=event.model),
            _what(event), event.before or NOTHING, event.after or NOTHING, NOTHING if event.change is None else _change(event.change),
            Cell(event.state, _STATES[event.state], note="confirmed" if event.confirmed else ""), ", ".join(event.sources),
        )
        for event in events
    )  # fmt: skip
    note = f"The latest {_MOST}." if len(events) == _MOST else ""
    return Table("events", "Events", columns, rows, _EMPTY, note, first=50)


def _one(event_id: str, sources: Sources, zone: ZoneInfo, now: float) -> Page:
    event = sources.ledger.catalog_events.get(event_id)
    if event is None:
        raise NoSuchThing(f"there is no event {event_id!r}; the page Catalog lists those there are")
    said = f"by {', '.join(event.sources)}" if event.sources else "by no source"
    figures = Figures(
        (
            Figure("Seen", event.at, "time", said),
            Figure("What", _what(event), "text"),
            Figure("Before", event.before, "text"),
            Figure("After", event.after, "text", "" if event.change is None else f"{100 * event.change:+.0f} %"),
            Figure("State", event.state, "text", "confirmed" if event.confirmed else "not confirmed", _STATES[event.state]),
        )
    )
    opened = sources.ledger.releases.list(50, ReleaseFilters(event=event.id))
    columns = (Column("Model"), Column("Route"), Column("Phase"), Column("Since", "time"))
    rows = tuple(
        (
            Cell(one.model, link=f"/releases/{one.id}", series=one.model),
            one.route,
            one.status.phase.replace("_", " "),
            one.status.since,
        )
        for one in opened
    )
    releases = Table("releases", "Releases it opened", columns, rows, "None: no route could use it, or it is not accepted.")
    sections = [
        Section((figures, *([Note(event.detail)] if event.detail else []), *([_word(event)] if waits(event) else [])), wide=True),
        Section((releases,), wide=True),
        Section(tuple(_price(event.model, sources.in_force(), sources, zone, now)), wide=True),
    ]  # fmt: skip
    return Page("catalog", event.model, tuple(section for section in sections if section.blocks), now)


def _sources(sources: Sources, now: float) -> Table:
    """When each was got; what failed since stands beside."""
    pointer = Files(sources.data_dir / DIRECTORY).accepted()[1]
    columns = (
        Column("Source"),
        Column("Content of", "time"),
        Column("Age"),
        Column("Last asked", "time"),
        Column("What was wrong then"),
    )
    rows = tuple(
        (
            name, seen.fetched_at, _age(None if seen.fetched_at is None else now - seen.fetched_at), seen.asked_at,
            Cell(seen.error, "bad") if seen.error else "nothing",
        )
        for name, seen in sorted((pointer.sources if pointer is not None else {}).items())
    )  # fmt: skip
    empty = "No source was asked yet: the catalog is what this version of Turnout ships. `release.sources` in the policy names sources."
    return Table("sources", "Sources", columns, rows, empty)


def _age(span: float | None) -> Cell:
    if span is None:
        return Cell("never got", "bad")
    text = f"{span / 86_400:.1f} days" if span >= 86_400 else f"{span / 3_600:.1f} h" if span >= 3_600 else f"{span / 60:.0f} min"
    return Cell(text, "warn" if span > _STALE else "plain")


def _price(model: str, base: Base | None, sources: Sources, zone: ZoneInfo, now: float) -> Iterator[Block]:
    facts = [one for one in base.models if model in (one.id, one.kin)] if base is not None else []
    events = sources.ledger.catalog_events.since(0.0, model=model, limit=_MOST)
    found = prices(facts[0] if facts else None, events)
    if not found:
        yield Note(f"No price of {model} is known: turnout models show {model} says what is.", "warn")
        return
    yield _history(model, found, zone, now)


def prices(facts: ModelFacts | None, events: Iterable[CatalogEvent]) -> list[Price]:
    """What it cost, from the dated rows of its price list and the changes that were accepted; the first tier's."""
    dated = [(_begin(row.start), row.tiers[0]) for row in facts.prices if row.tiers] if facts is not None else []
    found = [Price(at, rate.input / 1e6, rate.output / 1e6) for at, rate in dated if at is not None]
    for event in sorted(events, key=lambda each: each.at):
        if event.kind != "price_changed" or event.state != "accepted":
            continue
        before, after = (_read(text) for text in (event.before, event.after))
        if before is not None and not any(price.at < event.at for price in found):
            found.append(Price(0.0, *before))
        if after is not None:
            found.append(Price(event.at, *after))
    if not found:  # one price for all time
        found = [Price(0.0, rate.input / 1e6, rate.output / 1e6) for at, rate in dated if at is None]
    elif undated := [rate for at, rate in dated if at is None]:
        first = min(found)
        if first.at > 0.0 and first[1:] != (undated[0].input / 1e6, undated[0].output / 1e6):
            found.append(Price(0.0, undated[0].input / 1e6, undated[0].output / 1e6))
    return sorted(found)


def _history(model: str, found: Sequence[Price], zone: ZoneInfo, now: float) -> Chart:
    """Steps from the first change on, a fifth of the time before it, up to now or what is announced."""
    dated = [price.at for price in found if price.at > 0.0]
    end = max([now, *dated])
    begin = min(dated) - max(0.2 * (end - min(dated)), 30 * 86_400.0) if dated else now - 90 * 86_400.0
    times = [max(price.at, begin) for price in found] + [end + 0.02 * (end - begin)]
    drawn = [
        Curve(
            f"{name} tokens",
            times,
            [*(getattr(price, name) for price in found), getattr(found[-1], name)],
            {"series": name},
            shape="hv",
        )
        for name in ("input", "output")
    ]
    last = found[-1]
    says = f"{model} costs ${last.input:g} for a million tokens in and ${last.output:g} out"
    top = max(max(price.input, price.output) for price in found) or 1.0
    note = "The first tier's. From the price list's dated rows, and from changes that were accepted."
    frame = Frame(Look("$,.4~r"), {"range": [0, 1.15 * top]}, note=note)
    return curves("prices", f"Price of {model}, dollars for a million tokens", says, drawn, zone, frame)


def _read(text: str | None) -> tuple[float, float] | None:
    found = _PRICE.match(text or "")
    return (float(found["input"]), float(found["output"])) if found else None


def _begin(day: date | None) -> float | None:
    return None if day is None else datetime.combine(day, time(), UTC).timestamp()


def _what(event: CatalogEvent) -> str:
    said = event.kind.replace("_", " ")
    return (
        f"{said} ({event.field.replace('_', ' ')})"
        if event.field and event.kind not in ("price_changed", "alias_moved")
        else said
    )


def _sentence(event: CatalogEvent) -> str:
    detail = f": {event.detail}" if event.detail else ""
    change = f" ({100 * event.change:+.0f} %)" if event.change is not None else ""
    return f"{_what(event)}, from {event.before or 'nothing'} to {event.after or 'nothing'}{change}, says {', '.join(event.sources) or 'nobody'}{detail}."


def _change(change: float) -> Cell:
    return Cell(change, "warn" if change > 0 else "plain")
