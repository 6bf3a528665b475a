"""Do the tests of trials keep their level, and what do they find: ``python -m bench.trials [--trials 1000] [--seed 1]`` from the repository's root.

A/A trials: one model in both arms, shares ramping 1 -> 5 -> 10 -> 25 -> 50 %, every base rate drifting, the arms judged at different rates.
The tests keep their highest value, so an alarm at any unit is an alarm here: that is peeking at every unit. Beside them a pooled z-test
of quality, looked at every 100 units. Detection: candidate's units until the alarm at the threshold of four guardrails, beside the same
test told both true rates (the best that any test can do that lets base rates drift). Everything is drawn from the seed.
"""

import argparse
import math
import random
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table

from bench.bounds import at_most
from turnout.evidence.bernoulli import Fit, Harm, factors
from turnout.evidence.trial import Fold, guardrails
from turnout.types.evidence import Exposure
from turnout.types.money import PICO_PER_USD, PicoDollars
from turnout.types.release import Spec

SPEC = Spec(slow_ms=3_000.0)
ALARM = math.log(guardrails(SPEC) / SPEC.alpha)
PROOF = math.log(1 / SPEC.alpha)
RAMP = ((0.01, 1_000), (0.05, 600), (0.10, 500), (0.25, 400), (0.50, 1_000))
"""Share and units of each stage."""
UNITS = sum(units for _, units in RAMP)
SHARES = (0.01, 0.05, 0.10, 0.25, 0.50)
CAREFUL = (0.01, 0.05, 0.10)
"""As a trial ramps whose score allows 10 % until non-inferiority is proven: each stage 50 of the candidate's units at least."""
USUAL = 0.95
MOST = 30_000
"""Units after which a proof is waited for no longer."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Levels and power of the tests of trials.")
    parser.add_argument("--trials", type=int, default=1_000, help="A/A trials, and trials on the boundary (default 1000)")
    parser.add_argument("--runs", type=int, default=200, help="runs per detection figure (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn (default 1)")
    chosen = parser.parse_args()
    console, began = Console(width=130), time.process_time()
    console.print(levels(chosen.trials, chosen.seed))
    console.print(detections(chosen.runs, chosen.seed))
    console.print(sizes(max(chosen.runs // 4, 2), chosen.seed))
    console.print(f"{time.process_time() - began:.0f} s of CPU")


def ramp() -> Iterator[float]:
    """The share of each unit."""
    for share, units in RAMP:
        yield from (share for _ in range(units))


def drifting(rng: random.Random, low: float, high: float) -> Callable[[int], float]:
    """A rate that swings between the two, from anywhere, once or twice in a trial."""
    phase, turns = rng.random() * math.tau, 1 + rng.random()
    return lambda n: (low + high) / 2 + (high - low) / 2 * math.sin(phase + math.tau * turns * n / UNITS)


def same(rng: random.Random) -> Iterator[Exposure]:
    """A trial of a model against itself."""
    ok, good, slower, dearer = (
        drifting(rng, 0.96, 0.995),
        drifting(rng, 0.75, 0.95),
        drifting(rng, 6.5, 7.5),
        drifting(rng, -6.5, -5.5),
    )
    drawn, normal = rng.random, rng.gauss
    for n, share in enumerate(ramp()):
        candidate = drawn() < share
        judged = drawn() < (0.6 if candidate else 0.9)
        verdict = drawn() < good(n) if judged else None
        cost = PicoDollars(int(PICO_PER_USD * math.exp(normal(dearer(n), 1.0))))
        yield Exposure(float(n), candidate, share, drawn() < ok(n), verdict, math.exp(normal(slower(n), 0.6)), cost)


def levels(trials: int, seed: int) -> Table:
    """False alarms and false proofs, as shares of trials."""
    alarms: dict[str, int] = dict.fromkeys(
        ("any guardrail", "success", "quality", "latency", "cost", "sample ratio", "pooled z-test"), 0
    )
    folding = 0.0
    for n in range(trials):
        units = list(same(random.Random(f"{seed}/same/{n}")))
        fold, began = Fold(SPEC), time.process_time()
        fold.take(units)
        evidence = fold.evidence(0.0)
        folding += time.process_time() - began
        for metric in evidence.harmful:
            alarms[metric] += 1
        alarms["any guardrail"] += bool(evidence.harmful)
        alarms["sample ratio"] += evidence.mismatched
        alarms["pooled z-test"] += pooled(units)
    nominal = {"any guardrail": SPEC.alpha, "sample ratio": 0.001}
    table = _table(f"Levels: {trials} A/A trials of {UNITS} units", "false", "nominal", "found", "95 % upper bound")
    for name, hits in alarms.items():
        _level(table, f"alarm, {name}", nominal.get(name, SPEC.alpha / guardrails(SPEC)), hits, trials)
    for name, margin in (("quality", SPEC.margins.quality), ("success", SPEC.margins.success)):
        hits = sum(peak(Fit(margin), random.Random(f"{seed}/{name}/{n}")) >= PROOF for n in range(trials))
        _level(table, f"proof, {name} worse by exactly {margin:.2f}", SPEC.alpha, hits, trials)
    hits = sum(peak(Harm(SPEC.margins.harm), random.Random(f"{seed}/harm/{n}")) >= ALARM for n in range(trials))
    _level(table, f"alarm, quality worse by exactly {SPEC.margins.harm:.2f}", SPEC.alpha / guardrails(SPEC), hits, trials)
    table.caption = f"{folding / trials / UNITS * 1e6:.1f} us of CPU per unit for all tests together"
    return table


def pooled(units: list[Exposure]) -> bool:
    """What a dashboard would do: two shares, one-sided z, again every 100 units."""
    z = 2.24  # of 0.05 / 4
    hits, of = [0, 0], [0, 0]
    for n, unit in enumerate(units):
        if unit.good is not None:
            hits[unit.candidate] += unit.good
            of[unit.candidate] += 1
        if n % 100 == 0 and min(of) >= 20:
            rate = sum(hits) / sum(of)
            spread = math.sqrt(rate * (1 - rate) * (1 / of[0] + 1 / of[1]))
            if spread and hits[0] / of[0] - hits[1] / of[1] > z * spread:
                return True
    return False


def peak(test: Harm | Fit, rng: random.Random) -> float:
    """The highest it comes to with a candidate that is worse by exactly its margin, all the way: the boundary of what it is to reject."""
    rate = drifting(rng, 0.80, 0.97)
    for n, share in enumerate(ramp()):
        candidate = rng.random() < share
        test.take(candidate, share, rng.random() < rate(n) - test.margin * candidate)
    return test.peak


def detections(runs: int, seed: int) -> Table:
    """Of a quality that falls: candidate's units until the alarm."""
    table = _table(
        f"Candidate's units until harm is found, {runs} runs each",
        "from -> to",
        "share",
        "median",
        "p90",
        "told both rates: median",
        "p90",
    )
    for to in (0.50, 0.85):
        for share in SHARES:
            few = runs if share > 0.01 else max(runs // 2, 2)  # a hundred of the control's units for each of the candidate's
            found = sorted(
                until(Harm(SPEC.margins.harm), share, to, random.Random(f"{seed}/{to}/{share}/{n}")) for n in range(few)
            )
            told = sorted(until(Told(share, to), share, to, random.Random(f"{seed}/{to}/{share}/{n}")) for n in range(few))
            table.add_row(
                f"{USUAL} -> {to}",
                f"{share:.0%}",
                *(str(each[at]) for each in (found, told) for at in (len(each) // 2, len(each) * 9 // 10)),
            )
    for share, name, after in ((None, "1, 5, 10%", 0), (0.10, "10%", 300), (0.50, "50%", 300)):
        for to in (0.50, 0.85):
            few = max(runs // 2, 2)
            found = sorted(
                until(Harm(SPEC.margins.harm), share, to, random.Random(f"{seed}/{name}/{to}/{n}"), after) for n in range(few)
            )
            said = f"{USUAL} -> {to}" + (f" after {after} good ones" if after else "")
            table.add_row(said, name, str(found[few // 2]), str(found[few * 9 // 10]), "", "")
    table.caption = "asked for: 0.95 -> 0.50 within 30 and 0.95 -> 0.85 within 250 at p90"
    return table


class Told:
    """The test that need not learn: it knows both rates from the first unit on."""

    def __init__(self, share: float, to: float) -> None:
        self.factors = factors(share, USUAL, to, SPEC.margins.harm)
        self.peak = self.log = 0.0

    def take(self, candidate: bool, share: float, good: bool) -> None:  # noqa: FBT001 as the tests do
        self.log += self.factors[2 * candidate + good]
        self.peak = max(self.peak, self.log)


def until(test: Harm | Told, share: float | None, to: float, rng: random.Random, after: int = 0) -> int:
    """Candidate's units from the fall on, which comes after so many good ones of its; 3,000 at most. ``share`` None: ``CAREFUL``."""
    drawn, n, given = rng.random, 0, share
    while n < after + 3_000 and test.peak < ALARM:
        share = CAREFUL[min(n // SPEC.stage_units, len(CAREFUL) - 1)] if given is None else given
        candidate = drawn() < share
        test.take(candidate, share, drawn() < (to if candidate and n >= after else USUAL))
        n += candidate
    return max(n - after, 0)


def sizes(runs: int, seed: int) -> Table:
    """Units until a candidate is proven not inferior in quality."""
    table = _table(
        f"Units until non-inferiority is proven, both arms at {USUAL} unless said, {runs} runs each",
        "margin",
        "candidate",
        "share",
        "median",
        "p90",
    )
    for margin, better in ((0.05, 0.0), (0.03, 0.0), (0.03, 0.02), (0.02, 0.0)):
        for share in (0.10, 0.50):
            found = []
            for n in range(runs):
                rng, fit, units = random.Random(f"{seed}/{margin}/{better}/{share}/{n}"), Fit(margin), 0
                while fit.peak < PROOF and units < MOST:
                    candidate = rng.random() < share
                    fit.take(candidate, share, rng.random() < USUAL + better * candidate)
                    units += 1
                found.append(units)
            found.sort()
            name = f"{better:+.2f}" if better else "equal"
            table.add_row(
                f"{margin:.2f}",
                name,
                f"{share:.0%}",
                *(f"{n}" if n < MOST else f"over {MOST}" for n in (found[runs // 2], found[runs * 9 // 10])),
            )
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for n, column in enumerate(columns):
        table.add_column(column, justify="left" if n == 0 else "right")
    return table


def _level(table: Table, name: str, nominal: float, hits: int, of: int) -> None:
    table.add_row(name, f"{nominal:.2%}", f"{hits / of:.2%}", f"{at_most(hits, of):.2%}")


if __name__ == "__main__":
    main()
