"""Feedback as callers send it, into values; what is wrong with it names the item and the field."""

import re
from collections.abc import Iterable
from datetime import datetime
from math import isfinite
from typing import Any, Literal

import msgspec

from turnout.errors import Code, TurnoutError
from turnout.feedback.identity import key
from turnout.feedback.scales import SCALES, Misfit, Scale
from turnout.types.feedback import Feedback
from turnout.types.seconds import HOUR

MOST = 1_000
"""Opinions of one call."""
AHEAD = HOUR
"""Seconds that a caller's clock may be ahead of ours."""
LONGEST = {"request_id": 200, "session": 256, "name": 200, "note": 4_000, "id": 200, "tenant": 200}
"""Characters."""
FIELDS = ("request_id", "session", "kind", "value", "name", "note", "at", "id")
_UNTOLD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What no text has, and not every database takes."""
_MAX_ECHO = 60


class Speaker(msgspec.Struct, frozen=True):
    """Whose feedback it is and when it came (unix seconds): told by the credential, never by what is sent.

    An administrator (``import``) may say for whom each speaks.
    """

    source: Literal["user", "import"]
    tenant: str | None
    now: float


def read(body: bytes, speaker: Speaker) -> tuple[Feedback, ...]:
    """All of a call's, or none. Raises TurnoutError ``invalid_request``."""
    sent, is_list = items(body)
    return tuple([read_item(item, speaker, f"feedback[{n}]." if is_list else "") for n, item in enumerate(sent)])


class Refused(msgspec.Struct, frozen=True):
    """What is wrong with the ``item``-th of many, from 0."""

    item: int
    message: str


def read_each(sent: Iterable[object], speaker: Speaker) -> tuple[dict[int, Feedback], list[Refused]]:
    """Those that can be read, by their place, and what is wrong with the others."""
    fit: dict[int, Feedback] = {}
    refused: list[Refused] = []
    for n, item in enumerate(sent):
        try:
            fit[n] = read_item(item, speaker)
        except TurnoutError as error:
            refused.append(Refused(n, error.message))
    return fit, refused


def items(body: bytes) -> tuple[list[Any], bool]:
    """One object, or those of ``{"feedback": [...]}``, and whether it was a list. Raises TurnoutError."""
    try:
        sent = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad("", f"the body is not JSON: {error}") from None
    if not isinstance(sent, dict):
        raise _bad("", 'send one object, or {"feedback": [...]}')
    if "feedback" not in sent:
        return [sent], False
    if unknown := sent.keys() - {"feedback"}:
        raise _bad(min(unknown)[:_MAX_ECHO], "unknown beside feedback")
    listed = sent["feedback"]
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST:
        raise _bad("feedback", f"must be a list of 1 to {MOST:,} objects")
    return listed, True


def read_item(item: object, speaker: Speaker, place: str = "") -> Feedback:
    """One opinion; ``place`` is what its fields' names begin with in an error. Raises TurnoutError ``invalid_request``."""
    if not isinstance(item, dict):
        raise _bad(place.rstrip("."), "must be an object")
    fields = (*FIELDS, "tenant") if speaker.source == "import" else FIELDS
    if unknown := item.keys() - set(fields):
        raise _bad(f"{place}{min(unknown)[:_MAX_ECHO]}", f"unknown field; known are {', '.join(fields)}")
    texts = {name: _text(item.get(name), place, name) for name in LONGEST}
    if (texts["request_id"] is None) == (texts["session"] is None):
        raise _bad(f"{place}request_id", "say either which request it is about, or which session")
    kind: Any = item.get("kind")
    scale: Scale | None = SCALES.get(kind) if isinstance(kind, str) else None  # type: ignore[call-overload]  # any text may be sent
    if scale is None:
        raise _bad(f"{place}kind", f"must be one of {', '.join(SCALES)}")
    name = texts["name"]
    if scale.named and name is None:
        raise _bad(f"{place}name", f"say what the {kind} is called")
    try:
        value = scale.value(item.get("value"))
    except Misfit as misfit:
        raise _bad(f"{place}value", f"{kind}: {misfit}") from None
    read = Feedback(
        id=texts["id"] or "",
        at=_moment(item.get("at"), speaker.now, place),
        kind=kind,
        source=speaker.source,
        request_id=texts["request_id"],
        session=texts["session"],
        tenant=texts["tenant"] if speaker.source == "import" else speaker.tenant,
        name=name,
        value=value,
        verdict=scale.verdict(name, value),
        note=texts["note"],
    )
    return read if read.id else msgspec.structs.replace(read, id=key(read))


def _text(sent: object, place: str, name: str) -> str | None:
    if sent is None:
        return None
    longest = LONGEST[name]
    if not isinstance(sent, str) or not 0 < len(sent) <= longest:
        raise _bad(place + name, f"must be a text of 1 to {longest:,} characters")
    if _UNTOLD.search(sent):
        raise _bad(place + name, "holds control characters")
    return sent


def _moment(sent: object, now: float, place: str) -> float:
    """Unix seconds; what is not said is now."""
    if sent is None:
        return now
    at: float | None = None
    if isinstance(sent, str):
        try:
            moment = datetime.fromisoformat(sent)
            at = moment.timestamp() if moment.tzinfo is not None else None
        except (ValueError, OverflowError):
            at = None
    elif isinstance(sent, int | float) and not isinstance(sent, bool) and abs(sent) < 1e18 and isfinite(sent):
        at = float(sent)
    if at is None or at < 0:
        raise _bad(f"{place}at", 'must be unix seconds, or a time with its zone as in "2026-11-23T09:30:00Z"')
    if at > now + AHEAD:
        raise _bad(f"{place}at", "lies in the future; unix times are in seconds")
    return at


def _bad(where: str, what: str) -> TurnoutError:
    said = f"{where}: {what}" if where else what
    return TurnoutError(Code.INVALID_REQUEST, said, param=where or None, retry=False)
