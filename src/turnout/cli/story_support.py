"""Story 1: a cheaper model, as good at simple requests, is adopted for them by itself."""

from turnout.cli.story_seen import (
    Row,
    Window,
    audited,
    billed,
    gate,
    in_order,
    is_proven,
    locked,
    recorded,
    shares,
)  # fmt: skip
from turnout.cli.story_world import World
from turnout.store.queries import Filters
from turnout.types.release import Release

BEFORE, AFTER = 10.0, 12.0
"""Seconds of traffic that are compared."""
SIMPLE = {"complexity": "simple"}
WAY = ["detected", "screened", "benchmarked", "proposed", "trial", "bake", "adopted"]


async def play(world: World) -> list[Row]:
    await world.known()
    world.say(f"traffic at {world.story.rate:g} requests a second; {BEFORE:g} s to compare with")
    before = await window(world, BEFORE)
    world.release()
    await world.reach("benchmarked", 60)
    await world.reach("trial", 20)
    await world.reach("bake", 90)
    release = await world.reach("adopted", 20)
    world.say(f"{AFTER:g} s more to compare")
    after = await window(world, AFTER)
    await world.leave()
    return [*_before(before), *_way(world, release), *_after(release, before, after), *await same(world)]


async def window(world: World, seconds: float) -> Window:
    since, until = await world.seconds(seconds)
    return Window(await world.lines(Filters(since=since, until=until)))


async def same(world: World) -> list[Row]:
    """What every story ends with."""
    lines = await world.lines(Filters())
    return [audited(world.ledger, world.steps()), recorded(world.users, lines), await billed(world)]


def _before(before: Window) -> list[Row]:
    served = {band: before.of(band).models for band in ("simple", "moderate", "high")}
    ways = ", ".join(f"{band} -> {' '.join(sorted(models))}" for band, models in served.items())
    three = all(len(models) == 1 for models in served.values()) and len(before.models) == 3
    return [
        Row("simple, moderate, else", "small, medium, large", ways, three),
        Row("satisfied", ">= 90 %", f"{before.good:.1%}", before.good >= 0.9),
        Row("a request costs", "< $0.01", f"${before.cost:.6f}", before.cost < 0.01),
    ]


def _way(world: World, release: Release) -> list[Row]:
    steps = world.steps()
    events = [event for event in world.ledger.catalog_events.since(0.0, model=world.story.model) if event.kind == "model_added"]
    proposal, rank = release.proposal, release.proposal.score if release.proposal is not None else None
    price = gate(release, "price")
    tried = shares(steps)
    when = None if proposal is None else proposal.when
    run = world.ledger.bench.get(proposal.runs[0]) if proposal is not None and proposal.runs else None
    benched = "no" if run is None else f"{run.done} answers, {run.state}"
    score = "none" if rank is None else f"{rank.value:.3f}, at least {rank.low:.3f}"
    return [
        Row("its release is noticed", "model_added", f"{len(events)} event", len(events) == 1 and release.event == events[0].id),
        Row("its price is confirmed", "by two sources", price, "models.dev" in price and "litellm" in price),
        Row("benchmarked on the suite", "all cases", benched, run is not None and run.state == "done" and run.done == run.total),
        Row("score", "0.12 (0.10 to 0.16)", score, rank is not None and 0.10 <= rank.value <= 0.16),
        Row("trial of the simple segment", "at 5 to 10 %", f"{when} at {', '.join(f'{one:g}' for one in tried)} %",
            when == SIMPLE and bool(tried) and min(tried) >= 5 and max(tried) <= 10),
        Row("live non-inferiority", "before any larger share", "shown" if is_proven(steps) else "not shown", is_proven(steps)),
        Row("the way", " ".join(WAY), " ".join(in_order(steps)), in_order(steps) == WAY),
        locked(world, "adopted for the simple segment", lambda said: said == {"segment": (world.story.model, SIMPLE)}),
    ]  # fmt: skip


def _after(release: Release, before: Window, after: Window) -> list[Row]:
    old, new = before.of("simple"), after.of("simple")
    saved = 1 - new.cost / old.cost
    expected = release.proposal.saving if release.proposal is not None else None
    predicted, total = before.cost * (1 - (expected or 0.0)), after.cost
    margin = release.spec.margins.quality if release.spec is not None else 0.0
    return [
        Row("simple requests are served by", release.model, " ".join(sorted(new.models)), new.models == {release.model}),
        Row("the segment's cost falls", ">= 35 %", f"{saved:.1%}", saved >= 0.35),
        Row("a request of the total costs", f"${predicted:.6f} by the ledger's mix, within 3 %", f"${total:.6f} ({total / predicted - 1:+.1%})",
            expected is not None and abs(total / predicted - 1) <= 0.03),
        Row("the segment's satisfaction", f"{old.good:.1%} less {100 * margin:g} points, or more", f"{new.good:.1%}", new.good >= old.good - margin),
        Row("satisfied after", ">= 90 %", f"{after.good:.1%}", after.good >= 0.9),
    ]  # fmt: skip
