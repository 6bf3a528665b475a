"""The five questions of a release, answered in writing (PRODUCT R4): from the catalog's facts, and from results once there are any. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from math import inf, log, sqrt
from operator import or_
from statistics import fmean, variance

from turnout.catalog import rates
from turnout.catalog.overrides import USER_SOURCE
from turnout.feedback.accuracy import Z95
from turnout.release import pairs as sides
from turnout.release import places
from turnout.release.pairs import Pair
from turnout.release.screen import TWO, fits, is_about
from turnout.types.models import Feature, Modality, ModelFacts, names
from turnout.types.money import PICO_PER_USD
from turnout.types.policy import Route
from turnout.types.release import Answer, CatalogEvent
from turnout.types.view import Base

FAR_LARGER = 1.5
"""A context that many times the largest there was lets new things be done; a little more lets the same be done a little longer."""

Disputed = frozenset[tuple[str, str]]
"""Model and fact (``prices``, ``context``, ``features``, ``modalities``) on which sources disagree, or that only one of them says."""


def answers(
    candidate: ModelFacts, against: ModelFacts | None, route: Route, base: Base, now: float,
    pairs: Sequence[Pair] = (), disputed: Disputed = frozenset(),
) -> tuple[Answer, ...]:  # fmt: skip
    """In the order cheaper, faster, better, fallback, new_use. ``against`` None: the route chooses among several."""
    there = _there(route, base, against, candidate)
    return (
        cheaper(candidate, against, now, pairs, disputed),
        faster(candidate, against, pairs),
        better(candidate, against, pairs),
        fallback(candidate, against, route, there),
        new_use(candidate, there, disputed),
    )


def disputed(models: Iterable[ModelFacts], events: Sequence[CatalogEvent]) -> Disputed:
    """What the latest event on a fact of these models says of its certainty; what the policy's file states is beyond dispute."""
    found: set[tuple[str, str]] = set()
    for facts in models:
        for fact in ("prices", "context", "features", "modalities"):
            about = [event for event in events if is_about(event, facts) and event.state != "dismissed" and _fact(event) == fact]
            latest = max(about, key=lambda event: event.at, default=None)
            if latest is not None and not latest.confirmed and not _is_certain(facts, fact, latest):
                found.add((facts.id, fact))
    return frozenset(found)


def cheaper(
    candidate: ModelFacts, against: ModelFacts | None, now: float, pairs: Sequence[Pair] = (), disputed: Disputed = frozenset()
) -> Answer:
    """By what answers really cost, else by list price, blended 3 to 1."""
    if pairs and (found := _measured_cost(pairs)) is not None:
        before, after = found
        return _by_price(before, after, f"per solved case on {len(pairs)} cases")
    if against is None:
        return Answer("cheaper", "unknown", "The route chooses among several models: there is no one price to compare with.")
    day = places.day(now)
    tiers = [rates.in_force(facts.prices, day) for facts in (against, candidate)]
    if tiers[0] is None or tiers[1] is None:
        unknown = " and ".join(facts.id for facts, known in zip((against, candidate), tiers, strict=True) if known is None)
        return Answer("cheaper", "unknown", f"The price of {unknown} is unknown.")
    unsure = [facts.id for facts in (against, candidate) if (facts.id, "prices") in disputed]
    before, after = (rates.blended(known) / PICO_PER_USD * 1e6 for known in tiers if known is not None)
    said = _by_price(before, after, "per million tokens by list price, 3 in to 1 out")
    if not unsure:
        return said
    return Answer("cheaper", "unconfirmed", f"{said.text} Sources do not agree on the price of {' and '.join(unsure)}.")


def faster(candidate: ModelFacts, against: ModelFacts | None, pairs: Sequence[Pair] = ()) -> Answer:
    """By measured medians; the catalog's latencies are estimates, which answer nothing."""
    before, after = sides.p50(pair.control for pair in pairs), sides.p50(pair.candidate for pair in pairs)
    if before and after:
        low, high = _spread([log(new / old) for pair in pairs if (new := pair.candidate.ms) and (old := pair.control.ms)])
        text = f"Median {after:,.0f} ms against {before:,.0f} ms on {len(pairs)} cases ({after / before - 1:+.0%})"
        if high < 0:
            return Answer("faster", "yes", f"{text}.")
        return Answer("faster", "no", f"{text}{'' if low > 0 else ': no difference is shown'}.")
    estimates = [facts.latency for facts in (candidate, against) if facts is not None and facts.latency is not None]
    if len(estimates) == 2:
        return Answer(
            "faster",
            "unknown",
            f"Not measured yet; estimated median {estimates[0].p50_ms:,.0f} ms against {estimates[1].p50_ms:,.0f} ms.",
        )
    return Answer("faster", "unknown", "Not measured yet.")


def better(candidate: ModelFacts, against: ModelFacts | None, pairs: Sequence[Pair] = ()) -> Answer:
    """By the share of cases solved; the catalog's figures are estimates, which answer nothing."""
    if pairs:
        before, after = sides.quality([pair.control for pair in pairs]), sides.quality([pair.candidate for pair in pairs])
        low, high = _spread([pair.difference for pair in pairs])
        text = f"Solves {after:.1%} against {before:.1%} of {len(pairs)} cases (difference {100 * low:+.1f} to {100 * high:+.1f} points)"
        if low > 0:
            return Answer("better", "yes", f"{text}.")
        return Answer("better", "no", f"{text}{'' if high < 0 else ': no difference is shown'}.")
    levels = [level for facts in (candidate, against) if facts is not None and (level := places.level(facts)) is not None]
    if len(levels) == 2:
        return Answer("better", "unknown", f"Not measured yet; estimated quality {levels[0]:.1f} against {levels[1]:.1f} of 10.")
    return Answer("better", "unknown", "Not measured yet.")


