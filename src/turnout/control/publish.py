"""From what people wrote, what releases made of it and recent traffic to the view that workers decide on."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import PurePath
from threading import Lock as Turn
from typing import Protocol

import msgspec
from sqlalchemy import Connection

from turnout.audit.diff import same_facts
from turnout.clock import Clock
from turnout.config.amend import Amended, Dropped, amend, digest, unamended
from turnout.control.history import History, NoSuchVersion, events, stated
from turnout.control.history import digest as digest_of
from turnout.control.mixes import Mixes
from turnout.decide.mix import BINS, cumulative
from turnout.learn.matrix import differ as measured_differ
from turnout.store.ledger import Ledger, PublishedView
from turnout.store.policies import PolicyVersion
from turnout.types.entry import Entry
from turnout.types.lock import Lock, RouteLock
from turnout.types.matrix import UNMEASURED, Matrix
from turnout.types.models import LatencyFacts, ModelFacts
from turnout.types.policy import Policy
from turnout.types.seconds import DAY, HOUR
from turnout.types.view import Base, Overlay
from turnout.view import ViewStore, base_name

MOVED = 0.02
"""A mix is published anew when a cut-point's share moved by this much: below it a new view would change next to nothing."""
LATENCY_MOVED = 0.2
"""Likewise for a model's observed p95."""
LATENCY_WINDOW = HOUR
LATENCY_EVERY = 30.0
"""Seconds between two looks at an hour of latencies: a larger query than the mix's."""
MEASURED_EVERY = 30.0
"""Seconds between two looks at the cells of the matrix."""
LATENCY_SAMPLES = 30
"""Observations before they outweigh the prior."""
KEEP_UNUSED = 30 * DAY
"""Seconds that a view is kept though no request was decided on it; far longer than a journal waits for its ledger."""


class Loaded(Protocol):
    """A policy that was read and checked."""

    @property
    def policy(self) -> Policy: ...

    @property
    def models(self) -> tuple[ModelFacts, ...]: ...


class Written(msgspec.Struct, frozen=True):
    """What people wrote, before releases made anything of it, as every process reads it back."""

    policy: Policy
    models: tuple[ModelFacts, ...]


Measured = Callable[[Ledger, Base, float], Matrix]
Relock = Callable[[Mapping[str, RouteLock], str], None]
"""Make these the routes of the lock, on the word of an actor: whoever goes back to a version goes back to its lock."""


