"""Where releases are changed, by the controller and by people alike: each change is one transaction, and the view follows it (ADR 10)."""

import threading
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from turnout.audit.kinds import APPROVAL, FREEZE, RELEASE
from turnout.clock import Clock
from turnout.release import by_hand, locked
from turnout.release.changes import Change, Lost, Moved, News, Written, write
from turnout.release.locked import Placing
from turnout.release.next_step import MISMATCH, Move, begun_anew, ended, rolled_back
from turnout.release.phases import Who
from turnout.store.ledger import Ledger
from turnout.types.alert import Alert
from turnout.types.lock import Frozen, Lock
from turnout.types.policy import Policy, Route
from turnout.types.release import ON_TRAFFIC, Approval, Release, Step

CONTROLLER = "turnout"
"""Who acts when no person does."""
TRIES = 50
"""Looks at what others have changed meanwhile, before it is given up: each of them changes something each time."""
_STILL_SAFE = frozenset({"rolled_back", "aborted", "rejected"})
"""Where the controller may take a release while everything is frozen."""

Happened = Callable[[Release, Step], None]


class NotNow(Exception):
    """What was asked for does not apply to what there is by now; says in a sentence what that is."""


class NotAllowed(NotNow):
    """Whoever asks may not."""


def nobody(_: Release, __: Step) -> None:
    """Who hears of what happened, where nobody wants to know."""


def no_news(_: Release, __: Step) -> tuple[Alert, ...]:
    """What people are told of a step, where there is nobody to tell."""
    return ()


