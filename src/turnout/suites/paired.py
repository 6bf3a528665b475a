"""Two models' results on the same cases, side by side. Pure."""

from collections.abc import Iterable
from statistics import fmean

from turnout.types.suite import Result


def scores(results: Iterable[Result], model: str) -> dict[str, float]:
    """By case the mean of the model's scores over its repeats, in the order the cases came; cases that no grader could judge are not in it."""
    found: dict[str, list[float]] = {}
    for result in results:
        if result.model == model and result.score is not None:
            found.setdefault(result.case, []).append(result.score)
    return {case: fmean(each) for case, each in found.items()}


def differences(results: Iterable[Result], first: str, second: str) -> list[float]:
    """The second model's score minus the first's, case by case; -1..1."""
    known = list(results)
    before, after = scores(known, first), scores(known, second)
    return [after[case] - score for case, score in before.items() if case in after]
