"""A ledger in which releases have happened: one in each phase, with the evidence that a trial of such models would give."""

from math import exp, log
from pathlib import Path
from random import Random

import msgspec
from sqlalchemy import Connection

from tests.support.benched import in_bands
from tests.support.records import record
from tests.support.views import TASKS, model
from turnout.audit.kinds import RELEASE
from turnout.clock import ManualClock
from turnout.control.publish import Publisher
from turnout.evidence.trial import Fold
from turnout.learn.matrix import from_benchmark, stated
from turnout.release.desk import Desk
from turnout.store.ledger import Ledger
from turnout.types.alert import Alert
from turnout.types.evidence import Exposure
from turnout.types.matrix import Cell
from turnout.types.models import ModelFacts
from turnout.types.money import PicoDollars, pico_from_usd
from turnout.types.policy import Policy, Provider, Route
from turnout.types.release import Answer, Approval, CatalogEvent, Gate, Phase, Proposal, Release, Score, Spec, Status, Step
from turnout.types.release_rules import ReleaseRules
from turnout.types.suite import Result, Run
from turnout.types.view import Base
from turnout.view import ViewStore

HOUR, DAY = 3_600.0, 86_400.0
OLD, NEW, BIG, LOCAL, LATE = (
    "openai/gpt-5.4", "deepseek/deepseek-v4", "anthropic/claude-opus-4-7", "local/qwen-4-32b", "mistral/mistral-large-4",
)  # fmt: skip
MODELS = (
    model(OLD, price=(1.25, 10), quality=7.8), model(NEW, price=(0.3, 1.1), quality=7.4), model(BIG, price=(5, 25), quality=9),
    model(LOCAL, price=(0, 0), quality=6.1), model(LATE, price=(0.8, 2.4), quality=7),
)  # fmt: skip
ROUTES = (
    Route("support", "static", "ana@example.com", models=(OLD,)), Route("code", "static", models=(BIG,)),
    Route("extraction", "cost"), Route("default", "balanced"),
)  # fmt: skip
SPEC = Spec(stage_time=HOUR, stage_units=50, ceiling=10.0, slow_ms=2_500.0)
GATES = (
    Gate("quality", True, "0.4 points better on 240 cases, at worst 2.1 points worse: within the margin of 3"),
    Gate("success", True, "239 of 240 came, 240 of 240 of the incumbent's"),
    Gate("capabilities", True, "tools, JSON schema and 128,000 tokens, as the route needs"),
    Gate("data_policy", True, "no_training, as the route asks"), Gate("price", True, "models.dev and litellm agree"),
)  # fmt: skip
ANSWERS = (
    Answer("cheaper", "yes", "62 % less for a solved case: $0.0011 instead of $0.0029."),
    Answer("faster", "yes", "18 % faster at the median: 820 ms instead of 1.0 s."),
    Answer("better", "no", "Equal within what 240 cases can tell."),
    Answer("fallback", "yes", "Another provider than everything else on the route."),
    Answer("new_use", "unconfirmed", "A context of 1,000,000 tokens, says models.dev alone."),
)
PROPOSAL = Proposal(
    "segment", "It should answer the simple questions of support: as good as today's model there, at a third of the price.", GATES, ANSWERS,
    Score(0.31, 0.24, 0.62, 0.18, 0.01, 240, 10.0, 0.028), {"complexity": "simple", "task": ["customer_support", "qa"]}, saving=0.37, runs=("run-1",),
)  # fmt: skip


def publish(folder: Path, ledger: Ledger, clock: ManualClock, models: tuple[ModelFacts, ...] = MODELS) -> Base:
    """The policy in force, as the control process would have put it."""
    providers = tuple(
        Provider(name, None, "openai-chat", "http://127.0.0.1:1", "none")
        for name in dict.fromkeys(one.provider for one in models)
    )
    publisher = Publisher(ViewStore(folder / "views"), ledger, clock, TASKS)
    publisher.adopt(_Loaded(Policy(ROUTES, providers, release=ReleaseRules()), models), "lead@example.com")
    assert publisher.base is not None
    return publisher.base


