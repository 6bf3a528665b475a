"""Before anything is spent: whether a model may serve a route at all, and whether its price is known for certain (PRODUCT R4). Pure."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from turnout.catalog import rates
from turnout.catalog.overrides import USER_SOURCE
from turnout.release import places
from turnout.types.models import Feature, Modality, ModelFacts, names
from turnout.types.policy import Route
from turnout.types.release import CatalogEvent, Gate, Release
from turnout.types.traits import Traits
from turnout.types.view import Base

LEAST_SHARE = 0.05
"""A model that could serve less of a route's recent requests than this is not tried there: there is next to nothing to learn."""
TWO = " + "
"""Between the names of sources that agree (catalog.load)."""
_ON_PRICES = frozenset({"price_changed", "model_added", "source_conflict"})


class Kind(msgspec.Struct, frozen=True):
    """Requests that ask for the same: bits of features, of input and of output, and at most so many tokens in all; ``n`` of them."""

    n: int
    features: int = 0
    input: int = 0
    output: int = 0
    tokens: int = 0


def kinds(asked: Iterable[Traits]) -> tuple[Kind, ...]:
    """Requests by what they ask for and how long they are, a doubling at a time; of each kind the longest counts."""
    found: dict[tuple[int, int, int, int], Kind] = {}
    for traits in asked:
        tokens = traits.tokens_max + (traits.max_output or 0)
        key = (traits.features, traits.input, traits.output, tokens.bit_length())
        known = found.get(key, Kind(0, *key[:3]))
        found[key] = msgspec.structs.replace(known, n=known.n + 1, tokens=max(known.tokens, tokens))
    return tuple(found.values())


class Screened(msgspec.Struct, frozen=True):
    """``rejected`` says why it goes no further, ``waiting`` what it waits for; both None: it may be benchmarked.

    ``notes`` are what people should know before they approve it.
    """

    gates: tuple[Gate, ...]
    rejected: str | None = None
    waiting: str | None = None
    notes: tuple[str, ...] = ()


def screen(release: Release, base: Base, events: Sequence[CatalogEvent], now: float, asked: Iterable[Kind] = ()) -> Screened:
    """Judge facts alone. ``events`` are those known of the model, ``asked`` what the route's recent requests wanted.

    Estimates of quality and latency are no gates here: measuring them is what comes next.
    """
    route = next((one for one in base.policy.routes if one.name == release.route), None)
    facts = next((one for one in base.models if one.id == release.model), None)
    if route is None or facts is None:
        gone = f"route {release.route}" if route is None else release.model
        return Screened((), f"there is no {gone} any more")
    gates = (_capable(facts, route, tuple(asked)), _in_place(facts, route), confirmed(facts, events, now))
    notes = tuple(_notes(facts, route))
    if (leaving := _leaving(facts, base, now)) is not None:
        return Screened(gates, leaving, None, notes)
    failed = [gate.text for gate in gates[:2] if gate.passed is False]
    if failed:
        return Screened(gates, "; ".join(failed), None, notes)
    price = gates[2]
    return Screened(gates, None, None if price.passed else price.text, notes)


def fits(facts: ModelFacts, route: Route) -> tuple[str, ...]:
    """What the model lacks of what the route demands whatever the request, in words; empty: nothing."""
    return (*_lacks(facts, route), *_misplaced(facts, route))


def can(facts: ModelFacts, kind: Kind, tolerated: int) -> bool:
    """Whether it may serve such a request."""
    able = facts.features | (facts.unknown_features & tolerated)
    room = min((limit for limit in (facts.context, facts.max_input) if limit is not None), default=kind.tokens)
    return not (kind.input & ~facts.input or kind.output & ~facts.output or kind.features & ~able) and kind.tokens <= room


