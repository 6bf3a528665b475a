"""Two models' answers to the same cases, side by side: what scores, gates and proposals are reckoned from. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median

import msgspec

from turnout.types.suite import UNCALIBRATED, Result
from turnout.types.traits import Band


class Side(msgspec.Struct, frozen=True):
    """What one model made of a case; repeats are averaged, since they are no further cases.

    ``good`` is the share of its answers that solved it, ``ok`` of those that came at all, ``ms`` their median time (None: none came), ``cost``
    pico-dollars an answer (None: some answer's is unknown; one that never came costs nothing unless it says so).
    """

    model: str
    good: float
    ok: float
    ms: float | None
    cost: float | None
    answers: tuple[Result, ...]


class Pair(msgspec.Struct, frozen=True):
    """One case: what serves such requests today, and the candidate."""

    case: str
    task: str | None
    band: Band | None
    control: Side
    candidate: Side

    @property
    def difference(self) -> float:
        """Of quality, candidate minus control, in [-1, 1]."""
        return self.candidate.good - self.control.good


Control = Callable[[str | None, Band | None], str | None]
"""Which model serves requests of a task and band; None: it is not known."""


def paired(results: Iterable[Result], candidate: str, control: Control) -> tuple[Pair, ...]:
    """The cases that both answered and somebody who can be believed could judge, in the order in which the candidate's answers came."""
    by_case: defaultdict[str, defaultdict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in sorted(results, key=lambda one: (one.at, one.case, one.repeat)):
        if (result.solved is not None or result.outcome != "ok") and UNCALIBRATED not in result.details:
            by_case[result.case][result.model].append(result)
    found: list[tuple[float, Pair]] = []
    for case, by_model in by_case.items():
        mine = by_model.get(candidate)
        if not mine:
            continue
        task, band = mine[0].task, mine[0].band
        theirs = by_model.get(control(task, band) or "")
        if theirs and theirs[0].model != candidate:
            found.append((mine[0].at, Pair(case, task, band, _side(theirs), _side(mine))))
    return tuple(pair for _, pair in sorted(found, key=lambda one: (one[0], one[1].case)))


def quality(sides: Sequence[Side]) -> float:
    return fmean(side.good for side in sides)


def success(sides: Sequence[Side]) -> float:
    return fmean(side.ok for side in sides)


def p50(sides: Iterable[Side]) -> float | None:
    """Milliseconds; None where no answer came."""
    times = [side.ms for side in sides if side.ms is not None]
    return median(times) if times else None


def mean_cost(sides: Iterable[Side]) -> float | None:
    """Pico-dollars an answer; None where one's is unknown."""
    costs = [side.cost for side in sides]
    known = [cost for cost in costs if cost is not None]
    return fmean(known) if known and len(known) == len(costs) else None


def _side(answers: Sequence[Result]) -> Side:
    came = [one for one in answers if one.outcome == "ok"]
    costs = [one.cost if one.cost is not None or one.outcome == "ok" else 0 for one in answers]
    known = [cost for cost in costs if cost is not None]
    return Side(
        answers[0].model,
        fmean(1.0 if one.solved and one.outcome == "ok" else 0.0 for one in answers),
        len(came) / len(answers),
        median(one.ms for one in came) if came else None,
        fmean(known) if len(known) == len(costs) else None,
        tuple(answers),
    )
