"""What a caller says of its own request: headers over the body key ``turnout`` over the dialect's metadata; the key's tags over all."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any
from urllib.parse import unquote

from turnout.decide.classify.hints import allowed_instead
from turnout.dialects.dialect import Ask
from turnout.errors import Code, TurnoutError
from turnout.types.money import PicoDollars, pico_from_usd
from turnout.types.policy import SECRET_HEADERS, Key
from turnout.types.traits import Hints

TAGS = b"x-turnout-tags"
SESSION, ROUTE = b"x-turnout-session", b"x-turnout-route"
DEADLINE, MAX_COST = b"x-turnout-deadline-ms", b"x-turnout-max-cost-usd"
NUL = "\0"
"""PostgreSQL has no place for it: a request that named itself so would stay out of the ledger."""
MAX_TAGS = 64
MAX_TAG_CHARS = 256
MAX_MODELS = 64
MAX_DEADLINE_MS = 2**53 - 1
"""What JSON carries exactly; the route's own deadline is the real bound."""
MAX_COST_USD = 1_000_000
"""In pico-dollars it still fits the 64 bits of a record."""
_MAX_NUMBER_CHARS = 40
_HEADERS = frozenset({TAGS, SESSION, ROUTE, DEADLINE, MAX_COST})
_NOTHING = Hints()
_BODY_KEYS = frozenset({"tags", "session", "deadline_ms", "max_cost_usd", "route", "models"})


def read_hints(headers: Mapping[bytes, bytes], ask: Ask, key: Key | None, watched: frozenset[str]) -> Hints:
    """All hints of a request. ``watched`` are the header names that the policy's conditions look at.

    Raises:
        TurnoutError: ``invalid_request`` naming the header or body key at fault.
    """
    bound = key.tags if key is not None else {}
    seen = _watched(headers, watched) if watched else {}
    if not ask.turnout and not ask.metadata and _HEADERS.isdisjoint(headers):  # as most requests do
        return Hints(tags=bound, bound=frozenset(bound), headers=seen) if bound or seen else _NOTHING
    said = ask.turnout
    if unknown := said.keys() - _BODY_KEYS:
        raise _bad(f"turnout.{min(unknown)[:MAX_TAG_CHARS]}", f"is not a hint; known are {', '.join(sorted(_BODY_KEYS))}")
    tags = _body_tags(said["tags"]) if "tags" in said else {}
    if TAGS in headers:
        tags |= _header_tags(headers[TAGS].decode("latin-1"))
    if len(tags) > MAX_TAGS:
        raise _bad("x-turnout-tags", f"too many tags: {len(tags)}, at most {MAX_TAGS}")
    tags |= bound
    loose = _loose_tags(ask.metadata, tags)
    return Hints(
        tags=loose | tags,
        bound=frozenset(bound),
        plain=frozenset([name for name, value in loose.items() if allowed_instead(name, value) is not None]),
        headers=seen,
        session=_text(headers, SESSION, said, "session"),
        deadline_ms=_deadline(_either(headers, DEADLINE, said, "deadline_ms")),
        max_cost=_cost(_either(headers, MAX_COST, said, "max_cost_usd")),
        route=_text(headers, ROUTE, said, "route"),
        models=_models(said.get("models")),
    )


def _loose_tags(metadata: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    """An application's metadata was not written for us: what makes no tag is no error, and one given as a tag counts more."""
    fit = ((name, value) for name, value in metadata.items() if name not in tags and _is_tag(name, value))
    return dict(islice(fit, MAX_TAGS))


def _header_tags(text: str) -> dict[str, str]:
    tags = {}
    for pair in text.split(","):
        if not pair.strip():
            continue
        name, equals, value = pair.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not equals or not name:
            raise _bad(
                "x-turnout-tags",
                f'"{pair.strip()[:MAX_TAG_CHARS]}" is not name=value; separate tags by commas, percent-encode values',
            )
        if len(name) > MAX_TAG_CHARS or len(value) > MAX_TAG_CHARS:
            raise _bad("x-turnout-tags", f'"{name[:MAX_TAG_CHARS]}": names and values have at most {MAX_TAG_CHARS} characters')
        if NUL in name or NUL in value:
            raise _bad("x-turnout-tags", f'"{name.replace(NUL, "")}": names and values hold no NUL')
        tags[name] = value
    return tags


def _body_tags(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(_is_tag(name, tag) for name, tag in value.items()):
        raise _bad("turnout.tags", f"must map names to texts of at most {MAX_TAG_CHARS} characters, none of them NUL")
    return value


def _is_tag(name: str, value: Any) -> bool:
    is_short = isinstance(value, str) and len(value) <= MAX_TAG_CHARS and len(name) <= MAX_TAG_CHARS
    return is_short and NUL not in value and NUL not in name


def _watched(headers: Mapping[bytes, bytes], watched: frozenset[str]) -> dict[str, str]:
    """What conditions look at; never a credential, even if a view from elsewhere asks for one: these values are recorded."""
    found = ((name, headers.get(name.encode("latin-1"))) for name in watched - SECRET_HEADERS)
    return {name: value[:MAX_TAG_CHARS].decode("latin-1") for name, value in found if value is not None}


def _either(headers: Mapping[bytes, bytes], header: bytes, said: Mapping[str, Any], name: str) -> tuple[str, Any] | None:
    """The hint's value and the name to blame for it."""
    if header in headers:
        return header.decode(), headers[header].decode("latin-1")
    return (f"turnout.{name}", said[name]) if said.get(name) is not None else None


def _text(headers: Mapping[bytes, bytes], header: bytes, said: Mapping[str, Any], name: str) -> str | None:
    given = _either(headers, header, said, name)
    if given is None:
        return None
    where, value = given
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TAG_CHARS or NUL in value:
        raise _bad(where, f"must be a text of 1 to {MAX_TAG_CHARS} characters, none of them NUL")
    return value


def _deadline(given: tuple[str, Any] | None) -> int | None:
    if given is None:
        return None
    where, value = given
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_NUMBER_CHARS:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MAX_DEADLINE_MS:
        raise _bad(where, f"must be a whole number of milliseconds from 1 to {MAX_DEADLINE_MS}")
    return value


def _cost(given: tuple[str, Any] | None) -> PicoDollars | None:
    if given is None:
        return None
    where, value = given
    wrong = _bad(where, f"must be a number of US dollars from 0 to {MAX_COST_USD}")
    # Compared before it is multiplied: 1e999999999 is a short text and a number that no memory holds.
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    try:
        amount = Decimal(text) if len(text) <= _MAX_NUMBER_CHARS else Decimal("NaN")
    except InvalidOperation:
        raise wrong from None
    if not amount.is_finite() or not 0 <= amount <= MAX_COST_USD:
        raise wrong
    return pico_from_usd(amount)


def _models(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    named = isinstance(value, list) and len(value) <= MAX_MODELS
    if not named or not all(isinstance(model, str) and len(model) <= MAX_TAG_CHARS for model in value):
        raise _bad("turnout.models", f"must be a list of at most {MAX_MODELS} model names")
    return tuple(value)


def _bad(where: str, what: str) -> TurnoutError:
    return TurnoutError(Code.INVALID_REQUEST, f"{where}: {what}", param=where, retry=False)
