"""The release loop on truths it did not make: ``python -m bench.release_truth [--data mmlu_pro|routellm] [--seeds 2] [--by score|worth]``.

Public tables say which model got which question right (../shared/data, not part of this repository). Models come one by one as releases, in several
orders; each is benchmarked on questions from the training split, proposed, tried on traffic from the test split and adopted or not, by the parts
that serve (bench/lives.py). Utility is quality less lambda times cost, in units of what an answer of the best model costs.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from random import Random

import msgspec
from rich.console import Console
from rich.table import Table as Shown
from tests.shared_data import SHARED

from bench.lives import DAY, Ended, Life, World, lived
from bench.truth import Table, Worth, load
from turnout.types.money import PicoDollars, pico_from_usd
from turnout.types.release import Spec
from turnout.types.release_rules import ReleaseRules

NAMES = ("mmlu_pro", "routellm")
LAMBDA = 0.1
"""As in notes/learned-routing.md: all the cost of the best model is worth ten points of quality."""
CLOSE = 0.02
"""How far the end may lie below the best model alone, in utility."""
MARGIN = 0.03
SPEC = Spec(window=3_600.0, longest=28 * DAY)
"""The defaults, but for an hour in which feedback may come and four weeks in which something may be proven."""
RULES = ReleaseRules(autonomy="auto", spec=SPEC)
WAYS = ("score", "worth")
"""``score``: R4's, by its default weights. ``worth``: the route says what a solved request is worth, and says what the utility says."""


class Played(msgspec.Struct, frozen=True):
    order: str
    life: Life


