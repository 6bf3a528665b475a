"""From a loaded policy and recent traffic to the view that workers decide on."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import PurePath
from threading import Lock
from typing import Protocol

import msgspec
from sqlalchemy import Connection

from turnout.audit.diff import same_facts
from turnout.clock import Clock
from turnout.control.history import History, NoSuchVersion, events, stated
from turnout.decide.mix import BINS, UNIFORM, cumulative, fold
from turnout.store.ledger import Ledger, PublishedView
from turnout.store.policies import PolicyVersion
from turnout.types.models import LatencyFacts, ModelFacts
from turnout.types.policy import Policy
from turnout.types.view import Base, Overlay
from turnout.view import ViewStore, base_name

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
        self._history = History(ledger, views)
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

    def adopt(self, loaded: Loaded, note: str, actor: str | None = None) -> int:
        """Put a policy in force and return its version: the next one, or the present one if nothing about it changed.

        ``note`` says where it comes from; where an ``actor`` is named it is that one's reason. A file that says what it said when an
        earlier version was brought back leaves that one in force (:meth:`overruled`).
        """
        with self._turn:
            reason = "" if actor is None else note
            return self._adopt(loaded, note, PolicyVersion(0, self._clock.now(), "", actor or _author(note), reason))

    def restore(self, version: int, actor: str, note: str) -> int:
        """Put an earlier version's policy in force again, with the facts it stood on, as a new version; return its number.

        Raises:
            NoSuchVersion: it is not known, is the one in force, or its file is gone.
        """
        with self._turn:
            return self._restore(version, actor, note)

    def overruled(self) -> PolicyVersion | None:
        """The version in force, if it is one that was brought back: then the policy's file says something else."""
        found = self._ledger.policies.get(self.base.version) if self.base is not None else None
        return found if found is not None and found.restores is not None else None

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

    def _adopt(self, loaded: Loaded, note: str, said: PolicyVersion) -> int:
        known = self._known()
        base = self.base
        if base is None or base.version < known:  # the ledger has seen later ones: views from a backup, or from elsewhere
            stays = False
        else:
            stays = _says(base, loaded, self._tasks) or self._was_overruled(base, loaded)
        if base is None or not stays:
            later = max(known, base.version if base is not None else 0) + 1
            base = self._shared(loaded, known) or _as_read_back(Base(later, loaded.policy, loaded.models, self._tasks))
        self._publish(base, self._seen_by_now(base), note, msgspec.structs.replace(said, version=base.version))
        return base.version

    def _shared(self, loaded: Loaded, known: int) -> Base | None:
        """The latest version that the ledger knows, if it is this very policy: another Turnout on the same ledger has put it in force."""
        base = _as_read_back(Base(known, loaded.policy, loaded.models, self._tasks))
        found = self._ledger.policies.get(known)
        return base if found is not None and found.base == base_name(base) else None

    def _known(self) -> int:
        return max(self._ledger.latest_policy(), self._ledger.policies.latest())

    def _was_overruled(self, base: Base, loaded: Loaded) -> bool:
        """Whether the file still says what it said before people went back to an earlier version."""
        history = self._ledger.policies
        version = history.get(base.version)
        if version is None or version.restores is None:
            return False
        while version is not None and version.restores is not None:
            version = history.before(version.version)
        try:
            return version is not None and _file_says(self._history.base(version), loaded)
        except NoSuchVersion:  # nothing tells what it said
            return False

    def _restore(self, version: int, actor: str, note: str) -> int:
        if self.base is None or self.base.version == version:
            raise NoSuchVersion(f"version {version} is in force")
        wanted = self._ledger.policies.get(version)
        if wanted is None:
            raise NoSuchVersion(f"there is no version {version}; `turnout policy list` shows those there are")
        was = self._history.base(wanted)
        number = max(self._known(), self.base.version) + 1
        base = msgspec.structs.replace(was, version=number)
        self._publish(base, self._seen_by_now(base), note, PolicyVersion(number, self._clock.now(), "", actor, note, version))
        return number

    def _refresh(self) -> bool:
        if self.base is None or self._overlay is None:
            return False
        self._fold(self.base)
        overlay = self._seen_by_now(self.base)
        if not _differ(self._overlay, overlay):
            return False
        self._publish(self.base, overlay, "traffic", None)
        return True

    def _publish(self, base: Base, overlay: Overlay, note: str, version: PolicyVersion | None) -> None:
        view_hash = self._views.publish(base, overlay)
        view = PublishedView(view_hash, base.version, self._clock.now(), note)
        if version is not None and self._ledger.policies.get(base.version) is None:
            self._record(base, msgspec.structs.replace(version, base=self._views.overlay(view_hash).base))
        self._ledger.note_view(view)
        self.base, self._overlay = base, overlay  # only now: what could not be written is to be tried again

    def _record(self, base: Base, version: PolicyVersion) -> None:
        """The version, and what it changed, in one transaction: neither is there without the other."""
        previous = self._ledger.policies.before(version.version)
        try:
            before = self._history.base(previous) if previous is not None else None
        except NoSuchVersion:  # its file is gone, which is no reason to hold this one back
            before = None
        said = tuple(events(version, base, before, previous))
        now = self._clock.now()

        def write(connection: Connection) -> None:
            if self._ledger.policies.put(connection, version):
                for kind, payload in said:
                    self._ledger.audit.append(connection, kind, version.actor, payload, now)

        self._ledger.audit.within(write)

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


def _says(base: Base, loaded: Loaded, tasks: Mapping[str, Mapping[str, float]]) -> bool:
    return (base.policy, base.tasks) == (loaded.policy, tasks) and same_facts(base.models, loaded.models)


def _file_says(base: Base, loaded: Loaded) -> bool:
    """Whether a person's file says the same: its policy, and what it states of models. The catalog's facts may be others by now."""
    return base.policy == loaded.policy and stated(base.models) == stated(loaded.models)


def _author(where: str) -> str:
    return where if where == "environment" else f"file:{PurePath(where).name}"


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
