"""One fact of one model, and what several sources say of it: whose word is taken, and whether a second one bears it out.

Precedence: the vendor's own list, genai-prices (prices only: it has tiers, history, and people who read the price pages), models.dev (read by
many, corrected daily), LiteLLM (complete, but prices reach it in batches), OpenRouter (its own prices only, and its own models). Two that agree
and do not copy from each other outweigh one that ranks higher. What a source is known to say against the accepted word is no news, and moves nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from turnout.catalog.accepted import Conflict
from turnout.catalog.rates import in_force
from turnout.types.models import PriceRow, Rate, Source
from turnout.types.money import PicoDollars
from turnout.watch.sheet import Claims, Prices
from turnout.watch.world import Offer, Said

PRECEDENCE = ("genai-prices", "models.dev", "litellm", "openrouter")
AGREEMENT = 0.01
"""Relative difference of prices that is none."""
COMPARED = ("input", "output", "cache_read")
_FILLED = (
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "input_audio",
    "output_audio",
    "input_image",
    "output_image",
)


class Priced(msgspec.Struct, frozen=True):
    """The rows to keep (as they were where nothing changes), who says so, and who says otherwise."""

    rows: tuple[PriceRow, ...]
    said: Said | None = None
    conflicts: tuple[Conflict, ...] = ()


def rank(offer: Offer) -> int:
    """Lower is taken first."""
    if offer.own:
        return -1
    return PRECEDENCE.index(offer.source) if offer.source in PRECEDENCE else len(PRECEDENCE)


def current(prices: Sequence[Prices], today: date) -> Prices | None:
    """The last tariff that has begun."""
    return next((each for each in reversed(prices) if each.start is None or each.start <= today), None)


def said_by(offers: Sequence[Offer]) -> Said:
    """Those who say one and the same thing."""
    return Said(tuple(dict.fromkeys(offer.source for offer in offers)), len({offer.group for offer in offers}) > 1)


def leading(offers: Sequence[Offer], same: Callable[[Any, Any], bool]) -> tuple[Offer, list[Offer]] | None:
    """The offer to go by, and all that agree with it; None when there is none."""
    if not offers:
        return None

    def agreeing(offer: Offer) -> list[Offer]:
        return [other for other in offers if same(offer.value, other.value)]

    def order(offer: Offer) -> tuple[bool, bool, int]:
        return not offer.own, not said_by(agreeing(offer)).confirmed, rank(offer)

    lead = min(offers, key=order)
    return lead, agreeing(lead)


def agree(one: Prices, other: Prices) -> bool:
    """In the prices of the lowest tier that both name."""
    return not differing_fields(one.tiers[0], other.tiers[0])


def differing_fields(one: Rate, other: Rate) -> tuple[str, ...]:
    pairs = ((name, getattr(one, name), getattr(other, name)) for name in COMPARED)
    return tuple(name for name, a, b in pairs if a is not None and b is not None and abs(a - b) > AGREEMENT * max(a, b))


def settle_prices(rows: tuple[PriceRow, ...], offers: Sequence[Offer], conflicts: tuple[Conflict, ...], today: date) -> Priced:
    """Each offer's value is :class:`Prices`. A price of zero is believed only if two say so, or the vendor does."""
    tiers = in_force(rows, today)
    base = None if tiers is None else Prices(tiers)
    fresh = [offer for offer in offers if base is None or not _known(offer, base, conflicts)]
    found = leading(fresh, agree)
    if found is None:
        return Priced(rows, conflicts=conflicts)
    lead, _ = found
    agreeing = [offer for offer in offers if agree(offer.value, lead.value)]
    said = said_by(agreeing)
    if base is None:
        free = not (lead.value.tiers[0].input or lead.value.tiers[0].output)
        if free and not (said.confirmed or lead.own):
            return Priced(rows, conflicts=conflicts)
        others = [offer for offer in fresh if not agree(offer.value, lead.value)]
        return Priced((_row(lead, agreeing, today, None),), said, _disputes(conflicts, lead, others))
    kept = Offer(_publisher(rows, today), "", own=False, value=base)
    if agree(base, lead.value) and not _steps_moved(kept, lead):
        others = [offer for offer in fresh if not agree(offer.value, base)]
        return Priced(rows, said, _disputes(conflicts, kept, others))
    others = [
        offer for offer in offers if not agree(offer.value, lead.value)
    ]  # those known to differ differ from another price now
    row = _row(lead, agreeing, today, rows[-1])
    earlier = tuple(each for each in rows if each.start is None or each.start < (row.start or date.min))
    return Priced((*earlier, row), said, _disputes(_still(conflicts, row), lead, others))


def _publisher(rows: tuple[PriceRow, ...], today: date) -> str:
    row = next(each for each in reversed(rows) if each.start is None or each.start <= today)
    return row.source.name.split(" ")[0]


def _steps_moved(kept: Offer, lead: Offer) -> bool:
    """The same publisher now has other steps for long requests: others cut them differently, which says nothing."""
    if kept.source != lead.source:
        return False
    ours, theirs = kept.value.tiers, lead.value.tiers
    return [tier.above for tier in ours] != [tier.above for tier in theirs] or any(
        differing_fields(a, b) for a, b in zip(ours, theirs, strict=True)
    )