class Desk:
    """One for the control process; its methods may be called from any thread. Raises sqlalchemy.exc.SQLAlchemyError from each.

    ``policy`` is what people wrote, without what releases made of it. ``publish(note, actor)`` puts that and the lock in force and returns the policy's version; ``published()`` is the revision of the lock that is in
    force. ``news`` are the alerts of a step, written with it; ``happened`` hears of each step once it is.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        policy: Callable[[], Policy],
        publish: Callable[[str, str], int],
        published: Callable[[], int],
        happened: Happened = nobody,
        news: News = no_news,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self._put_in_force = publish
        self._published = published
        self._happened = happened
        self._news = news
        self._turn = threading.Lock()
        self._named: int | None = None  # the lock's revision whose policy version the steps know; None: not since the start

    @property
    def policy(self) -> Policy:
        """As people wrote it."""
        return self._policy()

    def route(self, name: str) -> Route | None:
        """As people wrote it."""
        return next((route for route in self._policy().routes if route.name == name), None)

    def open(self, release: Release, actor: str = CONTROLLER, note: str = "") -> bool:
        """Take a new release in; False: this one is known already."""
        step = Step(
            release.id,
            0,
            self._clock.now(),
            release.status.phase,
            actor,
            note or f"{release.kind}: {release.event}",
            release.status.share,
        )
        payload = {
            "release": release.id,
            "model": release.model,
            "route": release.route,
            "kind": release.kind,
            "event": release.event,
        }

        def put(connection: Connection) -> Step | None:
            if not self._ledger.releases.put(connection, msgspec.structs.replace(release, revision=0)):
                return None
            written = self._ledger.releases.add_step(connection, step)
            self._ledger.audit.append(connection, RELEASE, actor, {**payload, "phase": step.phase, "note": step.note}, step.at)
            for alert in self._news(release, written):
                self._ledger.alerts.put(connection, alert)
            return written

        written = self._ledger.audit.within(put)
        if written is not None:
            self._happened(release, written)
        return written is not None

    def advance(self, before: Release, move: Move, evidence: bytes | None = None) -> Release | None:
        """Make a move that :func:`next_step` decided on; None: things have changed since, and it is to be decided again.

        ``evidence`` is what it rests on, as JSON.
        """

        def decide(connection: Connection) -> Change:
            now_there, lock = self._ledger.releases.get(before.id, connection), self._ledger.lock.read(connection)
            was, phase = before.status.phase, move.after.status.phase
            if (
                now_there is None
                or now_there.revision != before.revision
                or (lock.frozen is not None and phase not in _STILL_SAFE)
            ):
                raise NotNow("it has changed meanwhile")
            enters = was not in ON_TRAFFIC or (was, phase) == ("mirror", "trial")
            if enters and phase in ON_TRAFFIC and self._is_taken(lock, move.after):
                raise NotNow("the route's traffic is taken by now")
            return Change([Moved(before, move.after, move.note, evidence)], (lock, self._placed(lock, move.after, CONTROLLER)))

        try:
            written = self._change(CONTROLLER, "controller", move.note, decide)
        except NotNow:
            return None
        return written.releases[0] if written.releases else before

    def approve(self, release_id: str, actor: str, role: str, note: str = "") -> Release:
        """Somebody's yes to a proposal. Raises NotNow, NotAllowed."""
        return self._say(release_id, actor, role, note, approved=True)

    def reject(self, release_id: str, actor: str, role: str, note: str = "") -> Release:
        """Somebody's no to a release that is not on traffic yet: it is over. Raises NotNow, NotAllowed."""
        return self._say(release_id, actor, role, note, approved=False)

    def pause(self, release_id: str, actor: str, note: str = "") -> Release:
        """It keeps its share and goes no further until somebody resumes it; harm still rolls it back. Raises NotNow."""

        def move(release: Release) -> Moved:
            if release.is_over:
                raise _not_now(release, "is over")
            return _moved(release, _with(release, paused=_said(actor, note)), f"paused by {_said(actor, note)}")

        return self._person(release_id, actor, move)

    def resume(self, release_id: str, actor: str, note: str = "") -> Release:
        """It goes on; one whose arms were not of the size that was drawn begins anew. Raises NotNow."""

        def move(release: Release) -> Moved:
            if release.is_over or release.status.paused is None:
                raise _not_now(release, "is not paused")
            said = f"resumed by {_said(actor, note)}"
            if release.status.paused != MISMATCH:
                return _moved(release, _with(release, paused=None), said)
            anew = begun_anew(release, f"{said}; its trial begins anew", self._clock.now())
            return Moved(release, anew.after, anew.note, anew=True)

        return self._person(release_id, actor, move)

    def rollback(self, release_id: str, actor: str, note: str = "") -> Release:
        """Take it off traffic, or back out of the policy. Raises NotNow; so it does of what people took into their own file."""

        def move(release: Release) -> Moved:
            if release.status.phase not in ON_TRAFFIC and release.status.phase != "adopted":
                raise _not_now(release, "is neither on traffic nor adopted")
            route = self.route(release.route)
            if release.status.phase == "adopted" and route is not None and release.id in locked.digests(route).written:
                raise _not_now(release, "stands in turnout.yaml itself by now, and is taken out there")
            return self._taken_back(release, f"rolled back by {_said(actor, note)}")

        return self._person(release_id, actor, move)

    def freeze(self, actor: str, why: str = "") -> None:
        """No release takes a step by itself until :meth:`thaw`; harm still rolls back. Raises NotNow."""

        def decide(connection: Connection) -> Change:
            lock = self._ledger.lock.read(connection)
            if lock.frozen is not None:
                raise NotNow(f"everything is frozen already, by {lock.frozen.by}")
            after = msgspec.structs.replace(lock, frozen=Frozen(actor, self._clock.now(), why))
            return Change(lock=(lock, after), entry=(FREEZE, {"what": "frozen", "why": why}))

        self._change(actor, "person", f"releases are frozen: {why}" if why else "releases are frozen", decide)

    def thaw(self, actor: str, note: str = "") -> None:
        """Releases go on. Raises NotNow."""

        def decide(connection: Connection) -> Change:
            lock = self._ledger.lock.read(connection)
            if lock.frozen is None:
                raise NotNow("nothing is frozen")
            after = msgspec.structs.replace(lock, frozen=None)
            return Change(lock=(lock, after), entry=(FREEZE, {"what": "thawed", "why": note}))

        self._change(actor, "person", "releases go on", decide)

    def human_edit(self, actor: str) -> tuple[Release, ...]:
        """People changed their file: end the trials of routes that were edited, and let go of what stood on what they chose from.

        To be called before the new file is put in force. Returns what ended.
        """
        written = {route.name: locked.digests(route) for route in self._policy().routes}

        def decide(connection: Connection) -> Change:
            lock = self._ledger.lock.read(connection)
            return by_hand.edited(lock, lambda one: self._ledger.releases.get(one, connection), written, actor, self._clock.now())

        return self._change(actor, "person", f"routes were edited by {actor}", decide).releases

    def take_lock(self, wanted: Lock, actor: str) -> tuple[Release, ...]:
        """People changed turnout.lock.yaml: it is the lock. Returns the releases that this changed. Raises NotNow when it cannot be."""

        def decide(connection: Connection) -> Change:
            lock = self._ledger.lock.read(connection)
            try:
                find = lambda one: self._ledger.releases.get(one, connection)  # noqa: E731 - as in human_edit
                return by_hand.taken_over(lock, wanted, find, self._taken_back, actor, self._clock.now())
            except by_hand.Refused as refused:
                raise NotNow(str(refused)) from refused

        return self._change(actor, "person", f"turnout.lock.yaml was changed by {actor}", decide).releases

    def settle(self) -> bool:
        """Put the lock in force if it is not: the process may have died between the two. True: it was not. For each tick.

        Raises what publishing does: OSError, sqlalchemy.exc.SQLAlchemyError.
        """
        revision = self._ledger.lock.revision()
        if revision == self._named == self._published():
            return False
        was_behind = revision != self._published()
        if revision or was_behind:
            self._publish(revision, f"as releases decided (lock {revision})", CONTROLLER)
        else:
            self._named = 0
        return was_behind

    def _say(self, release_id: str, actor: str, role: str, note: str, *, approved: bool) -> Release:
        now = self._clock.now()

        def move(release: Release) -> Moved:
            rules = self._policy().release.approvals
            if role not in rules.roles:
                raise NotAllowed(f"{actor} is {role}: this takes one of {', '.join(sorted(rules.roles))}")
            given = release.status.approvals
            if approved and release.status.phase != "proposed":
                raise _not_now(release, "does not wait for approval")
            if approved and any(one.actor == actor for one in given):
                raise _not_now(release, f"has {actor}'s approval already")
            if release.is_over or release.status.phase in ON_TRAFFIC:
                raise _not_now(release, "cannot be rejected any more (turnout release rollback takes it back)")
            heard = _with(release, approvals=(*given, Approval(actor, now, approved, note)))
            said = f"{'approved' if approved else 'rejected'} by {_said(actor, note)}"
            after = heard if approved else ended(heard, "rejected", said, now).after
            return Moved(release, after, said, kind=APPROVAL)

        return self._person(release_id, actor, move)

    def _taken_back(self, release: Release, why: str) -> Moved:
        before = len(self._ledger.releases.rolled_back(release.model, release.route))
        back = rolled_back(release, why, before, self._policy().release, self._clock.now())
        return Moved(release, back.after, back.note)

    def _person(self, release_id: str, actor: str, move: Callable[[Release], Moved]) -> Release:
        """A command about one release."""

        def decide(connection: Connection) -> Change:
            release, lock = self._ledger.releases.get(release_id, connection), self._ledger.lock.read(connection)
            if release is None:
                raise NotNow(f"there is no release {release_id}; `turnout release list` shows those there are")
            moved = move(release)
            after = self._placed(lock, moved.after, actor)
            if moved.anew and release.route in after.routes:
                after = locked.salted(after, release.route, self._salt())
            return Change([moved], (lock, after))

        written = self._change(actor, "person", "", decide)
        return written.releases[0]

    def _change(self, actor: str, who: Who, note: str, decide: Callable[[Connection], Change]) -> Written:
        """Decide and write in one transaction, again when somebody was quicker; then tell, and put the lock in force if it changed."""

        def work(connection: Connection) -> Written:
            return write(self._ledger, connection, decide(connection), actor, who, self._clock.now(), self._news)

        for left in reversed(range(TRIES)):
            try:
                written = self._ledger.audit.within(work)
                break
            except Lost:
                if not left:
                    raise NotNow("others are changing it all the time; try again") from None
        else:
            raise AssertionError("the last try breaks or raises")
        if written.lock is not None:
            self._try_to_publish(written.lock, written.steps, note, actor)
        for release, step in written.steps:
            self._happened(release, step)
        return written

    def _try_to_publish(self, revision: int, steps: Sequence[tuple[Release, Step]], note: str, actor: str) -> None:
        """What was decided is decided: if it cannot be put in force now, :meth:`settle` does that at the next tick."""
        said = "; ".join(f"{release.model} on {release.route}: {step.note}" for release, step in steps)
        by = f"release:{steps[0][0].id}" if actor == CONTROLLER and steps else actor
        try:
            self._publish(revision, said or note, by)
        except (OSError, SQLAlchemyError):
            self._named = None

    def _publish(self, revision: int, note: str, actor: str) -> None:
        """Put the lock in force, at this revision or a later one: the steps up to it are in force with that version."""
        with self._turn:
            version = self._put_in_force(note, actor)
            self._ledger.releases.note_policy(version, revision)
            self._named = revision

    def _placed(self, lock: Lock, release: Release, actor: str) -> Lock:
        route = self.route(release.route)
        if route is None:
            return locked.taken_out(lock, release)
        return locked.placed(lock, release, Placing(route, actor, self._clock.now(), self._salt()))

    def _is_taken(self, lock: Lock, release: Release) -> bool:
        slot: locked.Slot = "mirror" if release.status.phase == "mirror" else "trial"
        return locked.taken(lock, release, slot, overlap=self._policy().release.overlap) is not None

    def _salt(self) -> str:
        return f"{self._clock.seed():016x}"


def _moved(before: Release, after: Release, note: str) -> Moved:
    return Moved(before, after, note)


def _with(release: Release, **changes: object) -> Release:
    return msgspec.structs.replace(release, status=msgspec.structs.replace(release.status, **changes))


def _said(actor: str, note: str) -> str:
    return f"{actor}: {note}" if note else actor


def _not_now(release: Release, what: str) -> NotNow:
    status = release.status
    why = f": {status.reason}" if status.reason else ""
    return NotNow(f"the release of {release.model} on {release.route} {what}; it is {status.phase}{why}")
