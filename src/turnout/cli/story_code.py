"""Story 2: a cheap model that is not good enough alone is proposed as a checked first try, and adopted as one when somebody has approved."""

from collections.abc import Sequence
from math import hypot, sqrt
from statistics import fmean, stdev

from turnout.cli.story_seen import Row, Window, in_order, is_proven, locked
from turnout.cli.story_support import AFTER, BEFORE, same, window
from turnout.cli.story_world import World
from turnout.release.pairs import paired
from turnout.sim.stories.story import PERSON
from turnout.suites.summary import figures
from turnout.types.checks import name_of
from turnout.types.release import Release
from turnout.types.suite import Result

CHECK = "python_compiles"
NEAR = 0.03
"""How far what is measured of a share may lie from the story's."""
ERRORS = 3.0
"""Standard errors by which the saving seen may lie from the one proposed: the suite and the traffic are samples, both."""


async def play(world: World) -> list[Row]:
    await world.known()
    world.say(f"traffic at {world.story.rate:g} requests a second; {BEFORE:g} s to compare with")
    before = await window(world, BEFORE)
    world.release()
    await world.reach("benchmarked", 60)
    proposed = await world.reach("proposed", 20)
    waited = await world.until("its wait for approval", 20, lambda: waits(world))
    await world.approve(proposed, "second calls are cheaper than the first")
    await world.reach("trial", 20)
    await world.reach("bake", 90)
    release = await world.reach("adopted", 20)
    world.say(f"{AFTER:g} s more to compare")
    after = await window(world, AFTER)
    await world.leave()
    results = _results(world, proposed)
    return [*_way(world, proposed, release, waited, results), *_after(release, before, after, results), *await same(world)]


def _results(world: World, proposed: Release) -> list[Result]:
    runs = proposed.proposal.runs if proposed.proposal is not None else ()
    return [result for run in runs for result in world.ledger.bench.results(run)]


def waits(world: World) -> str | None:
    release = world.released()
    waiting = release.status.waiting if release is not None else None
    return waiting if waiting is not None and "approval" in waiting else None


def _way(world: World, proposed: Release, release: Release, waited: str, results: Sequence[Result]) -> list[Row]:
    proposal, steps = proposed.proposal, world.steps()
    fresh, old = figures(results, release.model), figures(results, release.incumbent or "")
    compiles, before = fresh.solved / fresh.n, old.solved / old.n
    role = "nothing" if proposal is None else proposal.role
    checks = () if proposal is None else tuple(map(name_of, proposal.checks))
    approvals = [f"{one.actor}" for one in release.status.approvals if one.approved]
    return [
        Row("the price", "90 % lower", f"{_cheaper(world):.0%}", abs(_cheaper(world) - 0.9) < 1e-9),
        Row("its code compiles", "82 % of the time against 96 %", f"{compiles:.1%} against {before:.1%} of {fresh.n} cases",
            abs(compiles - 0.82) <= NEAR and abs(before - 0.96) <= NEAR),
        Row("proposed as", "a cascade's first step, not as primary", role, role == "cascade"),
        Row("with a check", CHECK, " ".join(checks), checks == (CHECK,)),
        Row("nobody approved it yet", "it waits", waited, in_order(steps).index("proposed") < in_order(steps).index("trial")),
        Row("approved", f"by {PERSON}", " ".join(approvals), approvals == [PERSON]),
        Row("live non-inferiority", "shown", "shown" if is_proven(steps) else "not shown", is_proven(steps)),
        locked(world, "adopted as a cascade's step", lambda said: said == {"cascade": (release.model, None)}),
    ]  # fmt: skip


def _cheaper(world: World) -> float:
    old = world.story.fleet.models()["sim-openai/large"]
    return 1 - world.story.candidate.output_usd / old.output_usd


def _after(release: Release, before: Window, after: Window, results: Sequence[Result]) -> list[Row]:
    margin = release.spec.margins.quality if release.spec is not None else 0.0
    first = sum(line.reason == "cascade" and line.model == release.model for line in after.lines) / len(after.lines)
    expected = release.proposal.saving if release.proposal is not None else None
    saved = 1 - after.cost / before.cost
    near = ERRORS * hypot(_error_proposed(release, results), _error_seen(before, after))
    return [
        Row("its answers that pass the check are served", "about 82 %", f"{first:.1%}", abs(first - 0.82) <= NEAR),
        Row("the rest is served by", "the primary", " ".join(sorted(after.models - {release.model})), len(after.models) == 2 and release.incumbent in after.models),
        Row("a request's cost falls, second calls included", f"by {expected or 0.0:.1%} as proposed, give or take {100 * near:.1f} points",
            f"{saved:.1%}", expected is not None and saved > 0 and abs(saved - expected) <= near),
        Row("served code compiles", f"{before.good:.1%} less {100 * margin:g} points, or more", f"{after.good:.1%}", after.good >= before.good - margin),
    ]  # fmt: skip


def _error_proposed(release: Release, results: Sequence[Result]) -> float:
    """The standard error of the saving that the suite foretells: of a ratio of sums, by the delta method (Cochran, Sampling Techniques, 6.4)."""
    found = paired(results, release.model, lambda *_: release.incumbent)
    before = [pair.control.cost or 0.0 for pair in found]
    after = [(pair.candidate.cost or 0.0) + (1 - pair.candidate.good) * (pair.control.cost or 0.0) for pair in found]
    rest = [new - old * sum(after) / sum(before) for old, new in zip(before, after, strict=True)]
    return stdev(rest) * sqrt(len(rest)) / sum(before)


def _error_seen(before: Window, after: Window) -> float:
    """The same of what traffic shows: a ratio of the means of two stretches that share no request."""
    return after.cost / before.cost * hypot(_relative_error(before), _relative_error(after))


def _relative_error(window: Window) -> float:
    costs = [float(line.cost or 0) for line in window.lines]
    return stdev(costs) / fmean(costs) / sqrt(len(costs))
