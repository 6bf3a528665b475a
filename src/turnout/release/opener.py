"""Opens releases: those that events call for, and those that people ask for (ADR 10). Decides nothing itself."""

import traceback
from collections.abc import Callable, Mapping

from sqlalchemy.exc import SQLAlchemyError

from turnout.clock import Clock
from turnout.release.controller import unheard
from turnout.release.desk import Desk
from turnout.release.open import CannotOpen, manual, opened
from turnout.store.cells import serving
from turnout.store.ledger import Ledger
from turnout.types.release import Release
from turnout.types.seconds import DAY
from turnout.types.view import Base

NEWS = 7 * DAY
"""Seconds for which an event opens releases: a control process that was away finds what came meanwhile."""
RECENT = 7 * DAY
"""Seconds of traffic that say which model serves a route."""


class Opener:
    """For whoever leads the control work.

    ``base`` is the policy in force; ``said`` hears of an event that cannot be looked at for a fault in Turnout, which keeps no other one
    from being looked at.

    An event is looked at once, and again whenever another policy is in force: that one may know the model, or serve more routes. A
    release that was opened before is not opened again. Methods raise sqlalchemy.exc.SQLAlchemyError.
    """

    def __init__(
        self, desk: Desk, ledger: Ledger, clock: Clock, base: Callable[[], Base | None], said: Callable[[str], None] = unheard
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._clock = clock
        self._base = base
        self._said = said
        self._version = 0
        self._looked_at: set[str] = set()

    def look(self) -> None:
        """Open what accepted events call for."""
        base, now = self._base(), self._clock.now()
        if base is None:
            return
        if base.version != self._version:
            self._version, self._looked_at = base.version, set()
        news = self._ledger.catalog_events.ids(now - NEWS, "accepted")
        fresh = [event_id for event_id in news if event_id not in self._looked_at]
        if not fresh:
            return
        serves = self._serving(now)
        for event_id in fresh:
            try:
                self._open(event_id, base, now, serves)
            except (OSError, SQLAlchemyError):
                raise
            except Exception as fault:  # noqa: BLE001 - whatever it is, the other events are looked at
                self._said(f"event {event_id} cannot be looked at: {''.join(traceback.format_exception(fault))}")
            self._looked_at.add(event_id)

    def by_hand(self, model: str, route: str) -> Release | str:
        """The release that somebody wishes for; a sentence where there can be none."""
        base, now = self._base(), self._clock.now()
        if base is None:
            return "no policy is in force yet"
        try:
            return manual(model, route, base, now, self._serving(now))
        except CannotOpen as why:
            return str(why)

    def _open(self, event_id: str, base: Base, now: float, serves: Mapping[str, str]) -> None:
        event = self._ledger.catalog_events.get(event_id)
        if event is None:
            return
        note = f"{event.kind} of {event.model}: {event.before or 'nothing'} -> {event.after or 'nothing'}"
        for release in opened(event, base, now, serves):
            if self._ledger.releases.get(release.id) is None:
                self._desk.open(release, note=note)

    def _serving(self, now: float) -> dict[str, str]:
        return dict(serving(self._ledger.cells.mix(now - RECENT)))
