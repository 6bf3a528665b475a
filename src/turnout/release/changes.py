"""A change of releases and lock as one transaction: rows by compare-and-set, history, audit. All of it, or nothing."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
from sqlalchemy import Connection

from turnout.audit.kinds import RELEASE, TRIAL
from turnout.release import locked, phases
from turnout.release.phases import Who
from turnout.store.ledger import Ledger
from turnout.types.alert import Alert
from turnout.types.lock import Lock
from turnout.types.release import ON_TRAFFIC, Release, Step

News = Callable[[Release, Step], Iterable[Alert]]
"""What people are to be told of a step."""


class Lost(Exception):
    """Somebody else changed it meanwhile: nothing was written, and it is to be looked at again."""


class Moved(msgspec.Struct, frozen=True):
    """A release as it was read and as it is to be. ``note`` empty: no line in its history. ``evidence`` as JSON. ``anew``: its trial starts over."""

    before: Release
    after: Release
    note: str = ""
    evidence: bytes | None = None
    anew: bool = False
    kind: str | None = None


class Change(msgspec.Struct, frozen=True):
    """What is written together. ``lock`` is as it was read and as it is to be. ``entry`` is the audit chain's, beside those of the steps."""

    moved: Sequence[Moved] = ()
    lock: tuple[Lock, Lock] | None = None
    entry: tuple[str, dict[str, object]] | None = None


class Written(msgspec.Struct, frozen=True):
    """The releases as they are now, the steps that were made, and the lock's revision where it was changed."""

    releases: tuple[Release, ...]
    steps: tuple[tuple[Release, Step], ...]
    lock: int | None


def write(ledger: Ledger, connection: Connection, change: Change, actor: str, who: Who, now: float, news: News) -> Written:
    """Within the caller's transaction, the alerts of each step (``news``) too. Raises Lost; then that is to be given up.

    Rows are taken in one order, releases by id and then the lock, so that two who change the same ones never wait for each other.
    """
    moved = sorted((one for one in change.moved if one.after != one.before), key=lambda one: one.before.id)
    changed = [_put(ledger, connection, one, who) for one in moved]
    revision = _put_lock(ledger, connection, change.lock, actor, now)
    steps: list[tuple[Release, Step]] = []
    for one, release in zip(moved, changed, strict=True):
        if one.note:
            step = Step(release.id, 0, now, release.status.phase, actor, one.note, release.status.share)
            step = ledger.releases.add_step(connection, step, one.evidence, revision)
            steps.append((release, step))
            ledger.audit.append(connection, one.kind or _kind(one), actor, _payload(one, release, step, revision), now)
            for alert in news(release, step):
                ledger.alerts.put(connection, alert)
    if change.entry is not None:
        ledger.audit.append(connection, change.entry[0], actor, {**change.entry[1], "lock": revision}, now)
    return Written(tuple(changed), tuple(steps), revision)


def _put(ledger: Ledger, connection: Connection, one: Moved, who: Who) -> Release:
    was, phase = one.before.status.phase, one.after.status.phase
    assert phases.allows(was, phase, who), f"a release does not go from {was} to {phase} at the word of a {who}"
    release = msgspec.structs.replace(one.after, revision=one.before.revision + 1)
    if not ledger.releases.put(connection, release):
        raise Lost
    if one.anew or release.is_over:
        ledger.trials.drop_state(connection, release.id)
    return release


def _put_lock(ledger: Ledger, connection: Connection, lock: tuple[Lock, Lock] | None, actor: str, now: float) -> int | None:
    if lock is None or locked.same(*lock):
        return None
    after = msgspec.structs.replace(lock[1], revision=lock[0].revision + 1)
    if not ledger.lock.put(connection, after, actor, now):
        raise Lost
    return after.revision


def _kind(one: Moved) -> str:
    return TRIAL if {one.before.status.phase, one.after.status.phase} & ON_TRAFFIC else RELEASE


def _payload(one: Moved, release: Release, step: Step, lock: int | None) -> dict[str, object]:
    return {
        "release": release.id, "n": step.n, "model": release.model, "route": release.route, "was": one.before.status.phase,
        "phase": step.phase, "share": step.share, "note": step.note, "evidence": step.evidence, "lock": lock,
    }  # fmt: skip
