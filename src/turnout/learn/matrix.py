"""How good models are at what, from benchmarks and from verdicts on live answers (PRODUCT M1, R3). Pure.

A cell is a Beta posterior. Its prior is what was stated of the model (by the catalog, or in the policy) and counts as ``STRENGTH`` cases: such a
figure is off by about one point of ten (reports.whatif), and a Beta of mean 0.7 to 0.8 with a standard deviation of 0.1 is worth twenty.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import fmean, median

import msgspec

from turnout.decide.compiled import compile_view
from turnout.evidence.intervals import JEFFREYS, beta
from turnout.feedback.weigh import RANK
from turnout.store.cells import Judged
from turnout.types.feedback import Source
from turnout.types.matrix import Basis, Cell, Matrix, topic
from turnout.types.money import PicoDollars
from turnout.types.seconds import DAY
from turnout.types.suite import Result
from turnout.types.traits import Band
from turnout.types.view import Base, Overlay

STRENGTH = 20.0
ENOUGH = 30
"""Cases from which a cell is decided on."""
NARROW = 0.15
"""Or the width of its interval up to which it is, from a third as many cases on: of nearly perfect models less has to be seen."""
MOST = 300
"""A basis counts for so many cases at most: what is then still in doubt is what it measures, not how often."""
HALF_LIFE = 14 * DAY
WINDOW = 60 * DAY
"""Seconds in which a live verdict loses half of its weight, and after which it is not looked at."""
BENCHMARK_HOLDS = 90 * DAY
"""Seconds after which a benchmark says nothing of a model any more."""
MOVED = 0.1
"""Points of ten by which a figure moves before it is worth a new view."""
SOURCES: tuple[Source, ...] = ("user", "import", "judge", "check")
"""Whose verdicts are a measure. Implicit signals are not: they tell of bad answers only, and silence is no praise."""

_COMPARED = "pairwise: "
"""How the detail of a comparison begins (suites.graders.grade)."""

Prior = Callable[[str, str], float | None]
"""Quality (0..10) stated of a model at a task; None: nothing is."""
Place = tuple[str, str, Band | None]


class Estimate(msgspec.Struct, frozen=True):
    """All that is known of ``model`` at ``task`` in one band (None: over all): both bases and the prior, as shares 0..1 with a 95 % interval.

    ``cost_solved`` and ``p50_ms`` are of the newest basis that tells.
    """

    model: str
    task: str
    band: Band | None
    quality: float
    low: float
    high: float
    n: int
    at: float
    bases: tuple[Basis, ...]
    cost_solved: PicoDollars | None = None
    p50_ms: float | None = None

    @property
    def is_known(self) -> bool:
        """Well enough to decide on."""
        return self.n >= ENOUGH or (3 * self.n >= ENOUGH and self.high - self.low <= NARROW)


def stated(base: Base, now: float) -> Prior:
    """What the policy's file and the catalog say, as a decision would take it where nothing was measured."""
    slots = compile_view(base, Overlay("", datetime.fromtimestamp(now, UTC).date()), "").slots

    def prior(model: str, task: str) -> float | None:
        slot = slots.get(model)
        return None if slot is None else slot.quality.get(task, slot.general)

    return prior


def from_benchmark(results: Iterable[Result], prior: Prior, suite: str) -> tuple[Cell, ...]:
    """The cells of one run of a suite (its hash). Answers to one case are one observation, their mean: repeats are not more cases.

    What no grader could judge, and what has no task, counts for nothing; nor does what was only compared with another model's answer, which is
    no measure of its own. An answer that never came was no good one.
    """
    found: defaultdict[Place, list[Result]] = defaultdict(list)
    for result in results:
        if result.task is not None and (result.solved is not None or result.outcome != "ok") and not _is_compared(result):
            found[result.model, result.task, None].append(result)
            if result.band is not None:
                found[result.model, result.task, result.band].append(result)
    return tuple(_of_results(place, found[place], prior, suite) for place in sorted(found, key=_by_name))


def from_traffic(judged: Sequence[Judged], prior: Prior, now: float) -> tuple[Cell, ...]:
    """The cells of live answers, latest first: of the version that the provider serves now, the older the less weight."""
    serves = _versions(judged)
    by_task: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        if one.version is None or serves.get(one.model, one.version) == one.version:
            by_task[one.task].append(one)
    found: defaultdict[Place, list[Judged]] = defaultdict(list)
    for task, said in by_task.items():
        for one in heard(said):
            found[one.model, task, None].append(one)
            if one.band is not None:
                found[one.model, task, one.band].append(one)
    cells = (_of_verdicts(place, found[place], prior, now) for place in sorted(found, key=_by_name))
    return tuple(cell for cell in cells if cell is not None)


def heard(said: Sequence[Judged]) -> Sequence[Judged]:
    """Whose verdicts on a task count: who knows better is heard (feedback.weigh), and all models by the same judges or they could not be compared.

    So only the best informed, if they have judged enough of every model that has been judged enough at all; else those below them too.
    """
    models = _often(said)
    for rank in sorted({RANK[one.by] for one in said}, reverse=True):
        best = [one for one in said if RANK[one.by] >= rank]
        if models and models <= _often(best):
            return best
    return said


def holding(
    cells: Iterable[Cell], judged: Sequence[Judged], now: float, suites: Collection[str] | None = None
) -> tuple[Cell, ...]:
    """The benchmarks that still hold: not too old, of a suite as it is now (hashes; None: not known), of the version that is served now."""
    since = _changed(judged)
    return tuple(
        cell
        for cell in cells
        if cell.basis == "benchmark"
        and now - cell.at <= BENCHMARK_HOLDS
        and (suites is None or cell.suite in suites)
        and cell.at >= since.get(cell.model, 0.0)
    )


