"""How often the loop is right: ``python -m bench.releases [--seeds 2000] [--only NAME] [--jobs 2]``.

The same `next_step` and `Fold` that serve, on synthetic traffic and without a store: each seed is one release from its first stage to its end. Printed
beside what was asked for, with upper bounds of 95 % (Clopper and Pearson). Time is that of a route with 1,000 requests a day unless said otherwise.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count
from math import log, sin

import msgspec

from bench.bounds import at_most
from turnout.evidence.trial import Fold
from turnout.release.next_step import Found, next_step
from turnout.types.evidence import Exposure
from turnout.types.money import pico_from_usd
from turnout.types.policy import Route
from turnout.types.release import Margins, Proposal, Release, Spec, Status
from turnout.types.release_rules import ReleaseRules

PER_DAY = 1_000
DAY = 86_400.0
STEP_EARLY, STEP = 1, 25
"""Units between two looks at the evidence: every one while the candidate has few, when a rollback is a matter of single requests."""
EARLY = 400


class Scenario(msgspec.Struct, frozen=True):
    """Chances that an answer is good, by arm; ``turns`` is how many of the candidate's units go well before ``candidate`` holds, ``bakes`` that
    all go well until nearly all requests are the candidate's.

    ``drift`` moves both arms' chance up and down by so much; ``judged`` is the share of answers that anybody judges, after ``delay`` seconds.
    ``wanted`` is what should come of it, and how often at least or at most.
    """

    name: str
    says: str
    wanted: str
    candidate: float
    control: float = 0.95
    fails: float = 0.005
    candidate_fails: float = 0.005
    cost: float = 0.6
    slower: float = 1.0
    turns: int = 0
    bakes: bool = False
    drift: float = 0.0
    judged: float = 1.0
    delay: float = 0.0
    most: int = 60_000
    share: float | None = None
    """The stage in which it stays, in percent."""


QUALITY = 0.03
SCENARIOS = (
    Scenario("harmful", "6 points worse than .95, 40 % cheaper; margin 3 points", "adopted <= 1 %", 0.89),
    Scenario("just-harmful", "4 points worse: a point beyond the margin", "adopted <= 5 % (each gate's level)", 0.91),
    Scenario("equal", "the same model under another name, same price; the base moves by 3 points", "rolled back <= 5 %", 0.95, cost=1.0, drift=0.03),
    Scenario("good", "40 % cheaper and as good", "adopted >= 90 %", 0.95),
    Scenario("better", "40 % cheaper, 2 points better", "adopted >= 90 %", 0.97),
    Scenario("collapse", ".50 against .95, at 10 %", "p90 <= 30 of the candidate's units", 0.50, share=10.0),
    Scenario("decline", ".85 against .95, at 10 %", "p90 <= 250 of the candidate's units", 0.85, share=10.0),
    Scenario("later-collapse", ".95 -> .50 after 300 good units at 10 %", "reported", 0.50, turns=300, share=10.0),
    Scenario("later-decline", ".95 -> .85 after 300 good units at 10 %", "reported", 0.85, turns=300, share=10.0),
    Scenario("bake-collapse", ".95 -> .50 when it serves 97 %", "reported", 0.50, bakes=True),
    Scenario("bake-decline", ".95 -> .85 when it serves 97 %", "reported", 0.85, bakes=True),
    Scenario("at-once", ".50 from its first unit on, from 1 %", "p90 <= 30 of the candidate's units", 0.50),
    Scenario("failing", "10 % of its calls fail instead of 0.5 %", "adopted <= 1 %", 0.95, candidate_fails=0.10),
    Scenario("slow", "twice as slow; the bound is the control's p95", "adopted <= 1 %", 0.95, slower=2.0),
    Scenario("few-words", "as good; 5 % are judged, a day later", "reported", 0.95, judged=0.05, delay=DAY, most=120_000),
    Scenario("few-words-bad", ".95 -> .70; 5 % are judged, a day later", "reported", 0.70, judged=0.05, delay=DAY, most=120_000),
)  # fmt: skip


class Ended(msgspec.Struct, frozen=True):
    phase: str
    units: int
    candidates: int
    after_turn: int
    days: float


class Drawn:
    """The share of the moment, in percent, and whether it ever was the last one."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.baked = False


