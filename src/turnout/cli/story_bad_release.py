"""Story 4: the candidate's quality collapses at 10 % of the traffic; it is rolled back by itself."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import msgspec

from turnout.cli.story_seen import Row, in_order, locked
from turnout.cli.story_support import BEFORE, same, window
from turnout.cli.story_world import World
from turnout.evidence.trial import Fold
from turnout.sim.stories.bad_release import COLLAPSED
from turnout.store.exposures import Cut, Unit
from turnout.store.queries import Filters, RequestLine
from turnout.types.evidence import Exposure
from turnout.types.release import Release, Spec

AT = 10.0
"""Percent of the traffic at which it collapses."""
WITHIN = 1.0
"""Seconds from sufficient evidence to the rollback: one tick of the controller."""
TAKES_UP = 1.0
"""Seconds in which every worker has a new view."""
AFTER = 5.0
_MOST = 100_000


class Fall(msgspec.Struct, frozen=True):
    """When it collapsed, when the evidence was enough, when it was taken back (unix seconds), and what it served meanwhile and afterwards."""

    collapsed: float
    enough: float | None
    back: float
    meanwhile: int
    after: int


async def play(world: World) -> list[Row]:
    await world.known()
    world.say(f"traffic at {world.story.rate:g} requests a second; {BEFORE:g} s to compare with")
    before = await window(world, BEFORE)
    world.release()
    await world.reach("benchmarked", 60)
    await world.reach("trial", 20)
    await world.until(f"a share of {AT:g} %", 30, lambda: _at_share(world))
    collapsed = time.time()
    world.release(COLLAPSED)
    release = await world.reach("rolled_back", 60)
    world.say(f"{AFTER:g} s more to see that it gets nothing")
    after = await window(world, AFTER)
    await world.leave()
    fall = await _fall(world, release, collapsed)
    return [*_rows(world, release, fall), Row("satisfied afterwards", f"as before ({before.good:.1%}), within 2 points", f"{after.good:.1%}",
            abs(after.good - before.good) <= 0.02), *await same(world)]  # fmt: skip


def _at_share(world: World) -> bool | None:
    release = world.released()
    return True if release is not None and release.status.share >= AT else None


def _rows(world: World, release: Release, fall: Fall) -> list[Row]:
    steps = world.steps()
    late = None if fall.enough is None else fall.back - fall.enough
    seen = "the evidence was never enough" if late is None else f"{late:.2f} s"
    reached = max((step.share for step in steps), default=0.0)
    by = next((step.actor for step in steps if step.phase == "rolled_back"), "nobody")
    return [
        Row("it collapses", f"at {AT:g} % of the traffic", f"{reached:g} %", reached == AT),
        Row("rolled back", "by itself", f"by {by}: {release.status.reason}", in_order(steps)[-1] == "rolled_back" and by == "turnout"),
        Row("from sufficient evidence to the rollback", f"<= {WITHIN:g} s", seen, late is not None and 0 <= late <= WITHIN),
        Row("its requests from the collapse to the rollback", "some, and counted", f"{fall.meanwhile} in {fall.back - fall.collapsed:.1f} s",
            fall.meanwhile > 0),
        Row("its requests after it", f"0, once workers have the view ({TAKES_UP:g} s)", f"{fall.after}", fall.after == 0),
        locked(world, "nothing adopted", lambda said: not said),
    ]  # fmt: skip


async def _fall(world: World, release: Release, collapsed: float) -> Fall:
    back = next(step.at for step in world.steps() if step.phase == "rolled_back")
    lines = await world.lines(Filters(trial=release.id))
    everything = await world.lines(Filters(since=collapsed))
    served = [line.at for line in everything if line.model == release.model]
    enough = await asyncio.to_thread(_enough, world, release, lines, collapsed, back)
    return Fall(
        collapsed, enough, back, sum(at <= back for at in served), sum(at > back + TAKES_UP for at in served)
    )  # fmt: skip


def _enough(world: World, release: Release, lines: Sequence[RequestLine], since: float, until: float) -> float | None:
    """The first moment at which what was known was enough, by folding the units anew as of each opinion that was on disk."""
    began = next(step.at for step in world.steps() if step.phase == "trial")
    units = world.ledger.trials.units(release.id, began, Cut(began, began), 60.0, _MOST)
    ids = {line.at: line.id for line in lines}
    told = world.users.told
    moments = sorted({at for line in lines if since <= (at := told.get(line.id, 0.0)) <= until})
    return next((at for at in moments if _known(units, ids, told, release.spec or Spec(), at)), None)


def _known(units: Sequence[Unit], ids: Mapping[float, str], told: Mapping[str, float], spec: Spec, at: float) -> bool:
    """Whether the units that had ended by then, with what was said of them by then, show harm."""
    fold = Fold(spec)
    fold.take(_as_of(unit.exposure, told.get(ids.get(unit.exposure.at, "")), at) for unit in units if unit.ended <= at)
    return bool(fold.evidence(at).harmful)


def _as_of(unit: Exposure, told: float | None, at: float) -> Exposure:
    return unit if told is not None and told <= at else msgspec.structs.replace(unit, good=None)
