"""The gates that benchmarks open: quality and success not inferior, on the same cases; and what the route's needs ask of measured figures. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import exp, sqrt
from statistics import fmean, variance

import msgspec

from turnout.evidence.paired import Paired, certifiable_margin
from turnout.release import pairs as sides
from turnout.release.pairs import Pair
from turnout.types.money import PicoDollars, usd
from turnout.types.policy import Route
from turnout.types.release import Gate
from turnout.types.release_rules import ReleaseRules

Z = 1.96
PART_LEAST = 30
"""Cases of a band or task from which it is looked at alone."""
QUALITY, SUCCESS = "quality", "success"


class Margins(msgspec.Struct, frozen=True):
    """What the route tolerates, as differences of shares, and the chance of a false proof of each."""

    quality: float
    success: float
    alpha: float


def margins(route: Route, rules: ReleaseRules) -> Margins:
    """The route's own before the release rules'."""
    usual, own = rules.spec.margins, route.margin
    return Margins(
        usual.quality if own.quality is None else own.quality,
        usual.success if own.success is None else own.success,
        rules.spec.alpha,
    )


def measured(pairs: Sequence[Pair], wanted: Margins, tried: int = 1) -> tuple[Gate, Gate]:
    """Quality and success. With several conditions ``tried`` each must prove that much more (Bonferroni)."""
    return (
        not_inferior(QUALITY, [(pair.control.good, pair.candidate.good) for pair in pairs], wanted.quality, wanted.alpha / tried),
        not_inferior(SUCCESS, [(pair.control.ok, pair.candidate.ok) for pair in pairs], wanted.success, wanted.alpha / tried),
    )


def not_inferior(name: str, scores: Sequence[tuple[float, float]], margin: float, alpha: float) -> Gate:
    """By paired betting (F4): passed when proven, failed when the contrary is, else not known."""
    if not scores:
        return Gate(name, None, "no case was answered by both")
    before, after = (fmean(each) for each in zip(*scores, strict=True))
    differences = [new - old for old, new in scores]
    figures = f"{after:.1%} against {before:.1%} of {len(scores)} cases"
    if margin <= 0:
        return Gate(name, None, f"{figures}: with a margin of 0 nothing can be proven")
    test = Paired.new(margin, alpha)
    test.take(differences)
    points, strength = f"{100 * margin:.3g} points", f"e-value {exp(min(test.fit.peak, 30)):.3g}, needs {exp(test.needed):.3g}"
    if test.verdict == "fits":
        return Gate(name, True, f"{figures}: no worse by {points} ({strength})")
    if test.verdict == "unfit":
        return Gate(name, False, f"{figures}: worse by more than {points}")
    certifies = certifiable_margin(len(scores), fmean(each**2 for each in differences), alpha)
    could = f"; so many cases could certify {100 * certifies:.3g}" if certifies is not None and certifies > margin else ""
    return Gate(name, None, f"{figures}: not shown to be within {points} ({strength}){could}")


def weak_parts(pairs: Sequence[Pair], margin: float) -> tuple[str, ...]:
    """Bands and tasks in which the candidate is worse, beyond the margin and beyond chance, whatever it is on the whole."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for pair in pairs:
        for part in (pair.band, pair.task):
            if part is not None:
                found[part].append(pair.difference)
    return tuple(
        f"{part} ({100 * fmean(differences):+.1f} points on {len(differences)} cases)"
        for part, differences in sorted(found.items())
        if len(differences) >= PART_LEAST and fmean(differences) < -margin and fmean(differences) + _half(differences) < 0
    )


def needed(route: Route, pairs: Sequence[Pair]) -> Iterator[Gate]:
    """What the route demands in figures, against those that were measured."""
    needs, mine = route.needs, [pair.candidate for pair in pairs]
    if not mine:
        return
    if needs.cost_per_request is not None:
        cost = sides.mean_cost(mine)
        text = "unknown" if cost is None else f"${usd(PicoDollars(round(cost))):.6f}"
        fits = None if cost is None else cost <= needs.cost_per_request
        yield Gate("cost", fits, f"an answer costs {text}, the route allows ${usd(needs.cost_per_request):.6f}")
    if needs.latency_p95_ms is not None:
        times = sorted(side.ms for side in mine if side.ms is not None)
        p95 = times[min(int(0.95 * len(times)), len(times) - 1)] if times else None
        text = "unknown" if p95 is None else f"{p95:,.0f} ms"
        yield Gate(
            "latency",
            None if p95 is None else p95 <= needs.latency_p95_ms,
            f"p95 {text}, the route allows {needs.latency_p95_ms:,.0f} ms",
        )


def is_passed(gates: Iterable[Gate]) -> bool:
    return all(gate.passed for gate in gates)


def _half(differences: Sequence[float]) -> float:
    return Z * sqrt(variance(differences) / len(differences))
