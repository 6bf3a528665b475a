"""Formats of catalogs, one file each; which one some bytes are in is seen from the bytes."""

from collections.abc import Callable
from typing import Any

from turnout.watch.sheet import Sheet, Unreadable
from turnout.watch.sources import genai_prices, litellm, models_dev, news, openrouter, own_lists
from turnout.watch.sources.shape import decoded

_FORMATS: tuple[tuple[Callable[[Any], bool], Callable[[bytes], Sheet]], ...] = (
    (genai_prices.fits, genai_prices.read),
    (openrouter.fits, openrouter.read),
    (own_lists.fits, own_lists.read),
    (models_dev.fits, models_dev.read),
    (litellm.fits, litellm.read),
)
"""Whether a value is in it, and its reader; the narrower shapes first."""


def read(data: bytes, vendor: str | None = None) -> Sheet:
    """What a source states. ``vendor``: these bytes are that one's own list. Raises Unreadable, which says what they are instead."""
    if not data.strip():
        raise Unreadable("it is empty")
    if vendor is not None and vendor != "openrouter":
        return own_lists.read(data, vendor)
    if data.lstrip()[:1] not in b"{[":
        if news.fits(data):
            return news.read(data)
        raise Unreadable(f"it is {_looks_like(data)}, and neither JSON nor a feed nor a changelog")
    value = decoded(data)
    for fits, read_it in _FORMATS:
        if fits(value):
            return read_it(data)
    raise Unreadable(
        "its format is not known: it is neither models.dev's, LiteLLM's, OpenRouter's nor genai-prices' list, nor a provider's own"
    )


def _looks_like(data: bytes) -> str:
    head = data[:2000].lower()
    return "a web page" if b"<html" in head or b"<!doctype html" in head else f"something that begins {data[:20]!r}"


__all__ = ["PLACES", "Sheet", "Unreadable", "read"]