class _Loaded(msgspec.Struct, frozen=True):
    policy: Policy
    models: tuple[ModelFacts, ...]


def happened(folder: Path, ledger: Ledger, now: float) -> Base:
    """All of it: releases, a trial, benchmarks, cells, alerts, the catalog's events, requests."""
    clock = ManualClock(now - 20 * DAY)
    base = publish(folder, ledger, clock)
    desk = Desk(ledger, clock, lambda: base.policy, lambda _note, _actor: 1, ledger.lock.revision)
    for one in sorted((*_under_way(now), *_over(now)), key=lambda each: each.at):
        clock.advance(one.at - clock.now())
        found = msgspec.structs.replace(one, status=Status("detected", one.at), proposal=None, spec=None)
        assert desk.open(found, note=f"{one.kind}: {one.event}")
        _history(ledger, msgspec.structs.replace(one, revision=1))
    exposed(ledger, "r-trial", now - 9 * HOUR, 9 * HOUR, (0.01, 0.05, 0.10), SPEC)
    exposed(ledger, "r-bake", now - 60 * HOUR, 60 * HOUR, (0.05, 0.25, 0.97), SPEC, seed=5, per_hour=100)
    benchmarked(ledger, base, now)
    _catalog(ledger, now)
    _told(ledger, now)
    ledger.ingest(
        [
            record(n, at=now - 60.0 * n, route="support", trial="r-trial", side="candidate" if n % 10 == 0 else "control", propensity=0.1)
            for n in range(40)
        ],
        "segment", 1,
    )  # fmt: skip
    return base


def _under_way(now: float) -> tuple[Release, ...]:
    trial = Status(
        "trial", now - 2 * HOUR, 2, 10.0, now - 9 * HOUR, waiting="10 % until quality is shown to be no worse than the margin",
        reason="5 % went well for an hour", approvals=(Approval("ana@example.com", now - 10 * HOUR, True, "support is ready for it"),),
    )  # fmt: skip
    bake = Status("bake", now - 5 * HOUR, 5, 97.0, now - 60 * HOUR, proven=True, reason="all stages are done")
    paused = Status(
        "mirror",
        now - 3 * HOUR,
        began=now - 3 * HOUR,
        paused="no request of the trial has come for too long; it goes on when one does",
    )
    return (
        release("r-trial", NEW, "support", OLD, trial, now - 26 * HOUR, PROPOSAL, SPEC),
        release("r-bake", LATE, "extraction", None, bake, now - 80 * HOUR, msgspec.structs.replace(PROPOSAL, role="primary", when=None), SPEC),
        release("r-mirror", LOCAL, "default", None, paused, now - 9 * HOUR, PROPOSAL, msgspec.structs.replace(SPEC, mirror_sample=0.1)),
        release(
            "r-proposed", NEW, "code", BIG, Status("proposed", now - HOUR, waiting="approval: 1 of owner or approver"), now - 8 * HOUR, PROPOSAL
        ),
        release("r-bench", LATE, "support", OLD, Status("screened", now - 600, waiting="its benchmark: 84 of 480 answers"), now - 900),
    )  # fmt: skip


def _over(now: float) -> tuple[Release, ...]:
    ends: tuple[tuple[str, str, str, Phase, str], ...] = (
        ("r-adopted", BIG, "code", "adopted", "its time is over and no harm was seen"),
        ("r-back", LOCAL, "support", "rolled_back", "harm: good answers fell from 93 % to 71 %, e-value 95 of 80"),
        ("r-no", LOCAL, "code", "rejected", "capabilities: it calls no tools"),
        ("r-open", LATE, "default", "inconclusive", "14 days are over and nothing is proven"),
    )
    return tuple(
        release(
            id_, name, route, None, Status(phase, now - (n + 2) * DAY, reason=why, until=now + 5 * DAY if phase == "rolled_back" else None),
            now - (n + 6) * DAY, PROPOSAL,
        )
        for n, (id_, name, route, phase, why) in enumerate(ends)
    )  # fmt: skip


