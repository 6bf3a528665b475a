"""The page Releases: what became of each new or changed model on each route, what is benchmarked, what was told; one of them in full."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from turnout.control.pages.asked import zone_of
from turnout.control.pages.benchmarks import running
from turnout.control.pages.blocks import (
    Action,
    Actions,
    Block,
    Button,
    Cell,
    Column,
    Field,
    Note,
    Page,
    Section,
    Table,
    Tone,
)  # fmt: skip
from turnout.control.pages.release import PHASES, WHY_AND_WHO, one, release_link, share_of, waits_for
from turnout.control.pages.seen import NOTHING
from turnout.control.pages.sources import Sources
from turnout.store.releases import ReleaseFilters
from turnout.types.alert import Severity
from turnout.types.lock import Frozen
from turnout.types.release import ON_TRAFFIC, Release

_MOST_ENDED = 100
_SEEN_ENDED = 10
_ALERTS = 50
_SEVERITIES: dict[Severity, Tone] = {"info": "plain", "warning": "warn", "critical": "bad"}
_EMPTY = (
    "No release is under way. They open by themselves when a source of `release.sources` tells of a new, repriced or retiring model "
    "that a route could use (turnout models refresh looks now); or open one below."
)
_FREEZE = Actions(
    (Button("Freeze all releases", "/api/lock/freeze", "No release goes on by itself until somebody thaws. Harm still rolls back."),), WHY_AND_WHO
)  # fmt: skip


class ReleasesAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With an ``id``: that release. ``zone`` is the viewer's, for times on charts; the window of other pages says nothing here."""

    id: str | None = None
    window: str = ""
    zone: str = "UTC"

    def __post_init__(self) -> None:
        zone_of(self.zone)


def releases(asked: ReleasesAsked, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    if asked.id is not None:
        return one(asked.id, zone_of(asked.zone), sources)
    now = sources.clock.now()
    frozen = sources.ledger.lock.read().frozen
    sections = (
        *((Section(tuple(_thaw(frozen)), wide=True),) if frozen is not None else ()),
        Section((_open(sources.ledger.releases.open(), frozen),), wide=True),
        Section((running(sources.ledger.bench),), wide=True),
        Section((_alerts(sources),), wide=True),
        Section((_ended(sources),), wide=True),
        Section((_by_hand(sources),), "Open a release by hand"),
        *((Section((_FREEZE,), "Stop everything"),) if frozen is None else ()),
    )
    return Page("releases", "Releases", sections, now, live=True)


def _thaw(frozen: Frozen) -> Iterator[Block]:
    why = f": {frozen.why}" if frozen.why else ""
    yield Note(f"Everything is frozen by {frozen.by}{why}. No release takes a step by itself; harm still rolls back.", "warn")
    yield Actions((Button("Thaw", "/api/lock/thaw", "Releases go on where they stopped."),), WHY_AND_WHO)


def _open(found: Sequence[Release], frozen: Frozen | None) -> Table:
    columns = (
        Column("Model"), Column("Route"), Column("What"), Column("Phase"), Column("Traffic", "percent"), Column("Since", "time"),
        Column("Where it stands"),
    )  # fmt: skip
    rows = tuple(
        (
            *_named(release), _phase(release), _traffic(release), release.status.since,
            Cell(waits_for(release) or "", "warn" if release.status.paused else "plain"),
        )
        for release in sorted(found, key=lambda each: (-each.status.share, -each.at, each.id))
    )  # fmt: skip
    title = "Under way" if frozen is None else "Under way, and frozen"
    return Table("open", title, columns, rows, _EMPTY)


def _ended(sources: Sources) -> Table:
    columns = (
        Column("Model"), Column("Route"), Column("What"), Column("Ended as"), Column("Ended", "time"), Column("Why"), Column("Tried again from", "time"),
    )  # fmt: skip
    found = sources.ledger.releases.list(_MOST_ENDED, ReleaseFilters(is_over=True))
    rows = tuple(
        (*_named(release), _phase(release), release.status.since, release.status.reason, release.status.until or NOTHING)
        for release in sorted(found, key=lambda each: (-each.status.since, each.id))
    )
    note = f"The latest {_MOST_ENDED}; turnout release list shows all." if len(found) == _MOST_ENDED else ""
    return Table(
        "ended",
        "Over",
        columns,
        rows,
        "None has ended yet. Those that were adopted, rolled back or rejected stay here.",
        note,
        first=_SEEN_ENDED,
    )


def _named(release: Release) -> tuple[Cell | str, ...]:
    return Cell(release.model, link=release_link(release.id), series=release.model), release.route, release.kind


def _phase(release: Release) -> Cell:
    """Paused is no phase, and looks it."""
    if release.status.paused is not None:
        return Cell(release.status.phase, "warn", note="paused")
    return Cell(release.status.phase.replace("_", " "), PHASES.get(release.status.phase, "plain"))


def _traffic(release: Release) -> Cell | str:
    return Cell(share_of(release), bar=share_of(release)) if release.status.phase in ON_TRAFFIC else NOTHING


def _by_hand(sources: Sources) -> Action:
    """Models and routes to choose from where they are known."""
    base = sources.in_force()
    models = tuple(sorted(model.id for model in base.models if not model.disabled)) if base else ()
    routes = tuple(route.name for route in base.policy.routes) if base else ()
    fields = (
        Field("model", "Model", options=("", *models) if models else None),
        Field("route", "Route", options=("", *routes) if routes else None),
        *WHY_AND_WHO,
    )
    confirm = "It is screened, then benchmarked within the policy's budget, and proposed if it is worth it."
    return Action("Open it", "/api/releases", confirm, fields=fields)


def _alerts(sources: Sources) -> Table:
    columns = (Column("When", "time"), Column("How grave"), Column("What"), Column("In words"), Column("For"))
    rows: Iterable[tuple[Cell | float | str, ...]] = (
        (
            alert.at,
            Cell(alert.severity, _SEVERITIES[alert.severity]),
            Cell(alert.title, link=alert.link or None),
            alert.text,
            ", ".join(alert.to),
        )
        for alert in sources.ledger.alerts.list(_ALERTS)
    )
    empty = "Nothing was told yet. `alerts:` in the policy says who is, by webhook, Slack or e-mail."
    return Table("alerts", "What people were told", columns, tuple(rows), empty, first=5)