def units(scenario: Scenario, rng: random.Random, drawn: Drawn) -> Iterator[tuple[Exposure, int]]:
    """One after the other, with how many of the candidate's there were since it turned."""
    candidates = since = 0
    for n in count():
        at = n * DAY / PER_DAY
        share = drawn.share / 100
        is_candidate = rng.random() < share
        turned = drawn.baked if scenario.bakes else candidates >= scenario.turns
        chance = scenario.candidate if is_candidate and turned else scenario.control
        chance += scenario.drift * sin(n / 700)
        fails = scenario.candidate_fails if is_candidate else scenario.fails
        ok = rng.random() >= fails
        judged = ok and rng.random() < scenario.judged
        good = (rng.random() < chance) if judged else None
        ms = rng.lognormvariate(log(800), 0.5) * (scenario.slower if is_candidate else 1.0)
        usd = rng.lognormvariate(log(0.002), 0.4) * (scenario.cost if is_candidate else 1.0)
        candidates += is_candidate
        since += is_candidate and turned
        yield Exposure(at, is_candidate, share, ok, good, ms, pico_from_usd(usd)), since


SPEC = Spec(ceiling=5.0, stage_time=3_600.0, stage_units=50, bake=DAY, window=0.0, silence=DAY, longest=365 * DAY, margins=Margins(quality=QUALITY), slow_ms=1_820.0)  # fmt: skip
"""The defaults, but for the time after which a trial is given up; the bound on time is the 95 % quantile of the control's times."""


def play(scenario: Scenario, seed: int) -> Ended:
    """One release, from its first stage on."""
    rng = random.Random(f"{scenario.name}/{seed}")
    spec = (
        SPEC if scenario.share is None else msgspec.structs.replace(SPEC, stages=(scenario.share, 100), stage_units=scenario.most)
    )
    first = spec.stages[0]
    status = Status("trial", 0.0, share=first, began=0.0)
    release = Release("r", 0.0, "e", "new", "p/new", "route", "p/old", status, Proposal("primary", ""), spec)
    route, rules, fold = Route("route", "static"), ReleaseRules(), Fold(spec)
    waiting: list[tuple[Exposure, int]] = []
    taken: list[Exposure] = []
    since_look = candidates = 0
    drawn = Drawn(first)
    for n, (unit, turned) in enumerate(units(scenario, rng, drawn)):
        waiting.append((unit, turned))
        candidates += unit.candidate
        since_look += 1
        if since_look < (STEP_EARLY if candidates < EARLY and unit.candidate else STEP):
            continue
        since_look = 0
        ready = [one for one, _ in waiting if one.at <= unit.at - scenario.delay]
        fold.take(ready)
        taken += ready
        waiting = waiting[len(ready) :]
        move = next_step(release, Found(rules, route, evidence=fold.evidence(unit.at)), unit.at)
        release, drawn.share = move.after, move.after.status.share
        drawn.baked |= release.status.phase == "bake"
        if release.spec != spec:
            spec, fold = release.spec or SPEC, Fold(release.spec or SPEC)
            fold.take(taken)
        if release.is_over or n >= scenario.most:
            break
    return Ended(release.status.phase if release.is_over else "undecided", n, candidates, turned, n / PER_DAY)


def report(scenario: Scenario, ends: list[Ended], seconds: float) -> None:
    phases = Counter(end.phase for end in ends)
    of = len(ends)
    print(f"\n{scenario.name}: {scenario.says}; wanted: {scenario.wanted}")
    for phase, hits in phases.most_common():
        mine = sorted(end.days for end in ends if end.phase == phase)
        print(
            f"  {phase:12} {hits / of:7.2%}  (at most {at_most(hits, of):.2%})  days: median {mine[len(mine) // 2]:.1f}, p90 {mine[int(0.9 * len(mine))]:.1f}"
        )
    taken = sorted(end.after_turn for end in ends if end.phase == "rolled_back")
    if taken:
        print(
            f"  units of the candidate's until rolled back{' since it turned' if scenario.turns or scenario.bakes else ''}: median {taken[len(taken) // 2]}, "
            f"p90 {taken[int(0.9 * len(taken))]}, most {taken[-1]}"
        )
    print(f"  {seconds:.0f} s of the processor, {of} seeds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--only", choices=[scenario.name for scenario in SCENARIOS])
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    print(
        f"margin {QUALITY:.0%} of quality, {SPEC.margins.success:.0%} of success; alpha {SPEC.alpha:.0%}; ceiling {SPEC.ceiling:g} % until proven"
    )
    for scenario in SCENARIOS:
        if asked.only not in (None, scenario.name):
            continue
        began = time.time()
        with ProcessPoolExecutor(asked.jobs) as pool:
            ends = list(pool.map(partial(play, scenario), range(asked.seeds), chunksize=max(1, asked.seeds // 50)))
        report(scenario, ends, (time.time() - began) * asked.jobs)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
