"""A provider fails at 200 requests a second, in three ways, and comes back: what the users notice. ``python -m bench.outage`` prints it.

``turnout serve`` with two workers, a sim of two providers in a process of its own, and an open-loop client of both dialects, streamed
and whole. A fifth of the requests name a route whose provider is well: what the others waited longer than these at the same time is
the outage's, and not the machine's.
"""

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp
import msgspec
import uvloop

from bench import books, free_port, wait_for
from bench.askers import Askers, Front, Heard, Question
from bench.books import Row, Tried
from bench.fleet import policy, serving_fleet
from bench.gateway import running

RATE = 200.0
"""Requests a second that would like the failing provider; a quarter as many come on top, on the route that is well."""

WELL = "well"
FIRST_TOKEN = 1.0
"""Seconds: the route's limit for the first content of a stream, and for a whole answer too."""

PRIMARY = "north/quick"
TIMEOUTS = {"connect": "1s", "first_token": f"{FIRST_TOKEN}s", "idle": "1s", "total": f"{FIRST_TOKEN}s"}
FAULTS: dict[str, dict[str, Any]] = {
    "503": {"kind": "unavailable"},
    "silence": {"kind": "stall", "after": None},
    "resets": {"kind": "reset", "after": None},
}
SETTLED = 0.2
"""Seconds after a change of faults until which a request belongs to neither side of it."""


class Phase(msgspec.Struct, frozen=True):
    """``fault`` of the primary, by its name here; None: it is well."""

    fault: str | None
    seconds: float


IN_A_ROW = (Phase(None, 5), Phase("503", 6), Phase("silence", 6), Phase("resets", 6), Phase(None, 40))
"""As an outage goes on: only the first fault meets a primary that was well."""

EACH = tuple(phase for fault in FAULTS for phase in (Phase(None, 5), Phase(fault, 12), Phase(None, 40)))
"""Each fault meets a primary that was well, lasts until a probe has met it, and is over."""


class Lived(msgspec.Struct, frozen=True):
    """A phase as it was: from ``begin`` to ``end``, unix seconds. ``struck``: faults of the sim in it, by its own count."""

    phase: Phase
    begin: float
    end: float
    struck: int


class Run(msgspec.Struct, frozen=True):
    """All that was seen. ``stats`` are the sim's own at the end."""

    lived: tuple[Lived, ...]
    heard: tuple[Heard, ...]
    rows: dict[str, Row]
    stats: Any


class Outage(msgspec.Struct, frozen=True):
    """One failing phase. Times in ms, by which users waited longer than the median of those on the other route.

    ``met``: requests per worker that met the failing primary before it was ejected there; ``probes``: those after it.
    ``after_p99`` is the difference of the two routes' 99th percentiles; ``well_p99`` and ``well_longest`` are the other route's own
    above its median: what the machine does to anybody.
    """

    fault: str
    requests: int
    failed: int
    struck: int
    met: dict[str, int]
    probes: dict[str, int]
    longest_met: float
    longest_probe: float
    after: int
    after_p50: float
    after_p99: float
    well_p99: float
    well_longest: float


class Return(msgspec.Struct, frozen=True):
    """A phase of recovery: requests the primary got in each second, as a share, and the most in any tenth of a second."""

    shares: tuple[float, ...]
    most_in_a_tenth: int
    failed: int
    p99: float


def question(n: int) -> Question:
    """No two alike, in turn of every kind."""
    fronts: tuple[Front, ...] = ("openai-chat", "anthropic-messages")
    model = WELL if n % 5 == 4 else "auto"
    return Question(fronts[n % 2], n % 4 >= 2, f"Question {n} on trains: how long does number {n} take?", model)


def live(url: str, sim: str, ledger: Path, phases: Sequence[Phase], *, rate: float = RATE) -> Run:
    """Ask through all phases, and wait until the ledger has every request."""
    lived, heard, stats = uvloop.run(_live(Askers(url, rate * 1.25, question), sim, phases))
    end = time.monotonic() + 10
    while books.count(ledger) < len(heard) and time.monotonic() < end:
        time.sleep(0.1)
    return Run(tuple(lived), tuple(heard), books.rows(ledger), stats)