class Publisher:
    """Makes policy versions and views. One process at a time does: the control process, or the supervisor before it starts.

    What is in force is what people wrote with the lock laid over (ADR 10). A new policy, a release's step and a look at traffic may come
    from several threads: they take turns, or one could put the other's past in force. ``measured`` tells what the next view's matrix is.
    """

    def __init__(
        self, views: ViewStore, ledger: Ledger, clock: Clock, tasks: dict[str, dict[str, float]], measured: Measured | None = None
    ) -> None:
        self._views = views
        self._ledger = ledger
        self._history = History(ledger, views)
        self._clock = clock
        self._tasks = tasks
        self._mixes = Mixes()
        self._latency: dict[str, LatencyFacts] = {}
        self._latency_seen = 0.0
        self._measured = measured
        self._matrix, self._matrix_seen = UNMEASURED, 0.0
        self._overlay: Overlay | None = None
        self._turn = Turn()
        self._human: Written | None = None
        self.base: Base | None = None
        self.dropped: tuple[Dropped, ...] = ()
        if (current := _stored(views)) is not None:
            self.base, self._overlay, self._matrix = current
            self._human = _human(self.base)
            self._mixes.take_up(self._overlay.mix)

    def human(self) -> Policy:
        """What people wrote, in force or about to be; empty before anything was read."""
        return self._human.policy if self._human is not None else Policy((), ())

    def in_force(self) -> int:
        """The revision of the lock that is; 0 before the first."""
        return self._overlay.lock if self._overlay is not None else 0

    def lock(self) -> Lock:
        """What is in force of the lock, without who froze it."""
        return Lock(self.in_force(), self.base.released if self.base is not None else {})

    def hear(self, loaded: Loaded) -> bool:
        """What people wrote by now, before it is in force: releases look at it first. False: nothing that was not known."""
        with self._turn:
            if self._is_passed_over(loaded):
                return False
            before, self._human = self._human, _written(loaded)
            return before is None or before.policy != self._human.policy

    def adopt(self, loaded: Loaded, note: str, actor: str | None = None) -> int:
        """Put a policy in force, with the lock as it is, and return its version: the next one, or the present one if nothing changed.

        ``note`` says where it comes from; where an ``actor`` is named it is that one's reason. A file that says what it said when an
        earlier version was brought back leaves that one in force (:meth:`overruled`). What of the lock has no effect is then in ``dropped``.
        """
        with self._turn:
            reason = "" if actor is None else note
            said = PolicyVersion(0, self._clock.now(), "", actor or _author(note), reason)
            if self.base is not None and self._is_passed_over(loaded) and self.base.version >= self._known():
                self._publish(self.base, self._seen_by_now(self.base, self.in_force()), note, None)
                return self.base.version
            self._human = _written(loaded)
            return self._put_in_force(self._human, self._ledger.lock.read(), note, said, None)

    def take_up(self, lock: Lock, note: str, actor: str) -> int:
        """Put this lock in force over what people wrote; return the version, which is the present one if the policy stays the same.

        Raises OSError while nothing that people wrote has been read.
        """
        with self._turn:
            if self._human is None:
                raise OSError("no policy has been read yet that releases could change")
            if lock.revision < self.in_force():  # somebody was quicker
                lock = self._ledger.lock.read()
            passed_over = self.base.passed_over if self.base is not None else None
            said = PolicyVersion(0, self._clock.now(), "", actor, note)
            return self._put_in_force(self._human, lock, note, said, passed_over)

    def restore(self, version: int, actor: str, note: str, relock: Relock | None = None) -> int:
        """Put an earlier version's policy in force again, with the facts it stood on, as a new version; return its number.

        What was adopted by then is adopted again, what was adopted since is not: the lock goes back too (``relock``). Trials and mirrors
        do not come back, those under way end.

        Raises:
            NoSuchVersion: it is not known, is the one in force, or its file is gone.
        """
        with self._turn:
            was = self._earlier(version)
        routes = {
            name: msgspec.structs.replace(entry, trial=None, mirror=None) for name, entry in was.released.items() if entry.adopted
        }
        if relock is not None and self._ledger.lock.read().routes != routes:
            relock(routes, actor)  # not in our turn: it publishes, too
        with self._turn:
            return self._restore(was, routes, PolicyVersion(0, self._clock.now(), "", actor, note, version))

    def overruled(self) -> PolicyVersion | None:
        """The version that brought an earlier one back, if what people wrote then is in force: the policy's file says something else."""
        if self.base is None or self.base.passed_over is None:
            return None
        found = self._ledger.policies.get(self.base.version)
        while found is not None and found.restores is None:  # releases have taken steps since
            found = self._ledger.policies.before(found.version)
        return found

    def hear_of(self, entries: Sequence[Entry]) -> None:
        """Recent traffic, which the next :meth:`refresh` looks at."""
        self._mixes.hear(entries)

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
            self._views.remove_matrices(before)
        return len(unused)

    def _put_in_force(self, human: Written, lock: Lock, note: str, said: PolicyVersion, passed_over: str | None) -> int:
        known, amended = self._known(), amend(human.policy, human.models, lock)
        base = self.base
        more = {
            "written": tuple(
                route for route, own in zip(human.policy.routes, amended.policy.routes, strict=True) if route != own
            ),
            "released": lock.routes,
            "passed_over": passed_over,
        }
        # The ledger may have seen later ones: views from a backup, or from elsewhere.
        if base is not None and base.version >= known and _says(base, amended, self._tasks):
            base = msgspec.structs.replace(base, **more)
        else:
            later = max(known, base.version if base is not None else 0) + 1
            base = msgspec.structs.replace(Base(later, amended.policy, amended.models, self._tasks), **more)
            base = self._shared(base, known) or _as_read_back(base)
        self._publish(base, self._seen_by_now(base, lock.revision), note, msgspec.structs.replace(said, version=base.version))
        self.dropped = amended.dropped
        return base.version

    def _shared(self, wanted: Base, known: int) -> Base | None:
        """The latest version that the ledger knows, if it is this very policy: another Turnout on the same ledger has put it in force."""
        base = _as_read_back(msgspec.structs.replace(wanted, version=known))
        found = self._ledger.policies.get(known)
        return base if found is not None and found.base == base_name(base) else None

    def _known(self) -> int:
        return max(self._ledger.latest_policy(), self._ledger.policies.latest())

    def _is_passed_over(self, loaded: Loaded) -> bool:
        """Whether the file still says what it said when people went back to an earlier version."""
        return self.base is not None and self.base.passed_over is not None and self.base.passed_over == _file(_written(loaded))

    def _earlier(self, version: int) -> Base:
        if self.base is None or self.base.version == version:
            raise NoSuchVersion(f"version {version} is in force")
        wanted = self._ledger.policies.get(version)
        if wanted is None:
            raise NoSuchVersion(f"there is no version {version}; `turnout policy list` shows those there are")
        return self._history.base(wanted)

    def _restore(self, was: Base, routes: dict[str, RouteLock], said: PolicyVersion) -> int:
        lock = self._ledger.lock.read()
        # Somebody may have changed it again meanwhile: then what is in force is behind, and is put right at the next tick.
        revision = lock.revision if lock.routes == routes else self.in_force()
        now, then = self._human, _human(was)
        self._human = then
        passed_over = None
        if now is not None and _file(now) != _file(then):
            passed_over = (self.base.passed_over if self.base is not None else None) or _file(now)
            if passed_over == _file(then):  # back at what the file says
                passed_over = None
        amended = amend(then.policy, then.models, Lock(revision, routes))
        number = max(self._known(), self.base.version if self.base is not None else 0) + 1
        base = msgspec.structs.replace(
            was, version=number, policy=amended.policy, released=routes, passed_over=passed_over,
        )  # fmt: skip
        self._publish(base, self._seen_by_now(base, revision), said.note, msgspec.structs.replace(said, version=number))
        self.dropped = amended.dropped
        return number

    def _refresh(self) -> bool:
        if self.base is None or self._overlay is None:
            return False
        self._mixes.fold(_balanced(self.base))
        overlay = self._seen_by_now(self.base, self.in_force())
        matrix = self._measure(self.base)
        if matrix is None and not _differ(self._overlay, overlay):
            return False
        self._publish(self.base, overlay, "traffic", None, matrix)
        return True

    def _publish(
        self, base: Base, overlay: Overlay, note: str, version: PolicyVersion | None, matrix: Matrix | None = None
    ) -> None:
        """Into the ledger first: what is in force is in the history, whoever dies in between."""
        matrix = self._matrix if matrix is None else matrix
        view_hash = self._views.write(base, overlay, matrix)
        if version is not None and self._ledger.policies.get(base.version) is None:
            self._record(base, msgspec.structs.replace(version, base=self._views.overlay(view_hash).base))
        self._ledger.note_view(PublishedView(view_hash, base.version, self._clock.now(), note))
        self._views.point(view_hash)
        self.base, self._overlay, self._matrix = base, overlay, matrix  # only now: what could not be written is to be tried again

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

    def _measure(self, base: Base) -> Matrix | None:
        """What was measured by now, if it is worth a new view."""
        now = self._clock.now()
        if self._measured is None or now - self._matrix_seen < MEASURED_EVERY:
            return None
        found = self._measured(self._ledger, base, now)
        if measured_differ(self._matrix, found):
            return found
        self._matrix_seen = now
        return None

    def _seen_by_now(self, base: Base, revision: int) -> Overlay:
        mix = {route: self._mixes.of(route) for route in _balanced(base)}
        return Overlay(base="", day=_today(self._clock), observed=self._observed(), mix=mix, lock=revision)

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