def orders(table: Table, seeds: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    alone = [table.alone(model) for model in range(len(table.models))]
    everyone = tuple(range(len(alone)))
    yield "dearest first", tuple(sorted(everyone, key=lambda n: -alone[n].cost))
    yield "best first", tuple(sorted(everyone, key=lambda n: -alone[n].quality))
    yield "worst first", tuple(sorted(everyone, key=lambda n: alone[n].quality))
    for seed in range(seeds):
        yield f"shuffled {seed + 1}", tuple(Random(seed).sample(everyone, len(everyone)))


def play(
    table: Table, worth: PicoDollars | None, margin: float, world: World, seed: int, order: tuple[str, tuple[int, ...]]
) -> Played:
    return Played(order[0], lived(table, order[1], RULES, margin, world, seed, worth))


def worth_by(table: Table, rate: float = LAMBDA) -> PicoDollars:
    """Quality less ``rate`` times cost, in units of what an answer of the best model costs, is a solved request's worth of so much."""
    return pico_from_usd(table.dearest() / rate)


def utility(one: Worth, dearest: float, rate: float = LAMBDA) -> float:
    return one.quality - rate * one.cost / dearest


def dip(life: Life) -> float:
    """The furthest that the policy in force was ever below the one before its release, in quality; trials by their share."""
    return max((one.before.quality - one.worst for one in life.ended), default=0.0)


def short(table: Table, life: Life, rate: float = LAMBDA) -> float:
    """By how much the end lies below the best model alone, in utility; negative: above it."""
    dearest = table.dearest()
    best = max(utility(table.alone(model), dearest, rate) for model in range(len(table.models)))
    return best - utility(table.under(life.serving), dearest, rate)


def report(console: Console, table: Table, played: Sequence[Played], margin: float, rate: float) -> None:
    dearest = table.dearest()
    columns = ("utility", "quality", "cost")
    shown = Shown(
        "",
        *columns,
        "short of best",
        "zero router",
        "dealt at random",
        "below first",
        "worst dip",
        title=f"{table.name}: where it ends",
    )

    def row(name: str, one: Worth, *more: str) -> None:
        shown.add_row(name, f"{utility(one, dearest, rate):.3f}", f"{one.quality:.3f}", f"{one.cost / dearest:.1%}", *more)

    singles = range(len(table.models))
    best = max(singles, key=lambda n: utility(table.alone(n), dearest, rate))
    row(f"best alone: {table.models[best]}", table.alone(best))
    row("oracle, a question at a time", table.oracle(rate / dearest))
    for one in played:
        end, first = table.under(one.life.serving), table.alone(one.life.first)
        row(f"{one.order}: begins with {table.models[one.life.first]}", first)
        row(
            "   ends", end, f"{100 * short(table, one.life, rate):+.1f}", f"{table.zero_router(end.cost):.3f}", f"{table.shuffled(one.life.serving).quality:.3f}",
            f"{100 * (first.quality - end.quality):+.1f}", f"{100 * dip(one.life):.1f}",
        )  # fmt: skip
    console.print(shown)
    for one in played:
        story(console, one)
    claims(console, table, played, margin, rate)


def story(console: Console, one: Played) -> None:
    ended = one.life.ended
    counted = Counter(each.phase for each in ended)
    console.print(
        f"{one.order}: {', '.join(f'{n} {phase}' for phase, n in counted.items())}; {sum(each.requests for each in ended):,} requests on trials of "
        f"{sum(each.days for each in ended):.0f} days, {sum(each.answers for each in ended):,} answers to benchmarks"
    )
    for each in ended:
        if each.phase != "rejected":
            console.print(
                f"   {each.model}: {each.phase}, {_role(each)}; {each.requests:,} requests; {each.note[:90]}", highlight=False
            )


def _role(each: Ended) -> str:
    tasks = (each.when or {}).get("task", ())
    return each.role if each.when is None else f"{each.role} of {1 if isinstance(tasks, str) else len(tuple(tasks))} tasks"  # type: ignore[arg-type] as lists


def claims(console: Console, table: Table, played: Sequence[Played], margin: float, rate: float) -> None:
    below = [one.order for one in played if dip(one.life) > margin]
    console.print(
        f"never below the incumbent by more than {100 * margin:g} points: {'holds in all orders' if not below else f'fails: {below}'}"
    )
    far = [one.order for one in played if short(table, one.life, rate) > CLOSE]
    said = "holds in all orders" if not far else f"fails in {len(far)} of {len(played)}: {', '.join(far)}"
    console.print(f"ends within {100 * CLOSE:g} points of the best alone, lambda {rate:g}: {said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", choices=NAMES, help="one table alone")
    parser.add_argument("--seeds", type=int, default=2, help="orders at random, beside the three by price and quality")
    parser.add_argument("--seed", type=int, default=1, help="of everything else that is drawn")
    parser.add_argument("--by", choices=WAYS, help="one way to score alone")
    parser.add_argument("--lambda", dest="rate", type=float, default=LAMBDA, help="what all the cost of the best model is worth")
    parser.add_argument("--margin", type=float, default=MARGIN)
    parser.add_argument("--cases", type=int, default=4_000, help="of the suite")
    parser.add_argument("--judged", type=float, default=0.3, help="share of answers that anybody judges")
    parser.add_argument("--wrong", type=float, default=0.05, help="share of verdicts that are wrong")
    parser.add_argument("--grader", type=float, default=0.0, help="share of the suite's answers that are graded wrongly")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    console, world = Console(width=150), World(cases=asked.cases, judged=asked.judged, wrong=asked.wrong, grader=asked.grader)
    console.print(
        f"margin {100 * asked.margin:g} points; {world.cases:,} cases; {world.per_day:,} requests a day, {world.judged:.0%} judged, {world.delay / 60:g} "
        f"minutes later on average, {world.wrong:.0%} of verdicts wrong; times are not in the tables and count as equal"
    )
    for name in NAMES if asked.data is None else (asked.data,):
        table = load(Path(SHARED) / "data", name)
        if table is None:
            console.print(f"{name}: there is no such table in {SHARED / 'data'}, and nothing is shown of it")
            continue
        for by in WAYS if asked.by is None else (asked.by,):
            began, worth = time.time(), worth_by(table, asked.rate) if by == "worth" else None
            with ProcessPoolExecutor(asked.jobs) as pool:
                played = list(pool.map(partial(play, table, worth, asked.margin, world, asked.seed), orders(table, asked.seeds)))
            console.rule(f"{name}, by {by}: {time.time() - began:.0f} s")
            report(console, table, played, asked.margin, asked.rate)


if __name__ == "__main__":
    main()
