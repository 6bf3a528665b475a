"""An existing set-up as its logs tell it: what is used for what, what it costs, how it fares. Folded call by call; no call is kept."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

import msgspec

from turnout.catalog import rates
from turnout.reports.logs.call import Call
from turnout.reports.names import How, Named
from turnout.store.rollups.sketch import bucket, packed
from turnout.types.models import ModelFacts, PriceRow
from turnout.types.money import PicoDollars

MOST_NAMES = 1_000
OTHERS = "(all others)"
"""Of use cases and callers so many are told apart: a log may name every user."""
UNNAMED = "(not named)"
NO_DAY = "(no time)"


class Spread(msgspec.Struct, frozen=True):
    """What ``n`` times are like, in milliseconds; quantiles within a hundredth (store.rollups.sketch). None: of nothing."""

    n: int
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class Times:
    """Times of calls in milliseconds: counted, none kept."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._total = 0.0

    def add(self, ms: float) -> None:
        """One more."""
        place = bucket(ms)
        self._counts[place] = self._counts.get(place, 0) + 1
        self._total += ms

    def quantile(self, q: float) -> float | None:
        return packed(self._counts, self._total).quantile(q)

    @property
    def spread(self) -> Spread:
        """In figures."""
        found = packed(self._counts, self._total)
        return Spread(found.n, found.mean, found.quantile(0.5), found.quantile(0.95), found.quantile(0.99))


class Sums(msgspec.Struct):
    """Sums over calls. ``spend`` is what each cost: ``stated`` by the log, else ``computed`` at the prices of its day; ``unpriced`` calls are in neither.

    ``both_stated`` and ``both_computed`` are over the calls where both are known (``compared``). ``zero`` calls are stated to have cost
    nothing although tokens were used that have a price, or whose price nobody knows. ``unused`` calls have no usage. Times are those of
    answered calls.
    """

    calls: int = 0
    errors: dict[str, int] = {}
    cached: int = 0
    retries: int = 0
    truncated: int = 0
    refused: int = 0
    unused: int = 0
    spend: int = 0
    stated: int = 0
    stated_calls: int = 0
    computed: int = 0
    unpriced: int = 0
    compared: int = 0
    both_stated: int = 0
    both_computed: int = 0
    zero: int = 0
    tokens_in: int = 0
    cache_read: int = 0
    tokens_out: int = 0
    reasoning: int = 0
    latency_ms: Times = msgspec.field(default_factory=Times)
    first_token_ms: Times = msgspec.field(default_factory=Times)

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    def add(self, call: Call, cost: "Cost", *, retry: bool) -> None:
        """One more call."""
        self.calls += 1
        self.retries += retry
        self.cached += call.cached
        self.truncated += call.ending == "length"
        self.refused += call.ending in {"refusal", "content_filter"}
        if call.error is not None:
            self.errors[call.error] = self.errors.get(call.error, 0) + 1
        elif call.latency_ms is not None and not call.cached:
            self.latency_ms.add(call.latency_ms)
        if call.first_token_ms is not None and call.error is None:
            self.first_token_ms.add(call.first_token_ms)
        self._count(call)
        self._charge(cost)

    def _count(self, call: Call) -> None:
        usage = call.usage
        if usage is None:
            self.unused += call.error is None
            return
        self.tokens_in += usage.total_input
        self.cache_read += usage.cache_read
        self.tokens_out += usage.total_output
        self.reasoning += usage.reasoning

    def _charge(self, cost: "Cost") -> None:
        if cost.stated is not None:
            self.spend += cost.stated
            self.stated += cost.stated
            self.stated_calls += 1
        elif cost.computed is not None:
            self.spend += cost.computed
            self.computed += cost.computed
        else:
            self.unpriced += 1
        if cost.stated is not None and cost.computed is not None:
            self.compared += 1
            self.both_stated += cost.stated
            self.both_computed += cost.computed
        self.zero += cost.suspect


class Cost(msgspec.Struct, frozen=True):
    """What a call cost, by the log's word and by the catalog's prices; ``suspect``: stated as nothing, which it was not."""

    stated: PicoDollars | None
    computed: PicoDollars | None
    suspect: bool = False


