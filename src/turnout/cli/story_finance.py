"""Story 3: a cheaper model that is good enough for the easier part of an audited route is proposed for that part; the rest stays."""

from collections import Counter
from collections.abc import Sequence

from turnout.cli.story_code import waits
from turnout.cli.story_seen import Row, Window, gate, is_proven, locked
from turnout.cli.story_support import AFTER, BEFORE, same, window
from turnout.cli.story_world import World
from turnout.sim.stories.story import PERSON
from turnout.suites.summary import figures
from turnout.types.release import Release
from turnout.types.suite import Result

EASIER = {"complexity": ["simple", "moderate"]}
NEAR = 0.003
"""How far what is measured of a share may lie from the story's."""


async def play(world: World) -> list[Row]:
    await world.known()
    world.say(f"traffic at {world.story.rate:g} requests a second; {BEFORE:g} s to compare with")
    before = await window(world, BEFORE)
    world.release()
    await world.reach("benchmarked", 90)
    proposed = await world.reach("proposed", 20)
    await world.until("its wait for approval", 20, lambda: waits(world))
    await world.approve(proposed, "the straightforward part, as measured")
    await world.reach("trial", 20)
    await world.reach("bake", 90)
    release = await world.reach("adopted", 20)
    world.say(f"{AFTER:g} s more to compare")
    after = await window(world, AFTER)
    await world.leave()
    return [*_way(world, before, release), *_after(release, before, after), _told(world), *await same(world)]


def _way(world: World, before: Window, release: Release) -> list[Row]:
    proposal = release.proposal
    results = [result for run in (proposal.runs if proposal is not None else ()) for result in world.ledger.bench.results(run)]
    old, new = _share(world, results, release.incumbent or ""), _share(world, results, release.model)
    part = None if proposal is None else proposal.when
    approvals = [one.actor for one in release.status.approvals if one.approved]
    margin = release.spec.margins.quality if release.spec is not None else 0.0
    proven = is_proven(world.steps())
    return [
        Row("before", "always one model, satisfied 99.2 %", f"{' '.join(sorted(before.models))}, {before.good:.1%}",
            before.models == {release.incumbent} and abs(before.good - 0.992) <= 2 * NEAR),
        Row("benchmarked, by the traffic's mix", "98.8 % against 99.2 %", f"{new:.2%} against {old:.2%}",
            abs(new - 0.988) <= NEAR and abs(old - 0.992) <= NEAR and new < old),
        Row("the margin", "1 point", f"{100 * margin:g} point; {gate(release, 'quality')}", margin == 0.01),
        Row("proposed", f"a split by complexity: segment {EASIER}", f"{'nothing' if proposal is None else proposal.role} {part}",
            proposal is not None and proposal.role == "segment" and part == EASIER),
        Row("approved", f"by {PERSON}", " ".join(approvals), approvals == [PERSON]),
        Row("live non-inferiority", "shown", "shown" if proven else "not shown", proven),
        locked(world, "adopted for the easier part", lambda said: said == {"segment": (release.model, EASIER)}),
    ]  # fmt: skip


def _share(world: World, results: Sequence[Result], model: str) -> float:
    """Solved, weighed by what the traffic consists of."""
    found = {band: figures(results, model, (world.story.task, band)) for band in world.story.mix}
    return sum(share * found[band].solved / found[band].n for band, share in world.story.mix.items())


def _after(release: Release, before: Window, after: Window) -> list[Row]:
    easier, rest = after.of("simple", "moderate"), after.of("high")
    old, new = before.of("simple", "moderate"), easier
    saved, share = 1 - after.cost / before.cost, release.proposal.saving if release.proposal is not None else None
    return [
        Row("straightforward requests are served by", release.model, " ".join(sorted(easier.models)), easier.models == {release.model}),
        Row("complex requests stay at", str(release.incumbent), " ".join(sorted(rest.models)), rest.models == {release.incumbent}),
        Row("a request's cost falls", f"by {share or 0.0:.1%} as proposed, within 3 points", f"{saved:.1%}", share is not None and abs(saved - share) <= 0.03),
        Row("the segment's quality", f"{old.good:.1%} less 1 point, or more", f"{new.good:.1%}", new.good >= old.good - 0.01),
    ]  # fmt: skip


def _told(world: World) -> Row:
    """Why each request went where it went, as its caller was told."""
    why = Counter(f"{one.reason} {one.model}" for one in world.users.heard)
    trial = [one for one in world.users.heard if one.reason == "trial"]
    fits = all(one.model == world.story.model and one.band != "high" for one in trial) and "none" not in "".join(why)
    return Row(
        "why each request went there",
        "static, or by the trial",
        "; ".join(f"{n} {how}" for how, n in why.most_common()),
        bool(trial) and fits,
    )
