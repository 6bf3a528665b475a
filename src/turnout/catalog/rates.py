"""What a call costs, in exact integers. Unknown is None, never zero; a price of zero is zero."""

from datetime import date
from typing import Literal

import msgspec

from turnout.types.models import PriceRow, Rate
from turnout.types.money import PICO_PER_USD, PicoDollars
from turnout.types.reply import Usage

Tier = Literal["cheap", "mid", "premium"]

CHEAP_BELOW = PICO_PER_USD // 1_000_000  # $1 per million tokens, as pico-dollars per token (PRODUCT M4)
PREMIUM_ABOVE = 10 * CHEAP_BELOW


def in_force(rows: tuple[PriceRow, ...], day: date) -> tuple[Rate, ...] | None:
    """The tiers of the last row that has begun by ``day``; None when no price is known for that day."""
    for row in reversed(rows):
        if row.start is None or row.start <= day:
            return row.tiers
    return None


def rate_for(tiers: tuple[Rate, ...], input_tokens: int) -> Rate:
    """The tier that so many input tokens fall in; it prices the whole request."""
    chosen = tiers[0]
    for rate in tiers[1:]:
        if input_tokens <= rate.above:
            break
        chosen = rate
    return chosen


def flat(tiers: tuple[Rate, ...]) -> tuple[int, int, int] | None:
    """Price per request, per input and per output token; None where it depends on how large a request is."""
    return (tiers[0].per_request, tiers[0].input, tiers[0].output) if len(tiers) == 1 else None


def estimate(tiers: tuple[Rate, ...], input_tokens: int, output_tokens: int) -> PicoDollars:
    """The expected cost of a request not yet made, as if nothing were cached."""
    rate = rate_for(tiers, input_tokens)
    return PicoDollars(rate.per_request + input_tokens * rate.input + output_tokens * rate.output)


def charge(tiers: tuple[Rate, ...], usage: Usage) -> PicoDollars | None:
    """What these tokens cost; None when the usage is incomplete or a bucket that is not empty has no price.

    What is free costs nothing whatever the usage says, or leaves out (local servers often report none).

    Where a vendor names no price of their own, cached reads and writes bill as input and reasoning as output. A one-hour write
    does so only when ordinary writes have no price either: where they have one, the longer write costs more, and how much is unknown.
    """
    if not usage.complete:
        return PicoDollars(0) if is_free(tiers) else None
    rate = tiers[0] if len(tiers) == 1 else rate_for(tiers, usage.total_input)
    write = rate.cache_write
    cost = (
        rate.per_request
        + usage.input * rate.input
        + usage.cache_read * (rate.input if rate.cache_read is None else rate.cache_read)
        + usage.cache_write * (rate.input if write is None else write)
        + usage.output * rate.output
        + usage.reasoning * (rate.output if rate.reasoning is None else rate.reasoning)
    )
    if usage.cache_write_1h or usage.input_audio or usage.input_image or usage.output_audio or usage.output_image:
        more = _seldom(rate, usage)
        return None if more is None else PicoDollars(cost + more)
    return PicoDollars(cost)


def _seldom(rate: Rate, usage: Usage) -> int | None:
    """The buckets that most answers leave empty."""
    long_write = rate.input if rate.cache_write_1h is None and rate.cache_write is None else rate.cache_write_1h
    cost = 0
    for tokens, price in (
        (usage.cache_write_1h, long_write),
        (usage.input_audio, rate.input_audio),
        (usage.input_image, rate.input_image),
        (usage.output_audio, rate.output_audio),
        (usage.output_image, rate.output_image),
    ):
        if tokens:
            if price is None:
                return None
            cost += tokens * price
    return cost


def is_free(tiers: tuple[Rate, ...]) -> bool:
    """Every price the vendor names is zero."""
    return all(not any(price for name, price in msgspec.structs.asdict(rate).items() if name != "above") for rate in tiers)


def blended(tiers: tuple[Rate, ...]) -> PicoDollars:
    """Pico-dollars per token at 3 input to 1 output, in the lowest tier."""
    return PicoDollars((3 * tiers[0].input + tiers[0].output) // 4)


def tier_name(tiers: tuple[Rate, ...]) -> Tier:
    """PRODUCT M4: cheap is less than $1, premium more than $10 per million tokens, blended."""
    per_token = blended(tiers)
    if per_token < CHEAP_BELOW:
        return "cheap"
    return "premium" if per_token > PREMIUM_ABOVE else "mid"
