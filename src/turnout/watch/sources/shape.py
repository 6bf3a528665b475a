"""Reading JSON that nobody vouches for: sizes and depth are bounded, each value is what it should be or its entry is odd."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from turnout.types.models import Rate
from turnout.types.money import PicoDollars, pico_from_usd
from turnout.watch.sheet import Sheet, Stated, Unreadable

LARGEST = 64 * 1024 * 1024
"""Bytes of one source: twenty times the largest there is."""
MOST_TOKENS = 10**9
DEAREST = Decimal(1)
"""USD per token; a hundred times the dearest that was ever asked."""
_NAME = re.compile(r"[A-Za-z0-9@~][\w.:@/+~-]{0,199}")
_NOT_CHAT = re.compile(
    r"embed|whisper|\btts\b|-tts|dall-e|moderation|imagen|\bveo|sora|rerank|\bocr|realtime|transcri|-image|image-|\baqa\b|guard|^ft:|lyria"
)

_decoder = msgspec.json.Decoder(float_hook=Decimal)
Entry = Mapping[str, Any]


class Odd(Exception):
    """One entry is not what it should be; the others may be."""


def decoded(data: bytes) -> Any:
    """The JSON value. Raises Unreadable."""
    if len(data) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST // 1024 // 1024} MiB")
    try:
        return _decoder.decode(data)
    except RecursionError as error:
        raise Unreadable("it is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError) as error:
        raise Unreadable(f"it is not JSON: {error}") from error


class Collector:
    """Entries read one by one: an odd one is named and left out."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._stated: dict[str, Stated] = {}
        self._skipped: list[str] = []

    def take(self, vendor: str, name: object, read: Callable[[], Stated | None]) -> None:
        """Read one entry. A name that is none, which could be an escape sequence, is not repeated."""
        try:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise Odd("its name is not one of a model")
            found = read()
        except Odd as why:
            self._skipped.append(f"{vendor}/{str(name)[:60]!a}: {why}")
        else:
            if found is not None:
                self._stated[f"{vendor}/{name}"] = found

    def sheet(self, own: str | None = None) -> Sheet:
        """Raises Unreadable when there is nothing in it."""
        if not self._stated:
            odd = f"; {len(self._skipped)} entries were odd, the first: {self._skipped[0]}" if self._skipped else ""
            raise Unreadable(f"it names no model{odd}")
        return Sheet(self._source, self._stated, tuple(self._skipped), own=own)


def table(value: object, what: str = "it") -> Entry:
    if not isinstance(value, dict):
        raise Odd(f"{what} is not an object")
    return value


def part(entry: Entry, name: str) -> Entry:
    """A table within; empty where there is none."""
    value = entry.get(name)
    return {} if value is None else table(value, name)


def items(entry: Entry, name: str) -> list[Any]:
    value = entry.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Odd(f"{name} is not a list")
    return value


def words(entry: Entry, name: str) -> list[str]:
    return [each for each in items(entry, name) if isinstance(each, str)]


def tokens(entry: Entry, name: str) -> int | None:
    """A count of tokens; 0 is how some say that they do not know."""
    value = entry.get(name)
    if value is None or value == 0:
        return None
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= MOST_TOKENS and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_TOKENS:
        raise Odd(f"{name} is not a number of tokens")
    return value


def per_token(entry: Entry, name: str, per: int = 1) -> PicoDollars | None:
    """A price in USD for ``per`` tokens (a number, or text that is one) as pico-dollars per token."""
    value = entry.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str) or (isinstance(value, str) and len(value) > 40):
        raise Odd(f"{name} is not a price")
    try:
        price = Decimal(value) / per
    except ArithmeticError as error:
        raise Odd(f"{name} is not a price") from error
    if not price.is_finite() or not 0 <= price <= DEAREST:
        raise Odd(f"{name} is not a price that anybody asks")
    return pico_from_usd(price)


def rate(entry: Entry, fields: Mapping[str, str], per: int = 1, above: int = 0) -> Rate | None:
    """Prices by our names, read from the entry's fields; None where input and output are not both priced."""
    found = {ours: price for ours, theirs in fields.items() if (price := per_token(entry, theirs, per)) is not None}
    if "input" not in found or "output" not in found:
        return None
    return Rate(**found, above=above)


def day(entry: Entry, name: str) -> date | None:
    """A date, or a moment's, as ISO text or unix seconds. What only names a month, or is none, says nothing."""
    value = entry.get(name)
    if isinstance(value, str):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 4_102_444_800:
        return datetime.fromtimestamp(value, UTC).date()
    return None


def flag(entry: Entry, name: str) -> bool | None:
    value = entry.get(name)
    return value if isinstance(value, bool) else None


def answers_in_text(name: str) -> bool:
    """Whether a bare name may be one of a model that chats: lists of names also hold those that draw, speak or embed."""
    return not _NOT_CHAT.search(name.lower())
