"""Runs a drill from its first request to its report: in a world of its own, or on the traffic of a Turnout that is serving."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from turnout.build.drill_lease import NoDrill, in_force, must_be_alone
from turnout.build.drill_traffic import ClientCounts, Drive, mix
from turnout.build.drill_world import checked, fleet, rehearsed
from turnout.build.ledger import open_ledger
from turnout.build.served import free_ports, served
from turnout.build.spec import Places
from turnout.catalog.load import load_catalog
from turnout.clock import Clock, SystemClock
from turnout.config.settings import Settings
from turnout.decide.compiled import View
from turnout.drill.inject import Target, targets
from turnout.drill.measure import measure
from turnout.drill.page import page
from turnout.drill.report import Report, drill_id, keep, report
from turnout.drill.words import said_target
from turnout.providers.transport import HttpTransport
from turnout.sim.policy import Ports
from turnout.sim.server import running_sim
from turnout.store.ledger import Ledger, in_words
from turnout.types.drill import Drill, aims_at
from turnout.types.record import Record
from turnout.view import ViewStore

LOOK_EVERY = 0.25
JOURNALLED_WITHIN = 2.0
"""Seconds in which what the workers wrote last is in the ledger."""
SETTLES_WITHIN = 10.0
SPARE = 60.0
"""Seconds after its end from which its file is void whatever renews it."""
SEED = 7
BEFORE, DURING = 0.25, 0.5
"""Parts of a drill's time: the failure is in force in the middle half, and what surrounds it is what it is compared with."""


class Wish(msgspec.Struct, frozen=True):
    """What is asked for: ``drill`` without its times and id, for ``seconds`` in all, at ``rate`` requests a second if simulated."""

    drill: Drill
    seconds: float
    rate: float = 20.0
    seed: int = SEED


class Progress(msgspec.Struct, frozen=True):
    """As of ``elapsed`` seconds. ``by_model`` counts answers so far, ``recent`` the latest ones as model and seconds."""

    drill: Drill
    elapsed: float
    seconds: float
    sent: int
    answered: int
    lost: int
    by_model: Mapping[str, int]
    recent: tuple[tuple[str, float], ...]
    now: float


Show = Callable[[Progress], None]


async def simulated(wish: Wish, config: Path, data_dir: Path, show: Show, stop: asyncio.Event) -> tuple[Report, Path]:
    """Rehearse ``config`` on simulated models. The report is kept under ``data_dir``, nothing else is.

    Raises:
        Stopped: by ``stop`` or by ``turnout drill stop``.
        NoDrill: it aims at nothing, or another one runs.
        ConfigProblems, OSError: the policy, or the rehearsal's processes, cannot be had.
    """
    clock, today = SystemClock(), datetime.now(UTC).date()
    found = checked(config, os.environ, load_catalog(), today)
    known = targets(found.policy, found.models)
    _must_aim(wish.drill, known)
    must_be_alone(data_dir, clock.now())
    with tempfile.TemporaryDirectory(prefix="turnout-drill-") as folder:
        own = Path(folder)
        async with running_sim(fleet(found.policy, found.models, seed=wish.seed)) as sim:
            api, control = free_ports(2)
            file = own / "turnout.json"
            file.write_bytes(rehearsed(config, found.policy, Ports(api, control, sim.port), own / "data"))
            async with served(file, api, control), _way_in(clock) as way:
                drive = Drive(way, api, clock)
                drill = _timed(wish, data_dir, clock.now())
                asks = mix(found.policy, max(int(wish.rate * wish.seconds * BEFORE), 1), wish.seed)
                # Its gateway serves nothing but rehearsal traffic, so to it the drill is on live traffic, and on all of it.
                homes = {data_dir: drill, own / "data": msgspec.structs.replace(drill, on="live", share=1.0)}
                async with in_force(homes, clock, stop) as lease:
                    driving = drive.run(asks, rate=wish.rate, seconds=wish.seconds)
                    await lease.during(
                        _shown(driving, lambda: show(_seen_by_client(drill, drive.counts, wish.seconds, clock.now())))
                    )
                records = await _settled(own / "data", drive.counts.sent)
                view = _view(own / "data")
        return _written(drill, records, (), view, str(config), data_dir)


async def on_real(wish: Wish, settings: Settings, config: str, show: Show, stop: asyncio.Event) -> tuple[Report, Path]:
    """Drill the Turnout that serves ``settings``' data directory, on a share or a copy of its traffic. Raises as :func:`simulated`."""
    clock, data_dir = SystemClock(), settings.data_dir
    view = _view(data_dir)
    _must_aim(wish.drill, targets(view.policy, view.facts.values()))
    ledger = open_ledger(data_dir, settings.store.url)
    try:
        begun = clock.now()
        drill = _timed(wish, data_dir, begun)
        async with in_force({data_dir: drill}, clock, stop) as lease:
            await lease.during(_watched(ledger, drill, begun, wish.seconds, clock, show))
        await asyncio.sleep(JOURNALLED_WITHIN)
        mine = ledger.between(begun, clock.now() + 1, drill=drill.id)
        beside = _beside(mine, ledger.between(drill.since, drill.ends))
    except SQLAlchemyError as error:
        raise OSError(f"the ledger cannot be read: {in_words(error)}") from error
    finally:
        ledger.close()
    return _written(drill, mine, beside, view, config, data_dir)


