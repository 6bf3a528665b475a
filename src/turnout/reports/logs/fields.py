"""What a field of a log says, or why it cannot be believed. Numbers may be written as text; nothing is guessed."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from turnout.reports.logs.call import Ending
from turnout.types.money import PICO_PER_USD, PicoDollars

Row = Mapping[str, Any]

MOST_TOKENS = 2**32
MOST_USD = 1_000_000
"""For one call."""
EARLIEST, LATEST = 1_420_070_400.0, 4_102_444_800.0  # 2015 and 2100: what lies outside is another unit, or no time
LONGEST_MS = 7 * 86_400_000.0
SAID = 200  # characters of a name that are kept
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""From which magnitude on a number of unix time counts nano-, micro- or milliseconds."""
_APACHE = "%d/%b/%Y:%H:%M:%S %z"
_ENDINGS: Mapping[str, Ending] = {
    "stop": "stop", "end_turn": "stop", "stop_sequence": "stop", "eos": "stop", "length": "length", "max_tokens": "length",
    "tool_calls": "tool_calls", "tool_use": "tool_calls", "function_call": "tool_calls", "content_filter": "content_filter",
    "safety": "content_filter", "refusal": "refusal",
}  # fmt: skip
_ERRORS = (
    ("context_overflow", re.compile(r"context.?(length|window)|contextwindow|too many tokens|prompt is too long", re.IGNORECASE)),
    ("content_filter", re.compile(r"content.?(filter|policy|management)|safety", re.IGNORECASE)),
    ("rate_limited", re.compile(r"rate.?limit|too many requests|quota|overloaded|\b(429|529)\b", re.IGNORECASE)),
    ("timeout", re.compile(r"time.?out|timed out|deadline|\b(408|504)\b", re.IGNORECASE)),
    (
        "misconfigured",
        re.compile(r"authenti|api.?key|permission|forbidden|not.?found|does not exist|\b(401|403|404)\b", re.IGNORECASE),
    ),
    ("unavailable", re.compile(r"unavailable|internal.?server|connection|bad gateway|api.?error|\b50[0-3]\b", re.IGNORECASE)),
    ("caller_error", re.compile(r"invalid|bad.?request|unsupported|\b(400|413|422)\b", re.IGNORECASE)),
)


class Bad(Exception):
    """A field cannot be believed, and so neither can its row. The message says which and why, without content."""


def number(value: Any, name: str) -> Decimal | None:
    """Exact and finite; None when there is none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise Bad(f"{name} is no number but {kind_of(value)}")
    try:
        found = Decimal(value.strip()) if isinstance(value, str) else Decimal(str(value))
    except InvalidOperation:
        raise Bad(f"{name} is no number but {kind_of(value)}") from None
    if not found.is_finite():
        raise Bad(f"{name} is {str(found).lower()}")
    return found


def count(value: Any, name: str) -> int | None:
    """Of tokens: whole, not negative."""
    if type(value) is int and 0 <= value <= MOST_TOKENS:
        return value
    found = number(value, name)
    if found is None:
        return None
    if found < 0:
        raise Bad(f"{name} is negative: {found:f}"[:SAID])
    if found > MOST_TOKENS or found != found.to_integral_value():
        raise Bad(f"{name} is no count of tokens: {found:.12g}")
    return int(found)


def money(value: Any, name: str) -> PicoDollars | None:
    """USD as pico-dollars, exactly to the pico-dollar."""
    found = number(value, name)
    if found is None:
        return None
    if found < 0:
        raise Bad(f"{name} is negative: {found:.12g}")
    if found > MOST_USD:
        raise Bad(f"{name} is no cost of one call: {found:.12g}")
    return PicoDollars(int((found * PICO_PER_USD).to_integral_value()))


def moment(value: Any, name: str) -> float | None:
    """Unix seconds, from unix time in any unit or from a written time (UTC where it names no zone)."""
    if value is None or value == "":
        return None
    found = _written(value) if isinstance(value, str) else None
    if found is None:
        try:
            figure = number(value, name)
        except Bad:
            raise Bad(f"{name} is no time but {kind_of(value)}") from None
        assert figure is not None, "empty values are gone already"
        found = next((float(figure) / unit for least, unit in _UNITS if figure >= least), float(figure))
    if not EARLIEST <= found < LATEST:
        raise Bad(f"{name} lies outside 2015 to 2100")
    return found


def _written(value: str) -> float | None:
    text = value.strip()
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        try:
            when = datetime.strptime(text, _APACHE)  # noqa: DTZ007 - the format has a zone
        except ValueError:
            return None
    if when.year < 1971 or text.isdigit():  # 20261123 may be a day, 1700000000 is not
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def millis(value: Any, name: str, *, unit: float = 1.0) -> float | None:
    """A duration in milliseconds; ``unit`` is how many of these one of it has."""
    found = number(value, name)
    if found is None:
        return None
    took = float(found) * unit
    if not 0 <= took <= LONGEST_MS:
        raise Bad(f"{name} is no duration: {found:.12g}")
    return took


def between(start: float | None, end: float | None, name: str) -> float | None:
    """Milliseconds from one moment to the other; None when one is missing, or they are the same: nothing was measured."""
    if start is None or end is None or end == start:
        return None
    if end < start:
        raise Bad(f"{name} lies before the start")
    return millis((end - start) * 1000, name)


def text(value: Any) -> str | None:
    """A name; None for what is empty or none."""
    if not isinstance(value, str) or not (said := value.strip()):
        return None
    return said[:SAID]


def flag(value: Any) -> bool | None:
    """Yes or no, as programs write it."""
    said = str(value).strip().lower()
    return True if said in {"true", "1", "yes", "t"} else False if said in {"false", "0", "no", "f"} else None


def inner(value: Any) -> Any:
    """A field that may hold JSON written as text."""
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
    return value


def table(value: Any) -> dict[str, Any]:
    """The same, where only an object is of use."""
    found = inner(value)
    return found if isinstance(found, dict) else {}


def details(value: Any, name: str) -> dict[str, Any]:
    """An object on which sums rest: empty where there is none. Raises Bad where something else stands."""
    if value is None or value in ("", "null"):
        return {}
    found = inner(value)
    if not isinstance(found, dict):
        raise Bad(f"{name} is no object but {kind_of(value)}")
    return found


def words(value: Any) -> list[str]:
    """Tags: a list of texts, or text that holds one."""
    found = inner(value)
    if isinstance(found, str):
        found = found.split(",")
    return [said for one in found if (said := text(one)) is not None] if isinstance(found, list) else []


def tagged(tags: list[str]) -> dict[str, str]:
    """Those that are pairs, ``team:web`` or ``team=web``."""
    pairs = (re.split("[:=]", tag, maxsplit=1) for tag in tags)
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2 and pair[0].strip()}


def ending(value: Any) -> Ending | None:
    """How an answer ended, in the words of one dialect."""
    said = text(value)
    return _ENDINGS.get(said.lower(), "other") if said is not None else None


def error_class(status: int | None, *said: Any) -> str:
    """The class of an error, by its HTTP status and words; ``failed`` when neither tells."""
    spoken = " ".join(str(each)[:2_000] for each in (*said, status) if each is not None)
    return next((name for name, words_ in _ERRORS if words_.search(spoken)), "failed")


def kind_of(value: Any) -> str:
    """What stands in a field, without showing it."""
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    return {"dict": "an object", "list": "a list", "bool": "true or false"}.get(type(value).__name__, "something else")