def _stored(views: ViewStore) -> tuple[Base, Overlay, Matrix] | None:
    """The view in force; None when there is none, or none that this program can read: the next policy then begins anew."""
    try:
        current = views.current()
        if current is None:
            return None
        overlay = views.overlay(current)
        return views.base(overlay.base), overlay, views.matrix(overlay.matrix)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def _balanced(base: Base) -> list[str]:
    return [route.name for route in base.policy.routes if route.objective == "balanced"]


def _as_read_back(base: Base) -> Base:
    """As every other process will see it: 7 and 7.0 are equal, but they are not the same bytes under one hash."""
    return msgspec.json.decode(msgspec.json.encode(base), type=Base)


def _says(base: Base, amended: Amended, tasks: Mapping[str, Mapping[str, float]]) -> bool:
    return (base.policy, base.tasks) == (amended.policy, tasks) and same_facts(base.models, amended.models)


def _written(loaded: Loaded) -> Written:
    return msgspec.json.decode(msgspec.json.encode(Written(loaded.policy, loaded.models)), type=Written)


def _human(base: Base) -> Written:
    return Written(unamended(base.policy, base.written), base.models)


def _file(written: Written) -> str:
    """A digest of a person's file: its policy, and what it states of models. The catalog's facts may be others by now."""
    return digest_of(digest(written.policy), stated(written.models))


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