def _beside(mine: Sequence[Record], at_the_time: Sequence[Record]) -> list[Record]:
    """What the drill is compared with: of a mirror the very requests that were copied, else all that were no part of it."""
    copied = {record.copy_of for record in mine if record.copy_of is not None}
    asked = [record for record in at_the_time if record.drill is None and record.copy_of is None]
    return [record for record in asked if record.id in copied] if copied else asked


async def _watched(ledger: Ledger, drill: Drill, begun: float, seconds: float, clock: Clock, show: Show) -> None:
    """Show what is in the ledger, in a thread: much traffic takes a while to read, and the lease must be renewed meanwhile."""
    while (now := clock.now()) < begun + seconds:
        with contextlib.suppress(SQLAlchemyError):  # there is nothing to be seen; the report will say if that stays so
            show(_seen_in_ledger(drill, await asyncio.to_thread(ledger.between, begun, now + 1, drill=drill.id), seconds, now))
        await asyncio.sleep(LOOK_EVERY)


async def _shown(work: Coroutine[None, None, None], look: Callable[[], None]) -> None:
    """Do it, and look now and then."""
    working = asyncio.ensure_future(work)
    try:
        while not working.done():
            await asyncio.wait((working,), timeout=LOOK_EVERY)
            look()
        working.result()
    finally:
        working.cancel()


@asynccontextmanager
async def _way_in(clock: Clock) -> AsyncIterator[HttpTransport]:
    way = HttpTransport(clock=clock)
    try:
        yield way
    finally:
        await way.close()


def _timed(wish: Wish, data_dir: Path, now: float) -> Drill:
    """With its id and times, from now on."""
    since = now + BEFORE * wish.seconds
    ends = since + DURING * wish.seconds
    name = drill_id(data_dir, wish.drill.kind, said_target(wish.drill).replace("region ", ""), now)
    return msgspec.structs.replace(wish.drill, id=name, since=since, ends=ends, until=now + wish.seconds + SPARE)


def _must_aim(drill: Drill, known: Mapping[str, Target]) -> None:
    if any(aims_at(drill, target.provider, target.region, model) for model, target in known.items()):
        return
    have = sorted(
        {target.region or "no region" for target in known.values()}
        if drill.region
        else {each.provider for each in known.values()}
    )
    raise NoDrill(f"no model of this policy is part of {said_target(drill)}; there is {', '.join(have)}")


def _view(data_dir: Path) -> View:
    store = ViewStore(data_dir / Places.views)
    current = store.current()
    if current is None:
        raise NoDrill(f"no Turnout serves {data_dir}: start `turnout serve`, or drill on simulated traffic")
    return store.load(current)


async def _settled(data_dir: Path, expected: int) -> tuple[Record, ...]:
    """The ledger once it has the end of every request, or after a while."""
    ledger = Ledger(data_dir / Places.ledger)
    try:
        deadline = asyncio.get_running_loop().time() + SETTLES_WITHIN
        while len(records := ledger.between(0, 1e12)) < expected and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - another process fills it
            await asyncio.sleep(0.1)
        return records
    finally:
        ledger.close()


def _written(
    drill: Drill, records: Sequence[Record], beside: Sequence[Record], view: View, config: str, data_dir: Path
) -> tuple[Report, Path]:  # fmt: skip
    known = targets(view.policy, view.facts.values())

    def aim(model: str) -> bool:
        target = known.get(model)
        return target is not None and aims_at(drill, target.provider, target.region, model)

    def quality(model: str, task: str | None) -> float | None:
        slot = view.slots.get(model)
        return slot.quality.get(task, slot.general) if slot is not None else None

    written = report(measure(records, drill, aim, quality, beside=beside), view.policy, config)
    return written, keep(data_dir, written, page(written))


def _seen_by_client(drill: Drill, counts: ClientCounts, seconds: float, now: float) -> Progress:
    return Progress(
        drill,
        _elapsed(drill, seconds, now),
        seconds,
        counts.sent,
        counts.answered,
        counts.failed,
        dict(counts.by_model),
        tuple(counts.recent),
        now,
    )


def _seen_in_ledger(drill: Drill, records: Sequence[Record], seconds: float, now: float) -> Progress:
    answered = [record for record in records if record.outcome == "ok" and record.model]
    by_model: dict[str, int] = {}
    for record in answered:
        by_model[record.model or ""] = by_model.get(record.model or "", 0) + 1
    lost = sum(record.outcome in ("failed", "cut") for record in records)
    recent = tuple((record.model or "", record.duration_ms / 1000) for record in answered[-200:])
    return Progress(drill, _elapsed(drill, seconds, now), seconds, len(records), len(answered), lost, by_model, recent, now)


def _elapsed(drill: Drill, seconds: float, now: float) -> float:
    """Seconds since its first request."""
    return now - (drill.since - BEFORE * seconds)
