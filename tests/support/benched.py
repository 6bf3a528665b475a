"""Synthetic benchmarks: what models with known chances make of cases, as results."""

from collections.abc import Iterable, Mapping
from random import Random

from tests.support.records import NOW
from turnout.types.money import PicoDollars
from turnout.types.suite import Result
from turnout.types.traits import Band


def answers(
    model: str, n: int, chance: float, cost: int, *, band: Band | None = "simple", task: str | None = "qa", ms: float = 1_000.0,
    spread: float = 0.2, check: str | None = None, seed: int = 1, first: int = 0, ok: float = 1.0,
) -> list[Result]:  # fmt: skip
    """``n`` cases from ``first`` on, solved with this chance: the harder ones are not, which are nearly the same for all models.

    Cost and time vary by case (the same for all models: longer prompts), time by ``spread`` besides. Where there is a ``check`` it finds out.
    """
    drawn = Random(f"{seed}/{model}/{first}")
    hard = [Random(f"hard {first + at}").random() + 0.06 * drawn.random() for at in range(n)]
    limit = [*sorted(hard), 9.0][round(chance * n)]
    solved = [each < limit for each in hard]
    came = [at < round(ok * n) for at in range(n)]
    drawn.shuffle(came)
    found = []
    for at in range(n):
        size = Random(f"case {first + at}").uniform(0.7, 1.3)
        good = solved[at] and came[at]
        details = () if check is None else (f"{check}: {'holds' if good else 'does not pass'}",)
        found.append(
            Result(
                "run-1", f"c{first + at:05}", model, 0, NOW + first + at, "ok" if came[at] else "failed", float(good), good,
                ms * size * drawn.lognormvariate(0, spread), PicoDollars(round(cost * size)), 300, 100, details, task, band,
            )
        )  # fmt: skip
    return found


def in_bands(model: str, n: Mapping[Band, int], chances: Mapping[Band, float], cost: int, **how) -> list[Result]:
    """So many cases of each band, the bands in turn as a suite mixes them."""
    found: list[Result] = []
    for band, many in n.items():
        found += answers(model, many, chances[band], cost, band=band, first=10_000 * len(found), **how)
    return mixed(found)


def mixed(results: Iterable[Result]) -> list[Result]:
    """In an order in which every stretch holds all kinds; the same for every model."""
    known = list(results)
    order = sorted({one.case for one in known}, key=lambda case: Random(case).random())
    place = {case: NOW + at for at, case in enumerate(order)}
    return sorted(
        (
            Result(**{name: place[one.case] if name == "at" else getattr(one, name) for name in one.__struct_fields__})
            for one in known
        ),
        key=lambda one: one.at,
    )
