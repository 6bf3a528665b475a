"""Money is integer pico-dollars (1e-12 USD): some cached-token prices are 7.5 nano-dollars, so floats and cents lose money."""

from decimal import Decimal
from typing import NewType

PicoDollars = NewType("PicoDollars", int)

PICO_PER_USD = 10**12


def pico_from_usd(usd: Decimal | float | str) -> PicoDollars:
    """Exact for decimals and strings; floats go through their shortest text, so ``0.1`` means a dime."""
    return PicoDollars(int((Decimal(str(usd)) * PICO_PER_USD).to_integral_value()))


def pico_per_token(usd_per_million: Decimal | float | str) -> PicoDollars:
    """A price list's USD per million tokens, as pico-dollars per token."""
    return pico_from_usd(Decimal(str(usd_per_million)) / 1_000_000)


def usd(amount: PicoDollars | int) -> float:
    """For people and JSON; never for sums."""
    return amount / PICO_PER_USD
