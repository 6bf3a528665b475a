"""How far a run's judge can be believed, in words: on terminals, on pages. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from turnout.suites.summary import NotWorse, not_worse
from turnout.types.judge import ENOUGH, KAPPA, Calibration
from turnout.types.suite import Result, Run


def told_of_judge(run: Run, results: Sequence[Result], *, compares: bool = False) -> tuple[str, ...]:
    """Sentences, of a run whose judge was asked to compare answers, or is going to be (``compares``); none of others."""
    if run.judge is None or not (compares or run.labels or run.unfit or any(one.compared is not None for one in results)):
        return ()
    return tuple(_told(run, results))


def shares(run: Run, results: Sequence[Result]) -> tuple[NotWorse, ...]:
    """Of each other model beside the first."""
    found = (not_worse(results, run.models[0], model, run.calibration) for model in run.models[1:])
    return tuple(each for each in found if each is not None)


def _told(run: Run, results: Sequence[Result]) -> Iterator[str]:
    yield f"judge {run.judge} {_trust(run)}"
    if run.unfit:
        yield f"mind that {run.unfit}"
    yield from map(_share, shares(run, results))


def _trust(run: Run) -> str:
    found = run.calibration
    if run.labels is None:
        return f"is not held against people's verdicts: what it says is told, and decides nothing (labels: suites.{run.suite}.calibration)"
    if found is None:
        return "is held against people's verdicts before anything else is asked"
    if found.kappa is None:
        return f"cannot be told from chance by {_labels(found)}: its verdicts decide nothing"
    figures = "; ".join((f"kappa {found.kappa:.2f} over {_labels(found)}", *_habits(found)))
    if found.gates:
        return f"agrees with people: {figures}: its verdicts count"
    lacks = [
        *([f"a kappa of {KAPPA:g}"] if found.kappa < KAPPA else []),
        *([f"{ENOUGH} labels"] if found.n < ENOUGH else []),
    ]
    return f"is not shown to agree with people: {figures}: its verdicts decide nothing, for that {' and '.join(lacks)} would be needed"


def _labels(found: Calibration) -> str:
    return f"{found.n} labels" + (f" ({found.failed} more without a verdict)" if found.failed else "")


def _habits(found: Calibration) -> Iterable[str]:
    if found.flips is not None:
        yield f"answers unequal to themselves: {found.flips:.0%}"
    if found.inconsistent is not None:
        yield f"verdicts that change with the order: {found.inconsistent:.0%}"


def _share(one: NotWorse) -> str:
    said = f"it found {one.second} not worse than {one.first} in {one.seen:.0%} of {one.n} cases"
    if one.put_right is None:
        return said
    right = one.put_right
    return f"{said}; as people would have it {right.value:.0%} ({right.low:.0%} to {right.high:.0%})"