def fallback(candidate: ModelFacts, against: ModelFacts | None, route: Route, there: Sequence[ModelFacts]) -> Answer:
    """It must fit every need of the route, and not share the outages of what serves it."""
    if lacks := fits(candidate, route):
        return Answer("fallback", "no", f"It does not fit the route: {'; '.join(lacks)}.")
    serving = [against] if against is not None else there
    providers = {facts.provider for facts in serving}
    if not providers:
        return Answer("fallback", "unknown", "Nothing serves the route today.")
    if providers == {candidate.provider}:
        return Answer("fallback", "no", f"{candidate.provider} serves the route already: an outage there would be of both.")
    same = against is not None and candidate.kin == (against.kin or against.id)
    what = "The same model" if same else "Another model"
    return Answer(
        "fallback",
        "yes",
        f"{what} at another provider ({candidate.provider}, not {', '.join(sorted(providers))}) that fits every need.",
    )


def new_use(candidate: ModelFacts, there: Sequence[ModelFacts], disputed: Disputed = frozenset()) -> Answer:
    """What no model of the route can do, or is not known not to."""
    if not there:
        return Answer("new_use", "unknown", "Nothing serves the route today.")
    news = list(_news(candidate, there))
    doubtful = [
        fact for fact in ("modalities", "features", "context") if any((one.id, fact) in disputed for one in (candidate, *there))
    ]
    sure = [text for fact, text in news if fact not in doubtful]
    if sure:
        return Answer("new_use", "yes", f"No model of the route has this: {'; '.join(sure)}.")
    if doubtful:
        said = "; ".join(text for _, text in news) or "by one of them nothing is new"
        return Answer("new_use", "unconfirmed", f"Sources do not agree on the {' and the '.join(doubtful)}: {said}.")
    return Answer("new_use", "no", "The route's models can do all that it can.")


def _news(candidate: ModelFacts, there: Sequence[ModelFacts]) -> Iterator[tuple[str, str]]:
    """Fact, and what is new in words."""
    for way, mine, theirs in (
        ("input", candidate.input, [facts.input for facts in there]),
        ("output", candidate.output, [facts.output for facts in there]),
    ):
        if fresh := mine & ~reduce(or_, theirs):
            yield "modalities", f"{', '.join(names(Modality(fresh)))} {way}"
    if fresh := candidate.features & ~reduce(or_, [facts.features | facts.unknown_features for facts in there]):
        yield "features", ", ".join(names(Feature(fresh)))
    contexts = [facts.context for facts in there if facts.context is not None]
    if candidate.context is not None and len(contexts) == len(there) and candidate.context >= FAR_LARGER * max(contexts):
        yield "context", f"a context of {candidate.context:,} tokens, {max(contexts):,} before"


def _there(route: Route, base: Base, against: ModelFacts | None, candidate: ModelFacts) -> list[ModelFacts]:
    """The models that serve the route today: those it chooses among, and those that it names besides."""
    known = places.choices(route, base) | places.named(route) | ({against.id} if against is not None else set())
    found = [facts for facts in base.models if facts.id in known and facts.id != candidate.id]
    return found if against is None or against in found else [against, *found]


def _measured_cost(pairs: Sequence[Pair]) -> tuple[float, float] | None:
    """Dollars per solved case of the one and of the other."""
    found = []
    for some in ([pair.control for pair in pairs], [pair.candidate for pair in pairs]):
        cost, solved = sides.mean_cost(some), sides.quality(some)
        if cost is None or not solved:
            return None
        found.append(cost / solved / PICO_PER_USD)
    return found[0], found[1]


def _by_price(before: float, after: float, basis: str) -> Answer:
    """Dollars."""
    change = f" ({after / before - 1:+.0%})" if before else ""
    return Answer("cheaper", "yes" if after < before else "no", f"${after:.4g} against ${before:.4g} {basis}{change}.")


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """The mean's interval of 95 %; everything where there are fewer than two."""
    if len(values) < 2:
        return -inf, inf
    wide = Z95 * sqrt(variance(values) / len(values))
    return fmean(values) - wide, fmean(values) + wide


def _fact(event: CatalogEvent) -> str | None:
    """Which fact an event is about."""
    if event.kind in {"price_changed", "model_added"}:
        return "prices"
    field = event.field or ""
    if event.kind == "source_conflict" and (not field or "price" in field):
        return "prices"
    if event.kind == "context_changed" or "context" in field:
        return "context"
    if event.kind in {"capability_changed", "source_conflict"}:
        return "modalities" if field in {"input", "output", "modalities"} else "features"
    return None


def _is_certain(facts: ModelFacts, fact: str, latest: CatalogEvent) -> bool:
    """The policy's file says it, or two sources do and none disagrees."""
    source = facts.sources.get(fact)
    name = source.name if source is not None else facts.prices[-1].source.name if fact == "prices" and facts.prices else ""
    return name == USER_SOURCE or (TWO in name and latest.kind != "source_conflict")
