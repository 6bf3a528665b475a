"""Releases to move: one of each kind, evidence as wanted, a desk and a controller on a ledger."""

from collections.abc import Callable
from threading import Lock
from typing import Any

import msgspec

from tests.support.records import NOW, record
from turnout.clock import ManualClock
from turnout.release.changes import News
from turnout.release.controller import Controller
from turnout.release.desk import Desk, no_news
from turnout.release.next_step import BenchState
from turnout.release.screen import Screened
from turnout.store.ledger import Ledger
from turnout.types.evidence import FALLEN, METRICS, Evidence, Metric, Reading
from turnout.types.policy import Policy, Route
from turnout.types.record import Record
from turnout.types.release import Gate, Phase, Proposal, Release, Score, Spec, Status, Step
from turnout.types.release_rules import ReleaseRules

SPEC = Spec(stage_time=100.0, stage_units=20, longest=10_000.0, bake=500.0, window=5.0, silence=400.0)
PROPOSAL = Proposal(
    role="segment", text="it serves the simple ones", gates=(Gate("price", True, "confirmed"),),
    score=Score(0.3, 0.25, 0.4, 0.1, 0.0, 200, 10.0), when={"complexity": "simple"},
)  # fmt: skip
RULES = ReleaseRules(autonomy="auto", spec=SPEC)
ROUTE = Route(name="chat", objective="static", models=("acme/old",))
POLICY = Policy(routes=(ROUTE, Route(name="default", objective="cost")), providers=(), release=RULES)


def release(phase: Phase = "detected", *, id_: str = "rel-1", **changes: Any) -> Release:
    """As it would be in that phase; ``changes`` are of the release or of its status."""
    on_traffic = phase in ("mirror", "trial", "bake")
    status = Status(
        phase, NOW, began=NOW if on_traffic else None, share={"trial": 1.0, "bake": 97.0}.get(phase, 0.0), proven=phase == "bake"
    )
    ours = {name: changes.pop(name) for name in tuple(changes) if name in Status.__struct_fields__}
    proposed = phase not in ("detected", "screened", "benchmarked")
    base = Release(
        id_, NOW, "ev-1", "new", "acme/new", "chat", "acme/old", msgspec.structs.replace(status, **ours),
        proposal=PROPOSAL if proposed else None, spec=SPEC if on_traffic else None,
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def evidence(
    at: float = NOW, *, candidates: int = 1_000, harm: tuple[Metric, ...] = (), fits: tuple[Metric, ...] = (), fallen: tuple[Metric, ...] = (),
    mismatch: float = 0.0, latest: float | None = None,
) -> Evidence:  # fmt: skip
    readings = tuple(
        Reading(
            metric,
            1_000,
            candidates,
            0.95,
            0.94,
            9.0 if metric in harm else 0.0,
            4.0,
            4.0 if metric in fits else 0.0,
            3.0,
            None,
            None,
            fall=FALLEN if metric in fallen else 0.0,
        )
        for metric in METRICS
    )
    return Evidence(at, 2_000, 1_900, candidates, at if latest is None else latest, readings, mismatch, 6.9)


def exposure(n: int, at: float, *, candidate: bool, share: float = 0.5, trial: str = "rel-1", **changes: Any) -> Record:
    """The record of a request on trial, a unit of its own."""
    told = {
        "id": f"x-{n:07}", "at": at, "trial": trial, "side": "candidate" if candidate else "control",
        "propensity": share if candidate else 1 - share, "traits": None, "route": "chat", "duration_ms": 100.0,
    }  # fmt: skip
    return record(0, **{**told, **changes})


class Studied:
    """What the studies of a release come to; set by the test."""

    def __init__(self) -> None:
        self.screened = Screened((Gate("price", True, "confirmed"),))
        self.bench = BenchState("done", "200 cases")
        self.proposal: Proposal | None = PROPOSAL

    def screen(self, release: Release) -> Screened:
        return self.screened

    def benchmark(self, release: Release) -> BenchState:
        return self.bench

    def propose(self, release: Release) -> Proposal | None:
        return self.proposal


class World:
    """A desk and a controller on a ledger; what they publish is a number, and the lock that was in force then."""

    def __init__(self, ledger: Ledger, policy: Policy = POLICY, clock: ManualClock | None = None) -> None:
        self.ledger = ledger
        self.policy = policy
        self.clock = clock or ManualClock(NOW)
        self.version, self.in_force = 1, 0
        self.published: list[tuple[str, str]] = []
        self.steps: list[tuple[Release, Step]] = []
        self.ejected: dict[str, str] = {}
        self.gone: dict[str, str] = {}
        self.turn = Lock()
        self.breaks: Callable[[], None] = lambda: None
        self.studies = Studied()
        self.news: News = no_news
        self.said: list[str] = []
        self.start()

    def start(self) -> None:
        """As after a restart: nothing is remembered but what the ledger has."""
        self.desk = Desk(
            self.ledger, self.clock, lambda: self.policy, self.publish, lambda: self.in_force,
            lambda release, step: self.steps.append((release, step)), self.news,
        )  # fmt: skip
        self.controller = Controller(
            self.desk, self.ledger, self.clock, self.studies, self.ejected.get, self.clock.now, early_every=0.0, said=self.said.append,
            gone=self.gone.get,
        )  # fmt: skip

    def publish(self, note: str, actor: str) -> int:
        self.breaks()
        with self.turn:
            self.in_force = self.ledger.lock.revision()
            self.version += 1
            self.published.append((note, actor))
            return self.version

    def get(self, release_id: str = "rel-1") -> Release:
        found = self.ledger.releases.get(release_id)
        assert found is not None
        return found

    def has(self, *releases: Release) -> None:
        """Put them there as they are, and into the lock where they belong there."""
        for one in releases:
            assert self.desk.open(one)
            lock = self.ledger.lock.read()
            placed = self.desk._placed(lock, one, "test")
            if placed != lock:
                after = msgspec.structs.replace(placed, revision=lock.revision + 1)
                self.ledger.audit.within(lambda connection, after=after: self.ledger.lock.put(connection, after, "test", NOW))
