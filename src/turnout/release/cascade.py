"""Whether a cheaper model is worth a checked first try: its failures must be such as a check catches, and a second call must not cost more. Pure."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

import msgspec

from turnout.release import pairs as sides
from turnout.release.gates import Margins, not_inferior
from turnout.release.pairs import Pair
from turnout.types.checks import Check, Length, name_of
from turnout.types.policy import Route
from turnout.types.release import Gate
from turnout.types.suite import Result

LEAST_SAVING = 0.05
"""Below this share of the cost a second call now and then is not worth its wait."""

Told = Callable[[Result, Check], bool | None]
"""Whether an answer passes a check; None: nobody looked."""


class Cascade(msgspec.Struct, frozen=True):
    """The candidate first, the control where a check refuses its answer. ``quality`` is of both together, ``cost`` and ``ms`` of both calls.

    ``passes`` is the share of the candidate's answers that are served. ``saving`` is of the cost of what is compared.
    """

    checks: tuple[Check, ...]
    passes: float
    quality: float
    cost: float
    saving: float
    p50_ms: float | None
    gate: Gate


def told(result: Result, check: Check) -> bool | None:
    """As the details of its grading say it (suites.graders.grade): ``name: holds``, or ``name: `` and what was wrong."""
    said = [words for name, _, words in (detail.partition(": ") for detail in result.details) if name == name_of(check)]
    return all(words == "holds" for words in said) if said else None


def checks_of(route: Route, others: Iterable[Check] = ()) -> tuple[Check, ...]:
    """What the route checks answers by, and a suite. A bound on an answer's length is no sign of its being right."""
    online = route.after.checks if route.after is not None else ()
    found = [*online, *(check for arm in route.cascade for check in arm.checks), *others]
    return tuple(dict.fromkeys(check for check in found if not isinstance(check, Length)))


def cascade(pairs: Sequence[Pair], checks: Sequence[Check], wanted: Margins, told: Told = told) -> Cascade | None:
    """What a cascade with those of the checks would be that say something of every answer; None: none does, or a cost is unknown."""
    used = tuple(check for check in checks if all(told(one, check) is not None for one in _came(pairs)))
    if not used or not pairs:
        return None
    served = [_passed(pair, used, told) for pair in pairs]
    both = [_quality(pair, used, told) for pair in pairs]
    before = sides.mean_cost(pair.control for pair in pairs)
    first = sides.mean_cost(pair.candidate for pair in pairs)
    if first is None or not before:
        return None
    again = fmean((1 - passed) * (pair.control.cost or 0.0) for passed, pair in zip(served, pairs, strict=True))
    times = [_wait(pair, passed) for pair, passed in zip(pairs, served, strict=True)]
    known = sorted(ms for ms in times if ms is not None)
    return Cascade(
        used, fmean(served), fmean(both), first + again, 1 - (first + again) / before, known[len(known) // 2] if known else None,
        not_inferior("quality", [(pair.control.good, good) for pair, good in zip(pairs, both, strict=True)], wanted.quality, wanted.alpha),
    )  # fmt: skip


def is_worth_it(found: Cascade) -> bool:
    """It holds the quality, and is cheaper with the second calls."""
    return found.gate.passed is True and found.saving >= LEAST_SAVING


def _came(pairs: Sequence[Pair]) -> list[Result]:
    return [one for pair in pairs for one in pair.candidate.answers if one.outcome == "ok"]


def _serves(answer: Result, checks: Sequence[Check], told: Told) -> bool:
    return answer.outcome == "ok" and all(told(answer, check) for check in checks)


def _passed(pair: Pair, checks: Sequence[Check], told: Told) -> float:
    return fmean(float(_serves(one, checks, told)) for one in pair.candidate.answers)


def _quality(pair: Pair, checks: Sequence[Check], told: Told) -> float:
    """An answer that passes is served, good or not; one that does not gives way to the control's."""
    return fmean(float(one.solved is True) if _serves(one, checks, told) else pair.control.good for one in pair.candidate.answers)


def _wait(pair: Pair, passed: float) -> float | None:
    if pair.candidate.ms is None or pair.control.ms is None:
        return pair.control.ms
    return pair.candidate.ms + (1 - passed) * pair.control.ms