def confirmed(facts: ModelFacts, events: Sequence[CatalogEvent], now: float) -> Gate:
    """The gate ``price``: known, and by two sources or by hand. Not known is None, a price that is in dispute False."""
    if rates.in_force(facts.prices, places.day(now)) is None:
        return Gate("price", None, f"the price of {facts.id} is unknown: state it under models.{facts.id}.price")
    source = facts.sources.get("prices")
    name = facts.prices[-1].source.name if source is None else source.name
    if name == USER_SOURCE:
        return Gate("price", True, "the policy's file states the price")
    latest = max(
        (event for event in events if _is_on_price(event) and is_about(event, facts)), key=lambda event: event.at, default=None
    )
    by_hand = f"state it under models.{facts.id}.price to confirm it by hand"
    if latest is not None and latest.kind == "source_conflict" and not latest.confirmed:
        return Gate("price", False, f"sources disagree on the price ({latest.detail or ', '.join(latest.sources)}): {by_hand}")
    if latest is not None and latest.state == "quarantined":
        return Gate("price", None, f"a change of the price waits for a person ({latest.before} to {latest.after})")
    if latest is not None and latest.confirmed:
        return Gate("price", True, f"the price is confirmed by {_all(latest.sources) or 'a person'}")
    if TWO in name:
        return Gate("price", True, f"{_all(name.split(TWO))} agree on the price")
    return Gate("price", None, f"only {name} names the price: a second source must agree, or {by_hand}")


def is_about(event: CatalogEvent, facts: ModelFacts) -> bool:
    """Events name ``vendor/model``, whoever serves it here."""
    return event.model == facts.id or event.model.partition("/")[2] == facts.upstream_id


def _is_on_price(event: CatalogEvent) -> bool:
    if event.kind not in _ON_PRICES or event.state == "dismissed":
        return False
    return event.kind != "source_conflict" or event.field is None or "price" in event.field


def _capable(facts: ModelFacts, route: Route, asked: Sequence[Kind]) -> Gate:
    if lacks := tuple(_lacks(facts, route)):
        return Gate("capabilities", False, f"{facts.id}: {'; '.join(lacks)}")
    total = sum(kind.n for kind in asked)
    if not total:
        return Gate("capabilities", True, "it has what the route demands")
    tolerated = places.tolerated(route)
    share = sum(kind.n for kind in asked if can(facts, kind, tolerated)) / total
    text = f"it has what the route demands, and could serve {share:.0%} of its recent requests"
    if share < LEAST_SHARE:
        return Gate("capabilities", False, f"{facts.id} could serve {share:.1%} of the route's recent requests")
    return Gate("capabilities", True, text)


def _in_place(facts: ModelFacts, route: Route) -> Gate:
    if misplaced := tuple(_misplaced(facts, route)):
        return Gate("data_policy", False, f"{facts.id}: {'; '.join(misplaced)}")
    asks = route.needs.data_policy or route.needs.region
    return Gate(
        "data_policy", True, "region and data policy are as the route demands" if asks else "the route demands nothing of them"
    )


def _lacks(facts: ModelFacts, route: Route) -> Iterator[str]:
    needs = route.needs
    if missing := needs.input & ~facts.input:
        yield f"no {_all(names(Modality(missing)))} input"
    if missing := needs.features & ~(facts.features | (facts.unknown_features & places.tolerated(route))):
        known, unknown = Feature(missing & ~facts.unknown_features), Feature(missing & facts.unknown_features)
        yield from (
            f"{said}{_all(names(some))}{end}" for said, some, end in (("no ", known, ""), ("", unknown, " unknown")) if some
        )
    if needs.context is not None and (facts.context or 0) < needs.context:
        yield f"context {facts.context or 'unknown'}, the route needs {needs.context}"


def _misplaced(facts: ModelFacts, route: Route) -> Iterator[str]:
    needs = route.needs
    if needs.region and facts.region not in needs.region:
        yield f"region {facts.region or 'unknown'}, the route needs {_all(sorted(needs.region))}"
    if missing := needs.data_policy - facts.data_policy:
        yield f"the data policy lacks {_all(sorted(missing))}"


def _leaving(facts: ModelFacts, base: Base, now: float) -> str | None:
    """Whoever comes must stay for longer than it takes to find the next."""
    if facts.disabled:
        return f"{facts.id} is disabled in the policy"
    if facts.retires is not None:
        ahead = base.policy.release.retire_ahead
        if places.day(now + ahead) >= facts.retires:
            return f"{facts.id} {'was retired' if facts.retires <= places.day(now) else 'will be retired'} on {facts.retires}"
    return f"{facts.id} is deprecated" if facts.status == "deprecated" else None


def _notes(facts: ModelFacts, route: Route) -> Iterator[str]:
    if route.approved and facts.id not in route.models:
        yield f"{facts.id} is not on the approved list of {route.name}: whoever approves it puts it there"
    if facts.status == "preview":
        yield f"{facts.id} is a preview: its vendor may change it or take it back"


def _all(words: Iterable[str]) -> str:
    return ", ".join(words)