def release(
    id_: str, name: str, route: str, incumbent: str | None, status: Status, at: float, proposal: Proposal | None = None, spec: Spec | None = None,
) -> Release:  # fmt: skip
    return Release(id_, at, "ev-new", "new", name, route, incumbent, status, proposal, spec)


def _history(ledger: Ledger, one: Release) -> None:
    """The steps it would have taken to be where it is."""
    ways: dict[Phase, tuple[tuple[Phase, float, str], ...]] = {
        "trial": (
            ("screened", 0, "it could serve the route"), ("benchmarked", 0, "240 of 240 cases"), ("proposed", 0, "segment: the simple ones"),
            ("trial", 1, "approved by ana@example.com"), ("trial", 5, "1 % went well for an hour"), ("trial", 10, "5 % went well for an hour"),
        ),
        "bake": (("proposed", 0, "primary"), ("trial", 5, "approved"), ("trial", 25, "proven"), ("bake", 97, "all stages are done")),
    }  # fmt: skip
    shares = [share for _, share, _ in ways.get(one.status.phase, ())]
    began = one.status.began or one.status.since

    def write(connection: Connection) -> None:
        assert ledger.releases.put(connection, one)
        quiet = shares.count(0)
        for n, (phase, share, note) in enumerate(
            ways.get(one.status.phase, ((one.status.phase, one.status.share, one.status.reason),))
        ):
            whole = max(len(shares) - quiet - 1, 1)
            at = (
                one.at + (n + 1) * (began - one.at) / (quiet + 1)
                if share == 0
                else began + (n - quiet) * (one.status.since - began) / whole
            )
            step = Step(
                one.id, 0, at, phase, "ana@example.com" if "ana@" in note else "turnout", note, share, policy=1 if share else None
            )
            written = ledger.releases.add_step(connection, step, b"{}" if share else None)
            ledger.audit.append(connection, RELEASE, step.actor, {"release": one.id, "n": written.n, "phase": phase}, at)

    ledger.audit.within(write)


