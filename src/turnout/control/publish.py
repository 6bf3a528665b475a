"""From a loaded policy and recent traffic to the view that workers decide on."""

from datetime import UTC, date, datetime
from threading import Lock
from typing import Protocol

import msgspec

from turnout.clock import Clock
from turnout.decide.mix import BINS, UNIFORM, cumulative, fold
from turnout.store.ledger import Ledger, PublishedView
from turnout.types.models import LatencyFacts, ModelFacts
from turnout.types.policy import Policy
from turnout.types.view import Base, Overlay
from turnout.view import ViewStore

MOVED = 0.02
"""A mix is published anew when a cut-point's share moved by this much: below it a new view would change next to nothing."""
LATENCY_MOVED = 0.2
"""Likewise for a model's observed p95."""
LATENCY_WINDOW = 3_600.0
LATENCY_EVERY = 30.0
"""Seconds between two looks at an hour of latencies: a larger query than the mix's."""
LATENCY_SAMPLES = 30
"""Observations before they outweigh the prior."""
KEEP_UNUSED = 30 * 86_400.0
"""Seconds that a view is kept though no request was decided on it; far longer than a journal waits for its ledger."""


class Loaded(Protocol):
    """A policy that was read and checked."""

    @property
    def policy(self) -> Policy: ...

    @property
    def models(self) -> tuple[ModelFacts, ...]: ...


class Publisher:
    """Makes policy versions and views. One process at a time does: the control process, or the supervisor before it starts.

    A new policy and a look at traffic may come from two threads: they take turns, or one could put the other's past in force.
    """

    def __init__(self, views: ViewStore, ledger: Ledger, clock: Clock, tasks: dict[str, dict[str, float]]) -> None:
        self._views = views
        self._ledger = ledger
        self._clock = clock
        self._tasks = tasks
        self._mix: dict[str, tuple[float, ...]] = {}
        self._mix_seen = clock.now()
        self._latency: dict[str, LatencyFacts] = {}
        self._latency_seen = 0.0
        self._overlay: Overlay | None = None
        self._turn = Lock()
        self.base: Base | None = None
        if (current := _stored(views)) is not None:
            self.base, self._overlay = current
            self._mix = dict(self._overlay.mix)

    def adopt(self, loaded: Loaded, note: str) -> int:
        """Put a policy in force and return its version: the next one, or the present one if nothing about it changed."""
        with self._turn:
            return self._adopt(loaded, note)

    def refresh(self) -> bool:
        """Publish a new view if recent traffic, or midnight, moved what decisions stand on."""
        with self._turn:
            return self._refresh()

    def clean(self) -> int:
        """Delete the views that no recorded request needs for its replay, some time after their last publication; how many."""
        before = self._clock.now() - KEEP_UNUSED
        if not self._views.unpublished_since(before):
            return 0
        used = self._ledger.views_used()
        with self._turn:  # looked at again: one of them may have been published meanwhile
            unused = self._views.unpublished_since(before) - used
            for view_hash in unused:
                self._views.remove(view_hash)
        return len(unused)

    def _adopt(self, loaded: Loaded, note: str) -> int:
        known = self._ledger.latest_policy()
        base = self.base
        if (
            base is None
            or base.version < known  # the ledger has seen later ones: views from a backup, or from elsewhere
            or (base.policy, base.models, base.tasks) != (loaded.policy, loaded.models, self._tasks)
        ):
            version = max(known, base.version if base is not None else 0) + 1
            base = _as_read_back(Base(version, loaded.policy, loaded.models, self._tasks))
        self._publish(base, self._seen_by_now(base), note)
        return base.version

    def _refresh(self) -> bool:
        if self.base is None or self._overlay is None:
            return False
        self._fold(self.base)
        overlay = self._seen_by_now(self.base)
        if not _differ(self._overlay, overlay):
            return False
        self._publish(self.base, overlay, "traffic")
        return True

    def _publish(self, base: Base, overlay: Overlay, note: str) -> None:
        view_hash = self._views.publish(base, overlay)
        self._ledger.note_view(PublishedView(view_hash, base.version, self._clock.now(), note))
        self.base, self._overlay = base, overlay  # only now: what could not be written is to be tried again

    def _seen_by_now(self, base: Base) -> Overlay:
        balanced = (route.name for route in base.policy.routes if route.objective == "balanced")
        mix = {route: self._mix.get(route, UNIFORM) for route in balanced}
        return Overlay(base="", day=_today(self._clock), observed=self._observed(), mix=mix)

    def _fold(self, base: Base) -> None:
        since, self._mix_seen = self._mix_seen, self._clock.now()
        for route in base.policy.routes:
            if route.objective == "balanced":
                fresh = reversed(self._ledger.mix_samples(route.name, since))
                self._mix[route.name] = tuple(round(count, 3) for count in fold(self._mix.get(route.name, UNIFORM), fresh))

    def _observed(self) -> dict[str, LatencyFacts]:
        now = self._clock.now()
        if now - self._latency_seen >= LATENCY_EVERY:
            self._latency_seen = now
            latencies = self._ledger.latency_by_model(now - LATENCY_WINDOW)
            self._latency = {
                model: LatencyFacts(seen.p50_ms, seen.p95_ms, seen.ttft_ms, seen.output_tokens_per_s, "observed")
                for model, seen in latencies.items()
                if seen.n >= LATENCY_SAMPLES
            }
        return self._latency


def _stored(views: ViewStore) -> tuple[Base, Overlay] | None:
    """The view in force; None when there is none, or none that this program can read: the next policy then begins anew."""
    try:
        current = views.current()
        if current is None:
            return None
        overlay = views.overlay(current)
        return views.base(overlay.base), overlay
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def _as_read_back(base: Base) -> Base:
    """As every other process will see it: 7 and 7.0 are equal, but they are not the same bytes under one hash."""
    return msgspec.json.decode(msgspec.json.encode(base), type=Base)


def _today(clock: Clock) -> date:
    return datetime.fromtimestamp(clock.now(), UTC).date()


def _differ(old: Overlay, new: Overlay) -> bool:
    """Whether the difference is worth a new view."""
    if old.day != new.day or old.decider != new.decider or old.mix.keys() != new.mix.keys():
        return True
    for route, histogram in new.mix.items():
        before, after = cumulative(old.mix[route]), cumulative(histogram)
        if max(abs(before[edge] - after[edge]) for edge in range(BINS)) > MOVED:
            return True
    if old.observed.keys() != new.observed.keys():
        return True
    return any(
        abs(new.observed[model].p95_ms / seen.p95_ms - 1) > LATENCY_MOVED for model, seen in old.observed.items() if seen.p95_ms
    )