async def _live(askers: Askers, sim: str, phases: Sequence[Phase]) -> tuple[list[Lived], list[Heard], Any]:
    lived: list[Lived] = []
    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(askers.run())
        struck = 0
        for phase in phases:
            rules = [{"fault": FAULTS[phase.fault], "model": PRIMARY}] if phase.fault else []
            async with session.post(f"{sim}/sim/faults", json=rules) as answer:
                answer.raise_for_status()
            begin = time.time()
            await asyncio.sleep(phase.seconds)
            total = sum((await _stats(session, sim))["faults"].values())
            lived.append(Lived(phase, begin, time.time(), total - struck))
            struck = total
        askers.stop()
        await asking
        return lived, askers.heard, await _stats(session, sim)


async def _stats(session: aiohttp.ClientSession, sim: str) -> Any:
    async with session.get(f"{sim}/sim/stats") as answer:
        return msgspec.json.decode(await answer.read())


class Waits:
    """How much longer than usual a request took, ms: than the median of those of its kind on the other route, in the same phase."""

    def __init__(self, heard: Iterable[Heard]) -> None:
        well = [one for one in heard if one.question.model == WELL]
        kinds = {one.question.kind for one in well}
        self._usual = {kind: median(one.wait for one in well if one.question.kind == kind) for kind in kinds}
        self.p99, self.longest = p99(self.added(well)), max(self.added(well), default=0.0)

    def added(self, heard: Iterable[Heard]) -> list[float]:
        return [(one.wait - self._usual[one.question.kind]) * 1000 for one in heard]

    def added_p99(self, heard: Iterable[Heard]) -> float:
        return p99(self.added(heard)) - self.p99


def outages(run: Run) -> list[Outage]:
    """One for each phase with a fault."""
    return [_outage(run, lived) for lived in run.lived if lived.phase.fault is not None]


def _outage(run: Run, lived: Lived) -> Outage:
    everyone = _within(run.heard, lived)
    waits, heard = Waits(everyone), [one for one in everyone if one.question.model != WELL]
    out = _out_at((run.rows[one.id] for one in heard if one.id in run.rows), lived)
    met: list[Heard] = []
    probes: list[Heard] = []
    after: list[Heard] = []
    for one in heard:
        row = run.rows.get(one.id)
        if row is None:
            continue  # that it is missing is told as a disagreement
        has_met = any(tried.model == PRIMARY for tried in row.tried)
        if row.at < out.get(row.worker, lived.end):
            met += [one] * has_met
        else:
            probes += [one] * has_met
            after.append(one)
    return Outage(
        lived.phase.fault or "", len(everyone), sum(not one.ok for one in everyone), lived.struck, _by_worker(met, run.rows),
        _by_worker(probes, run.rows), max(waits.added(met), default=0.0), max(waits.added(probes), default=0.0), len(after),
        median(waits.added(after)), waits.added_p99(after), waits.p99, waits.longest,
    )  # fmt: skip


def _out_at(rows: Iterable[Row], lived: Lived) -> dict[str, float]:
    """When each worker had first left the primary out: it was ejected there by then."""
    out: dict[str, float] = {}
    for row in rows:
        if lived.begin <= row.at < lived.end and not any(tried.model == PRIMARY for tried in row.tried):
            out[row.worker] = min(out.get(row.worker, row.at), row.at)
    return out


def returns(run: Run) -> list[Return]:
    """One for each healthy phase but the first."""
    return [_return(run, lived) for lived in run.lived[1:] if lived.phase.fault is None]