def exposed(
    ledger: Ledger, id_: str, began: float, lasts: float, shares: tuple[float, ...], spec: Spec, *, seed: int = 3, per_hour: int = 260,
    chances: tuple[float, float] = (0.93, 0.935),
) -> None:  # fmt: skip
    """The points of a trial whose arms have these chances of a good answer: a third cheaper, a little faster, never failing much."""
    drawn, fold = Random(seed), Fold(spec)
    n, points = round(lasts / HOUR * per_hour), 90
    for at in range(n):
        share = shares[at * len(shares) // n]
        mine = drawn.random() < share
        judged = drawn.random() < 0.8
        fold.take(
            [
                Exposure(
                    began + at * lasts / n, mine, share, drawn.random() < 0.995, drawn.random() < chances[mine] if judged else None,
                    exp(drawn.gauss(log(820 if mine else 1_000), 0.5)), PicoDollars(round(exp(drawn.gauss(log(0.0011 if mine else 0.0029), 0.4)) * 1e12)),
                )
            ]
        )  # fmt: skip
        if at % max(n // points, 1) == 0 or at == n - 1:
            ledger.trials.add_point(id_, fold.evidence(began + (at + 1) * lasts / n))


def benchmarked(ledger: Ledger, base: Base, now: float) -> None:
    """Three models on one suite and its cells, a run that is not over, and cells of live answers."""
    bands = {"simple": 120, "moderate": 80, "high": 40}
    found: list[Result] = []
    for name, chances, cost in (
        (OLD, (0.96, 0.9, 0.7), 2_900), (NEW, (0.96, 0.86, 0.5), 1_100), (BIG, (0.98, 0.95, 0.86), 11_000),
    ):  # fmt: skip
        found += in_bands(name, bands, dict(zip(bands, chances, strict=True)), cost * 1_000_000, task="customer_support")
    found = [msgspec.structs.replace(one, at=now - 8 * DAY) for one in found]
    budget = pico_from_usd("5")
    done = Run(
        "run-1", now - 12 * HOUR, "support", "9f31c2aa77", (OLD, NEW, BIG), "done", "r-trial", budget, budget, pico_from_usd("3.61"), 720, 720,
        release="r-trial", ended=now - 11 * HOUR,
    )  # fmt: skip
    half = Run(
        "run-2",
        now - 600,
        "support",
        "9f31c2aa77",
        (OLD, LATE),
        "running",
        "r-bench",
        budget,
        budget,
        pico_from_usd("0.42"),
        480,
        84,
        release="r-bench",
    )
    for run in (done, half):
        ledger.bench.begin(run)
    ledger.bench.put(found)
    code = in_bands(BIG, {"moderate": 25}, {"moderate": 0.9}, 11 * 10**9, task="code_generation") + in_bands(
        OLD, {"moderate": 12}, {"moderate": 0.75}, 3 * 10**9, task="code_generation"
    )
    prior = stated(base, now)
    ledger.cells.put(from_benchmark(found, prior, "9f31c2aa77"))
    ledger.cells.put(from_benchmark([msgspec.structs.replace(one, at=now - 80 * DAY) for one in code], prior, "51d0be"))
    ledger.cells.put(
        [
            Cell(OLD, "qa", None, "live", 0.91, 0.88, 0.93, 410, 374.0, now - 600, None, PicoDollars(2_400_000_000), 940.0),
            Cell(NEW, "qa", None, "live", 0.82, 0.62, 0.94, 9, 8.0, now - 900, None, PicoDollars(900_000_000), 790.0),
        ]
    )


def _catalog(ledger: Ledger, now: float) -> None:
    two = ("models.dev", "litellm")
    priced = "${} in, ${} out per million".format
    events = (
        CatalogEvent("ev-new", now - 26 * HOUR, "model_added", NEW, None, None, f"128,000 tokens, {priced(0.3, 1.1)}", two, "accepted", True),
        CatalogEvent("ev-up", now - 90 * DAY, "price_changed", OLD, "prices", priced(2, 14), priced(1.5, 12), two, "accepted", True, -0.2),
        CatalogEvent("ev-up2", now - 20 * DAY, "price_changed", OLD, "prices", priced(1.5, 12), priced(1.25, 10), two, "accepted", True, -0.17),
        CatalogEvent(
            "ev-odd", now - 2 * HOUR, "price_changed", BIG, "prices", priced(5, 25), priced(0, 0), ("litellm",), "quarantined", False, -1.0,
            "a price of zero where there was one",
        ),
        CatalogEvent("ev-end", now - 3 * DAY, "deprecation_announced", LOCAL, "retires", "active", "2027-02-01", two, "accepted", True),
        CatalogEvent(
            "ev-war", now - 4 * DAY, "source_conflict", LATE, "output", "models.dev 2.4", "litellm 3", two, "noted", False, None, "the first named is kept"
        ),
        CatalogEvent("ev-ctx", now - 5 * DAY, "context_changed", LATE, "context", "128,000", "256,000", two, "dismissed", False),
    )  # fmt: skip
    ledger.audit.within(lambda connection: ledger.catalog_events.put(connection, events))


def _told(ledger: Ledger, now: float) -> None:
    for n, (kind, severity, title, text, link) in enumerate(
        (
            ("outperforms", "info", f"{NEW} outperforms {OLD}", "62 % cheaper per solved case on support, equal in quality.", "/releases/r-trial"),
            ("approval_wanted", "warning", f"{NEW} on code waits for approval", "1 of owner or approver.", "/releases/r-proposed"),
            ("catalog_quarantined", "critical", f"{BIG}: the price of zero is kept apart", "litellm says $0; nothing is routed by it.", "/catalog"),
        )
    ):  # fmt: skip
        ledger.alerts.add(
            Alert(f"alert-{n}", now - n * 3_000, kind, severity, title, text, f"key-{n}", link, ("ana@example.com",))
        )  # fmt: skip