def estimates(cells: Iterable[Cell], prior: Prior) -> tuple[Estimate, ...]:
    """Benchmark and traffic together. A band is reckoned from what is known of the task: what few cases say of it is shrunk towards that."""
    by_place: defaultdict[Place, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_place[cell.model, cell.task, cell.band].append(cell)
    found: dict[Place, Estimate] = {}
    for place in sorted(by_place, key=_by_name):  # a task before its bands
        model, task, band = place
        whole = found.get((model, task, None)) if band is not None else None
        before = prior(model, task) if whole is None else 10 * whole.quality
        found[place] = _together(place, by_place[place], before)
    return tuple(found.values())


def matrix(known: Iterable[Estimate], models: Collection[str] | None = None) -> Matrix:
    """What a view carries: of these models (None: all) the figures that are known well enough, 0..10."""
    quality: dict[str, dict[str, float]] = {}
    for one in known:
        if one.is_known and (models is None or one.model in models):
            quality.setdefault(one.model, {})[topic(one.task, one.band)] = round(10 * one.quality, 2)
    return Matrix(quality)


def differ(old: Matrix, new: Matrix) -> bool:
    """Whether the difference is worth a new view."""
    if old.quality.keys() != new.quality.keys():
        return True
    return any(
        topics.keys() != new.quality[model].keys()
        or any(abs(new.quality[model][name] - was) >= MOVED for name, was in topics.items())
        for model, topics in old.quality.items()
    )


def _is_compared(result: Result) -> bool:
    return any(detail.startswith(_COMPARED) for detail in result.details)


def _of_results(place: Place, results: Sequence[Result], prior: Prior, suite: str) -> Cell:
    by_case: defaultdict[str, list[float]] = defaultdict(list)
    for result in results:
        by_case[result.case].append(1.0 if result.solved and result.outcome == "ok" else 0.0)
    good, n = sum(fmean(each) for each in by_case.values()), len(by_case)
    costs = [result.cost for result in results if result.cost is not None]
    solved = sum(map(sum, by_case.values()))
    known = solved > 0 and all(result.cost is not None for result in results if result.outcome == "ok")
    quality, low, high = _posterior(prior(place[0], place[1]), good, n)
    return Cell(
        *place, "benchmark", quality, low, high, n, good, max(result.at for result in results), suite,
        PicoDollars(round(sum(costs) / solved)) if known else None,
        median([result.ms for result in results if result.outcome == "ok"] or [0.0]) or None,
    )  # fmt: skip


def _of_verdicts(place: Place, said: Sequence[Judged], prior: Prior, now: float) -> Cell | None:
    weights = [0.5 ** (max(now - one.at, 0.0) / HALF_LIFE) for one in said]
    total, n = sum(weights), round(sum(weights))
    if n < 1:
        return None
    solved = sum(weight * one.verdict for weight, one in zip(weights, said, strict=True) if not one.held)
    costs = [weight * one.cost for weight, one in zip(weights, said, strict=True) if one.cost is not None]
    good = solved * n / total
    quality, low, high = _posterior(prior(place[0], place[1]), good, n)
    return Cell(
        *place, "live", quality, low, high, n, good, max(one.at for one in said), None,
        PicoDollars(round(sum(costs) / solved)) if solved > 0 and len(costs) == len(said) else None,
        median(one.ms for one in said),
    )  # fmt: skip


def _together(place: Place, cells: Sequence[Cell], before: float | None) -> Estimate:
    newest = sorted(cells, key=lambda cell: -cell.at)
    good = sum(cell.good * min(1.0, MOST / cell.n) for cell in cells if cell.n)
    quality, low, high = _posterior(before, good, sum(min(cell.n, MOST) for cell in cells))
    return Estimate(
        *place, quality, low, high, sum(cell.n for cell in cells), newest[0].at, tuple(sorted({cell.basis for cell in cells})),
        next((cell.cost_solved for cell in newest if cell.cost_solved is not None), None),
        next((cell.p50_ms for cell in newest if cell.p50_ms is not None), None),
    )  # fmt: skip


def _posterior(stated_quality: float | None, good: float, n: float) -> tuple[float, float, float]:
    """Mean and the middle 95 %; ``stated_quality`` is 0..10."""
    if stated_quality is None:
        a, b = JEFFREYS
    else:
        share = min(max(stated_quality / 10, 0.025), 0.975)  # nobody is beyond doubt before anything was seen
        a, b = STRENGTH * share, STRENGTH * (1 - share)
    return (a + good) / (a + b + n), *beta(good, n, (a, b))


def _often(said: Iterable[Judged]) -> set[str]:
    return {model for model, n in Counter(one.model for one in said).items() if n >= ENOUGH}


def _versions(judged: Iterable[Judged]) -> dict[str, str]:
    """What each model was last called by its provider."""
    serves: dict[str, str] = {}
    for one in judged:
        if one.version is not None:
            serves.setdefault(one.model, one.version)
    return serves


def _changed(judged: Sequence[Judged]) -> Mapping[str, float]:
    """Since when models that another version was seen of are what they are now."""
    serves, others = _versions(judged), dict[str, float]()
    for one in judged:  # latest first: the latest of another version ends it
        if one.version is not None and one.version != serves[one.model]:
            others.setdefault(one.model, one.at)
    return others


def _by_name(place: Place) -> tuple[str, str, str]:
    return place[0], place[1], place[2] or ""