def _return(run: Run, lived: Lived) -> Return:
    heard = [one for one in _within(run.heard, lived) if one.began > lived.begin + 2 * FIRST_TOKEN]
    asking = [one for one in heard if one.question.model != WELL]
    named = {one.id for one in run.heard if one.question.model != WELL}
    tried = [one for id_ in named & run.rows.keys() for one in run.rows[id_].tried if lived.begin <= one.at < lived.end]
    shares = tuple(
        _share([one for one in tried if second <= one.at - lived.begin < second + 1])
        for second in range(int(lived.phase.seconds))
    )
    tenths = Counter(int((one.at - lived.begin) * 10) for one in tried if one.model == PRIMARY)
    return Return(
        shares, max(tenths.values(), default=0), sum(not one.ok for one in heard), Waits(heard).added_p99(asking)
    )  # fmt: skip


def _share(tried: Sequence[Tried]) -> float:
    return sum(one.model == PRIMARY for one in tried) / max(1, len(tried))


def _within(heard: Iterable[Heard], lived: Lived) -> list[Heard]:
    begin = lived.begin + (0.0 if lived.phase.fault else SETTLED)
    return [one for one in heard if begin <= one.began < lived.end - 0.01]


def _by_worker(heard: Iterable[Heard], rows: Mapping[str, Row]) -> dict[str, int]:
    return dict(sorted(Counter(rows[one.id].worker for one in heard).items()))


def p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[-1] if len(values) > 1 else 0.0


def two_routes(sim: int) -> dict[str, Any]:
    """The policy: a cheap primary with one behind it, and a route that knows only the latter."""
    rules = policy(sim, "north", "south", timeouts=TIMEOUTS)
    rules["routes"] = {WELL: {"objective": "cost", "models": ["south/quick"]}, **rules["routes"]}
    return rules


def measure(phases: Sequence[Phase]) -> Run:
    """In processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        sim, api, control = (free_port() for _ in range(3))
        config, data = Path(folder, "turnout.json"), Path(folder, "data")
        config.write_text(json.dumps(two_routes(sim)))
        command = (
            "turnout", "serve", "--config", str(config), "--data-dir", str(data), "--workers", "2",
            "--port", str(api), "--control-port", str(control),
        )  # fmt: skip
        with serving_fleet(sim), running(*command):
            wait_for(api, "/health/ready")
            wait_for(control, "/health/ready")
            return live(f"http://127.0.0.1:{api}", f"http://127.0.0.1:{sim}", data / "ledger.db", phases)


def show(run: Run) -> None:
    """Print what the users noticed."""
    wrong = (*books.disagreements(run.heard, run.rows), *books.unbilled(run.stats, run.rows))
    print(
        f"{len(run.heard)} requests, {RATE:.0f}/s at the failing primary, {sum(not one.ok for one in run.heard)} failed, "
        f"{len(wrong)} on which client, ledger and sim disagree"
    )
    for line in (*wrong[:5], *(str(one) for one in run.heard if not one.ok)):
        print("  !", line)
    for out in outages(run):
        print(
            f"{out.fault:8} {out.requests} requests, {out.failed} failed, {out.struck} struck | before ejection {sum(out.met.values())}"
            f" {list(out.met.values())} by worker, longest +{out.longest_met:.0f} ms | probes {list(out.probes.values())}, longest "
            f"+{out.longest_probe:.0f} ms | after: {out.after} requests, p50 {out.after_p50:+.2f} ms, p99 {out.after_p99:+.2f} ms | "
            f"on the well route p99 +{out.well_p99:.0f} ms, longest +{out.well_longest:.0f} ms"
        )
    for back in returns(run):
        shares = " ".join(f"{share * 100:.0f}" for share in back.shares)
        print(
            f"return   % per second: {shares} | most in 0.1 s: {back.most_in_a_tenth} | failed {back.failed}, p99 {back.p99:+.2f} ms"
        )


def main() -> None:
    for title, phases in (("One fault after another", IN_A_ROW), ("Each fault by itself", EACH)):
        print(title)
        show(measure(phases))


if __name__ == "__main__":
    main()
