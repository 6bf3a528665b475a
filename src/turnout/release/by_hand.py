"""What becomes of releases when people change what they stand on: a route in their file, or the lock file itself. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from turnout.audit.kinds import LOCK
from turnout.release import locked, stages
from turnout.release.changes import Change, Moved
from turnout.release.locked import Digests
from turnout.release.next_step import ended
from turnout.types.lock import Adopted, Lock, Running
from turnout.types.release import ON_TRAFFIC, Phase, Release, Spec


class Refused(ValueError):
    """The lock file says something that cannot be; what and where, and what to do."""


def edited(
    lock: Lock, find: Callable[[str], Release | None], digests: Mapping[str, Digests], actor: str, now: float
) -> Change:  # fmt: skip
    """People wrote routes anew. ``digests`` are of all routes as they stand in the file now; ``find`` looks a release up."""
    after = lock
    for route in lock.routes:
        after = locked.edited(after, route, digests.get(route))
    written = frozenset[str]().union(*(each.written for each in digests.values()))
    gone = sorted(_held(lock) - _held(after) - written)
    moved = [
        Moved(
            release,
            ended(release, "aborted", f"{actor} edited the route {release.route}", now).after,
            f"the route was edited by {actor}",
        )
        for release in map(find, gone)
        if release is not None and (release.status.phase in ON_TRAFFIC or release.status.phase == "adopted")
    ]
    entry: tuple[str, dict[str, object]] | None = (LOCK, {"what": "edited", "dropped": gone}) if gone else None
    return Change(moved, (lock, after), entry)


def taken_over(
    lock: Lock, wanted: Lock, find: Callable[[str], Release | None], back: Callable[[Release, str], Moved], actor: str, now: float
) -> Change:  # fmt: skip
    """People changed the lock file: what it says is the lock; ``back`` takes back what was adopted, and says for how long. Raises Refused."""
    if wanted.revision != lock.revision:
        raise Refused(
            f"turnout.lock.yaml was written at revision {wanted.revision} and the lock is at {lock.revision} by now: look at what changed "
            f"(turnout release list), and set `revision: {lock.revision}` in it if it is to hold all the same"
        )
    moved: list[Moved] = []
    for route, entry in wanted.routes.items():
        was = lock.routes.get(route)
        if entry.mirror != (None if was is None else was.mirror) and entry.mirror is not None:
            raise Refused(f"routes.{route}.mirror: a mirror can be taken out of turnout.lock.yaml, not put in or changed")
        if entry.trial is not None:
            moved += _reshared(route, None if was is None else was.trial, entry.trial, find, actor, now)
        moved += _put_back(route, () if was is None else was.adopted, entry.adopted, find, actor, now)
    moved += _let_go(lock, wanted, find, back, actor, now)
    return Change(moved, (lock, wanted), (LOCK, {"what": "file", "dropped": sorted(_held(lock) - _held(wanted))}))


def _reshared(
    route: str, was: Running | None, trial: Running, find: Callable[[str], Release | None], actor: str, now: float
) -> Iterator[Moved]:
    """Of a trial the share alone is people's to change."""
    if was is None or msgspec.structs.replace(trial, share=was.share) != was:
        raise Refused(f"routes.{route}.trial: a trial can be taken out of turnout.lock.yaml, and its share changed; nothing else")
    release = find(trial.release)
    if trial.share == was.share or release is None:
        return
    spec, share = release.spec or Spec(), round(100 * trial.share, 9)
    most = stages.whole(spec) if release.status.proven else max(spec.ceiling, release.status.share)
    if not 0 <= share <= most:
        raise Refused(
            f"routes.{route}.trial.share: {trial.share:g} is not between 0 and {most / 100:g}, the most it may have by now"
        )
    # A bake is of nearly all requests: with fewer it is a trial, and goes through the stages that are left.
    phase: Phase = "trial" if share < most else release.status.phase
    status = msgspec.structs.replace(
        release.status, phase=phase, share=share, stage=stages.at(spec, share), since=now, waiting=None
    )
    yield Moved(release, msgspec.structs.replace(release, status=status), f"{actor} set the share to {share:g} %")


def _put_back(
    route: str, was: Sequence[Adopted], adopted: Sequence[Adopted], find: Callable[[str], Release | None], actor: str, now: float
) -> Iterator[Moved]:
    """What had been taken out may come back, and so may what another Turnout adopted; the rest takes a trial."""
    known = {one.release for one in was}
    for release in (find(one.release) for one in adopted if one.release not in known):
        if release is None or release.status.phase == "adopted":
            continue
        if release.status.phase not in ("rolled_back", "aborted"):
            raise Refused(f"routes.{route}.adopted: release {release.id} is {release.status.phase}: it cannot be adopted by hand")
        back = ended(release, "adopted", f"put back into the lock by {actor}", now)
        status = msgspec.structs.replace(back.after.status, until=None)
        yield Moved(release, msgspec.structs.replace(back.after, status=status), back.note)


def _let_go(
    lock: Lock, wanted: Lock, find: Callable[[str], Release | None], back: Callable[[Release, str], Moved], actor: str, now: float
) -> Iterator[Moved]:  # fmt: skip
    """Those that were on traffic, or adopted, and are no more."""
    note = f"taken out of turnout.lock.yaml by {actor}"
    for release in map(find, sorted(_held(lock) - _held(wanted))):
        if release is not None and release.status.phase in ON_TRAFFIC:
            yield Moved(release, ended(release, "aborted", note, now).after, note)
        elif release is not None and release.status.phase == "adopted":
            yield back(release, note)


def _held(lock: Lock) -> set[str]:
    """The releases it speaks of."""
    return set(_all(lock))


def _all(lock: Lock) -> Iterable[str]:
    for entry in lock.routes.values():
        yield from (one.release for one in entry.adopted)
        yield from (one.release for one in (entry.trial, entry.mirror) if one is not None)
