"""The page Trials: what is on traffic now, each with how far it is and what it has shown."""

from collections.abc import Iterator

import msgspec

from turnout.control.pages.asked import zone_of
from turnout.control.pages.blocks import Block, Figure, Figures, Note, Page, Section
from turnout.control.pages.evidence import readings
from turnout.control.pages.release import release_link, share_of, trial_link, units, waits_for
from turnout.control.pages.sources import Sources
from turnout.types.evidence import Evidence
from turnout.types.release import ON_TRAFFIC, Release

_EMPTY = (
    "No model is on trial. A release that is proposed and approved goes on traffic by itself as soon as its route is free; the page Releases "
    "shows what waits for whom."
)


class TrialsAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is on traffic; the window of other pages says nothing here."""

    window: str = ""
    zone: str = "UTC"

    def __post_init__(self) -> None:
        zone_of(self.zone)


def trials(_: TrialsAsked, sources: Sources) -> Page:
    """The largest share first."""
    now = sources.clock.now()
    running = sorted(
        (one for one in sources.ledger.releases.open() if one.status.phase in ON_TRAFFIC),
        key=lambda one: (-one.status.share, one.route, one.id),
    )
    found = [(one, sources.ledger.trials.latest(one.id)) for one in running]
    sections = [Section(tuple(_one(*each)), f"{each[0].model} on {each[0].route}", wide=True) for each in found]
    asof = max((latest.latest for _, latest in found if latest is not None and latest.latest is not None), default=None)
    return Page("trials", "Trials", tuple(sections) or (Section((Note(_EMPTY),), wide=True),), now, asof, live=True)


def _one(release: Release, latest: Evidence | None) -> Iterator[Block]:
    status = release.status
    paused = status.paused is not None
    said = f"{status.phase}, paused" if paused else status.phase
    phase = Figure("Phase", said, "text", waits_for(release) or "", "warn" if paused else "plain", release_link(release.id))
    proven = "no worse, and proven" if status.proven else "not proven yet"
    share = Figure(
        "Share of traffic", share_of(release), "percent", proven, "good" if status.proven else "plain", trial_link(release)
    )
    if latest is None:
        yield Figures((phase, share))
        yield Note("Nothing of it is known yet: the first requests make it known within seconds.")
        return
    yield Figures((phase, share, *units(release, latest)))
    yield readings(latest, f"readings-{release.id}", "Both arms")