class Model(msgspec.Struct):
    """One model as the log names it, and what the catalog knows of it."""

    name: str
    provider: str | None
    facts: ModelFacts | None
    how: How
    near: tuple[str, ...]
    sums: Sums = msgspec.field(default_factory=Sums)


class Setup:
    """The fold. ``today`` says what is retired; calls without a time are priced as of it."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.total = Sums()
        self.models: dict[tuple[str, str | None], Model] = {}
        self.use_cases: dict[str, Sums] = {}
        self.callers: dict[str, int] = {}
        self.days: dict[str, Sums] = {}
        self.kinds: dict[str, int] = {}
        self.since: float | None = None
        self.until: float | None = None
        self._failed: dict[int, float] = {}

    def add(self, call: Call, named: Named) -> Cost:
        """One more call, of the model that it names."""
        cost = self._cost(call, named.facts)
        retry = self._retried(call)
        day = NO_DAY
        if call.at is not None:
            day = datetime.fromtimestamp(call.at, UTC).date().isoformat()
            self.since = call.at if self.since is None else min(self.since, call.at)
            self.until = call.at if self.until is None else max(self.until, call.at)
        key = (call.model, call.provider)
        if key not in self.models:
            key = key if len(self.models) < MOST_NAMES else (OTHERS, None)
            self.models.setdefault(key, Model(key[0], key[1], named.facts, named.how, named.near))
        case = _kept(self.use_cases, call.use_case or UNNAMED)
        for sums in (
            self.total,
            self.models[key].sums,
            self.use_cases.setdefault(case, Sums()),
            self.days.setdefault(day, Sums()),
        ):
            sums.add(call, cost, retry=retry)
        caller = _kept(self.callers, call.caller or UNNAMED)
        self.callers[caller] = self.callers.get(caller, 0) + 1
        self.kinds[call.kind] = self.kinds.get(call.kind, 0) + 1
        return cost

    def _cost(self, call: Call, facts: ModelFacts | None) -> Cost:
        day = self.today if call.at is None else datetime.fromtimestamp(call.at, UTC).date()
        computed = charged(call, facts, day)
        used = call.usage is not None and call.usage.total_input + call.usage.total_output > 0
        suspect = call.stated == 0 and used and not call.cached and computed != 0
        if suspect and computed is None:  # the word of a gateway that had no price is no word
            return Cost(None, None, suspect=True)
        return Cost(call.stated, computed, suspect)

    def _retried(self, call: Call) -> bool:
        """Whether the same was asked for soon after it had failed. Known by what was asked, so only where the log has it."""
        if call.sketch is None or call.at is None:
            return False
        key = hash((call.caller, call.sketch.texts))
        before = self._failed.pop(key, None)
        if call.error is not None:
            self._failed[key] = call.at
            if len(self._failed) > 10_000:
                self._failed.pop(next(iter(self._failed)))
        return before is not None and 0 <= call.at - before <= RETRY_WITHIN


RETRY_WITHIN = 300.0
"""Seconds."""


def charged(call: Call, facts: ModelFacts | None, day: date) -> PicoDollars | None:
    """What the catalog's prices of that day make of a call; None when price or usage is unknown."""
    if call.cached or (call.error is not None and call.usage is None):
        return PicoDollars(0)  # nothing was asked of a provider, or it answered with an error and billed nothing
    if facts is None or call.usage is None:
        return None
    row = price_row(facts.prices, day)
    cost = rates.charge(row.tiers, call.usage) if row is not None else None
    if cost is None or row is None or not call.batch:
        return cost
    return None if row.batch is None else PicoDollars(round(cost * row.batch))


def price_row(prices: Iterable[PriceRow], day: date) -> PriceRow | None:
    """The last row that has begun by then."""
    return next((row for row in reversed(tuple(prices)) if row.start is None or row.start <= day), None)


def _kept(known: dict[str, Sums] | dict[str, int], name: str) -> str:
    return name if name in known or len(known) < MOST_NAMES else OTHERS