def _known(offer: Offer, base: Prices, conflicts: tuple[Conflict, ...]) -> bool:
    """It differs from the accepted price exactly as it is known to."""
    differs = differing_fields(base.tiers[0], offer.value.tiers[0])
    noted = [(conflict.field, conflict.prices[offer.source]) for conflict in conflicts if offer.source in conflict.prices]
    theirs: Rate = offer.value.tiers[0]
    return bool(differs) and all(
        any(field == name and _close(price, getattr(theirs, name)) for field, price in noted) for name in differs
    )


def _close(usd_per_million: float, price: PicoDollars) -> bool:
    noted = usd_per_million * 1_000_000
    return abs(noted - price) <= AGREEMENT * max(noted, price)


def _row(lead: Offer, agreeing: Sequence[Offer], today: date, before: PriceRow | None) -> PriceRow:
    """The leading tariff from its day on (today, where it names none and there was another); gaps are filled by those who agree on the rest."""
    prices: Prices = lead.value
    base = prices.tiers[0]
    for other in sorted(agreeing, key=rank):
        gaps = {name: value for name in _FILLED if getattr(base, name) is None and (value := getattr(other.value.tiers[0], name))}
        base = msgspec.structs.replace(base, **gaps)
    batch = next((offer.value.batch for offer in (lead, *agreeing) if offer.value.batch is not None), None)
    start = prices.start
    if before is not None:
        start = start if start is not None and (before.start is None or start > before.start) else today
        batch = before.batch if batch is None else batch
    source = Source(" + ".join(said_by([lead, *agreeing]).sources), today.isoformat())
    return PriceRow((base, *prices.tiers[1:]), source, start, batch)


def _disputes(conflicts: tuple[Conflict, ...], kept: Offer, others: Sequence[Offer]) -> tuple[Conflict, ...]:
    """The known conflicts, with those that these offers make against the word that is taken."""
    found = {(conflict.field, conflict.kept): conflict for conflict in conflicts}
    base: Rate = kept.value.tiers[0]
    for offer in others:
        for name in differing_fields(base, offer.value.tiers[0]):
            earlier = found.get((name, kept.source))
            prices = dict(earlier.prices) if earlier is not None else {}
            prices |= {kept.source: _usd(getattr(base, name)), offer.source: _usd(getattr(offer.value.tiers[0], name))}
            why = earlier.why if earlier is not None else f"{kept.source} was taken first"
            found[name, kept.source] = Conflict(name, prices, kept.source, why)
    return tuple(found.values())


def _still(conflicts: tuple[Conflict, ...], row: PriceRow) -> tuple[Conflict, ...]:
    """Conflicts whose other side is not what is taken now."""
    taken = row.tiers[0]
    return tuple(
        conflict
        for conflict in conflicts
        if getattr(taken, conflict.field, None) is not None
        and any(
            not _close(price, getattr(taken, conflict.field)) for name, price in conflict.prices.items() if name != conflict.kept
        )
    )


def _usd(price: PicoDollars) -> float:
    return price / 1_000_000


def settle_bits(known_yes: int, known_no: int, offers: Sequence[Offer]) -> tuple[int, int]:
    """Bits known to be there and known not to be, by what sources claim (:class:`Claims`).

    What is unknown becomes what all who speak say. What is known changes only by the vendor's own word, or by two who agree against nobody.
    """
    yes, no = known_yes, known_no
    for bit in _each(_any(offers)):
        claims = {True: [o for o in offers if o.value.yes & bit], False: [o for o in offers if o.value.no & bit]}
        own = {side for side, those in claims.items() for offer in those if offer.own}
        if len(own) == 1:
            verdict: bool | None = own.pop()
        elif bool(claims[True]) != bool(claims[False]):
            verdict = bool(claims[True])
            if (yes | no) & bit and not said_by(claims[verdict]).confirmed:
                verdict = None
        else:
            verdict = None
        if verdict is not None:
            yes, no = (yes | bit, no & ~bit) if verdict else (yes & ~bit, no | bit)
    return yes, no


def _any(offers: Sequence[Offer]) -> int:
    found = 0
    for offer in offers:
        claims: Claims = offer.value
        found |= claims.yes | claims.no
    return found


def _each(bits: int) -> list[int]:
    return [1 << n for n in range(bits.bit_length()) if bits >> n & 1]


def settle_limit(
    known: int | None, offers: Sequence[Offer], named_by: str | None, *, smallest: bool = False
) -> tuple[int | None, Said | None]:
    """A limit in tokens. ``smallest``: of several the smallest holds.

    What is known by others (``named_by``) is changed by one of them, by two who agree, or by the vendor.
    """
    found = leading(offers, lambda a, b: a == b)
    if found is None:
        return known, None
    lead, agreeing = found
    if smallest and not lead.own:
        agreeing = [offer for offer in offers if offer.value == min(each.value for each in offers)]
        lead = agreeing[0]
    said = said_by(agreeing)
    if named_by is not None and lead.value != known and not (lead.own or said.confirmed or lead.source in named_by.split(" + ")):
        return known, None
    return lead.value, said


def settle_day(known: date | None, offers: Sequence[Offer], sources: Mapping[str, Source]) -> tuple[date | None, Said | None]:
    """The day of an end. One that is known is moved by the vendor, by two, or by who named it."""
    found = leading(offers, lambda a, b: a == b)
    if found is None:
        return known, None
    lead, agreeing = found
    said = said_by(agreeing)
    named_by = sources["retires"].name if "retires" in sources else ""
    if known is not None and lead.value != known and not (lead.own or said.confirmed or lead.source in named_by):
        return known, None
    return lead.value, said
