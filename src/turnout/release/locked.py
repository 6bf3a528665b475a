"""What the lock says of a release: nothing, a mirror, a trial, or that it is adopted (types.lock). Pure."""

from typing import Literal

import msgspec

from turnout.config import amend
from turnout.types.lock import Adopted, Lock, Mirroring, RouteLock, Running
from turnout.types.policy import Route
from turnout.types.release import Release, Spec
from turnout.types.release_rules import ReleaseRules

Slot = Literal["mirror", "trial"]


class Digests(msgspec.Struct, frozen=True):
    """Of a route as people wrote it, and of what it chooses from; ``written`` are the releases that it names itself."""

    over: str
    chooses: str
    written: frozenset[str] = frozenset()


def digests(route: Route) -> Digests:
    return Digests(amend.over(route), amend.chooses(route), amend.written_by_hand(route))


def is_unlisted(model: str, route: Route) -> bool:
    """Whether people must put it on the route's approved list first."""
    return route.approved and model not in route.models and model not in route.admitted


class Placing(msgspec.Struct, frozen=True):
    """What a release is put into the lock with: the route as people wrote it, on whose word, when, and the salt of a trial that begins."""

    route: Route
    by: str
    now: float
    salt: str


def placed(lock: Lock, release: Release, how: Placing) -> Lock:
    """The lock with this release where its status says."""
    route_now = digests(how.route)
    before = lock.routes.get(release.route) or RouteLock(route_now.over, route_now.chooses)
    proposal, spec, phase = release.proposal, release.spec or Spec(), release.status.phase
    kept = _without(before, release.id, adopted=phase != "adopted")
    if proposal is None or phase not in ("mirror", "trial", "bake", "adopted"):
        return _with(lock, release.route, kept)
    approved = is_unlisted(release.model, how.route)
    if phase == "adopted":
        if not any(one.release == release.id for one in kept.adopted):
            word = next((one.actor for one in reversed(release.status.approvals) if one.approved), how.by)
            one = Adopted(release.id, proposal.role, release.model, how.now, word, proposal.when, proposal.checks, approved)
            kept = msgspec.structs.replace(kept, adopted=(*kept.adopted, one), chooses=_chooses(kept, route_now))
        return _with(lock, release.route, kept)
    # A route that is edited while something is on its traffic is to be noticed, not signed for.
    over = route_now.over if before.trial is None and before.mirror is None else before.over
    kept = msgspec.structs.replace(kept, over=over, chooses=_chooses(kept, route_now))
    if phase == "mirror":
        mirror = Mirroring(release.id, release.model, spec.mirror_sample, spec.mirror_budget, proposal.when, approved)
        return _with(lock, release.route, msgspec.structs.replace(kept, mirror=mirror))
    salt = before.trial.salt if before.trial is not None and before.trial.release == release.id else how.salt
    share = release.status.share / 100.0
    trial = Running(release.id, proposal.role, release.model, share, salt, proposal.when, proposal.checks, approved)
    return _with(lock, release.route, msgspec.structs.replace(kept, trial=trial))


def taken_out(lock: Lock, release: Release) -> Lock:
    """Without anything of this release."""
    entry = lock.routes.get(release.route)
    return lock if entry is None else _with(lock, release.route, _without(entry, release.id, adopted=True))


def salted(lock: Lock, route: str, salt: str) -> Lock:
    """With other arms: the route's trial begins anew."""
    entry = lock.routes[route]
    trial = None if entry.trial is None else msgspec.structs.replace(entry.trial, salt=salt)
    return _with(lock, route, msgspec.structs.replace(entry, trial=trial))


def edited(lock: Lock, route: str, now_written: Digests | None) -> Lock:
    """After people wrote the route anew (None: took it away): its trial is over; if it chooses from others, so is what was adopted.

    What their file says itself by now the lock need not say any more.
    """
    entry = lock.routes[route]
    if now_written is None or entry.chooses != now_written.chooses:
        return _with(lock, route, RouteLock("", ""))
    kept = tuple(one for one in entry.adopted if one.release not in now_written.written)
    if entry.over == now_written.over or (entry.trial is None and entry.mirror is None):
        return lock if kept == entry.adopted else _with(lock, route, msgspec.structs.replace(entry, adopted=kept))
    return _with(lock, route, RouteLock(now_written.over, now_written.chooses, kept))


def taken(lock: Lock, release: Release, slot: Slot, *, overlap: bool) -> str | None:
    """The other release that is on the route's traffic. With ``overlap`` one may be mirrored while another is on trial."""
    entry = lock.routes.get(release.route)
    if entry is None:
        return None
    slots = {"mirror": entry.mirror, "trial": entry.trial}
    wanted = (slots[slot],) if overlap else tuple(slots.values())
    return next((one.release for one in wanted if one is not None and one.release != release.id), None)


def in_front(lock: Lock, release: Release) -> bool:
    """Whether another release has put the same model before all others there."""
    entry = lock.routes.get(release.route)
    adopted = () if entry is None else entry.adopted
    return any(one.model == release.model and one.role == "primary" and one.release != release.id for one in adopted)


def slot_of(release: Release, rules: ReleaseRules) -> Slot:
    """Which of the route's places it needs next, before it is in it."""
    mirrored = release.status.phase == "proposed" and (release.spec or rules.spec).mirror_sample > 0
    return "mirror" if mirrored else "trial"


def same(one: Lock, other: Lock) -> bool:
    """But for the number."""
    return one.routes == other.routes and one.frozen == other.frozen


def _without(entry: RouteLock, release_id: str, *, adopted: bool) -> RouteLock:
    kept = tuple(one for one in entry.adopted if not (adopted and one.release == release_id))
    trial = None if entry.trial is not None and entry.trial.release == release_id else entry.trial
    mirror = None if entry.mirror is not None and entry.mirror.release == release_id else entry.mirror
    return msgspec.structs.replace(entry, adopted=kept, trial=trial, mirror=mirror)


def _chooses(entry: RouteLock, route_now: Digests) -> str:
    """What was adopted stands on what the route chose from then."""
    return entry.chooses if entry.adopted else route_now.chooses


def _with(lock: Lock, route: str, entry: RouteLock) -> Lock:
    """The number is the caller's to raise. A route without anything is left out."""
    others = {name: other for name, other in lock.routes.items() if name != route}
    is_empty = not entry.adopted and entry.trial is None and entry.mirror is None
    return msgspec.structs.replace(lock, routes=others if is_empty else {**others, route: entry})
