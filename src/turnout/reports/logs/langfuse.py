"""Langfuse exports: observations, or traces with theirs inside, as its API and its interface give them (JSON, JSON lines, CSV).

Only what has a model is a call: spans, events and tools are passed over. ``usageDetails`` are tokens by kind and ``costDetails`` USD by
kind, ``total`` their sum; ``usage`` and ``calculatedTotalCost`` are the older names. ``latency`` and ``timeToFirstToken`` are seconds.
"""

from collections.abc import Iterator
from typing import Any

from turnout.reports.logs import asked
from turnout.reports.logs.call import Call
from turnout.reports.logs.fields import (
    Bad,
    Row,
    between,
    count,
    details,
    error_class,
    millis,
    moment,
    money,
    table,
    tagged,
    text,
    words,
)
from turnout.types.money import PicoDollars
from turnout.types.reply import Usage

NAME = "langfuse"

_MODELS = ("model", "providedModelName", "internalModelId")
_INSIDE = ("observations", "data")
_COUNTS = (
    ("input", "promptTokens", "inputUsage"),
    ("output", "completionTokens", "outputUsage"),
    ("total", "totalTokens", "totalUsage"),
)
CALLING = {"GENERATION", "EMBEDDING"}


def knows(row: Row) -> bool:
    """Whether a row has this shape."""
    if any(isinstance(row.get(name), list) and _like(row[name]) for name in _INSIDE):
        return True
    return "startTime" in row and (
        "traceId" in row or "usageDetails" in row or "calculatedTotalCost" in row or "statusMessage" in row
    )


def _like(listed: list[Any]) -> bool:
    return not listed or (isinstance(listed[0], dict) and ("startTime" in listed[0] or "observations" in listed[0]))


def calls(row: Row, file: str, line: int, *, texts: bool) -> Iterator[Call]:
    """The calls of a row: one, or those of all observations inside it. Raises Bad."""
    for name in _INSIDE:
        inside = row.get(name)
        if isinstance(inside, list):
            for each in inside:
                if isinstance(each, dict):
                    known = (
                        {"tags": row.get("tags"), "userId": row.get("userId"), "traceName": row.get("name")}
                        if name == "observations"
                        else {}
                    )
                    yield from calls({**known, **each}, file, line, texts=texts)
            return
    kind = (text(row.get("type")) or "GENERATION").upper()
    model = next((said for name in _MODELS if (said := text(row.get(name))) is not None), None)
    if kind not in CALLING:
        return
    if model is None:
        raise Bad("no model is named")
    yield _call(row, model, kind, file, line, texts=texts)


def _call(row: Row, model: str, kind: str, file: str, line: int, *, texts: bool) -> Call:
    start, end = moment(row.get("startTime"), "startTime"), moment(row.get("endTime"), "endTime")
    first = moment(row.get("completionStartTime"), "completionStartTime")
    failed = (text(row.get("level")) or "").upper() == "ERROR"
    labels = words(row.get("tags") or row.get("traceTags"))
    return Call(
        file=file, line=line, model=model,
        id=text(row.get("id")),
        at=start,
        provider=text(table(row.get("metadata")).get("ls_provider")),
        kind="embedding" if kind == "EMBEDDING" else "chat",
        caller=text(row.get("userId")),
        use_case=text(row.get("traceName")) or text(row.get("name")) or (labels[0] if labels else None),
        tags=tagged(labels),
        usage=_usage(row),
        stated=_stated(row),
        latency_ms=between(start, end, "endTime") or millis(row.get("latency"), "latency", unit=1000),
        first_token_ms=between(start, first, "completionStartTime") or millis(row.get("timeToFirstToken"), "timeToFirstToken", unit=1000),
        error=error_class(None, row.get("statusMessage")) if failed else None,
        stream=True if first is not None else None,
        sketch=asked.conversation(row.get("input"), model) if texts else None,
    )  # fmt: skip


def _stated(row: Row) -> PicoDollars | None:
    found = details(row.get("costDetails"), "costDetails")
    if found:
        if "total" in found:
            return money(found["total"], "costDetails.total")
        return PicoDollars(sum(money(cost, f"costDetails.{name}") or 0 for name, cost in found.items()))
    for name in ("calculatedTotalCost", "totalCost", "totalPrice"):
        if (cost := money(row.get(name), name)) is not None:
            return cost
    return None


def _usage(row: Row) -> Usage | None:
    found = details(row.get("usageDetails"), "usageDetails")
    if found:
        return _detailed({str(name): count(tokens, f"usageDetails.{name}") or 0 for name, tokens in found.items()})
    usage = details(row.get("usage"), "usage")
    if "prompt_tokens" in usage:
        return asked.usage(usage)
    read, written, total = (_counted(usage, row, names) for names in _COUNTS)
    return asked.counted(read or None, written, total=total or None) if read or written or total else None


def _counted(usage: Row, row: Row, names: tuple[str, ...]) -> int | None:
    """The first that is there: in the usage object by any of these names; beside it not by the first, which there is what was asked."""
    places = [(usage, name) for name in names] + [(row, name) for name in names[1:]]
    return next((counted for place, name in places if (counted := count(place.get(name), name)) is not None), None)


def _detailed(tokens: dict[str, int]) -> Usage:
    """Kinds beside ``input`` and ``output`` stand beside them (the sum then is the total) or are parts of them."""
    total = tokens.pop("total", None)
    read, written = tokens.pop("input", 0), tokens.pop("output", 0)
    cached = _taken(tokens, "cache_read", "input_cached", "cached")
    stored = _taken(tokens, "cache_creation", "cache_write")
    thought = _taken(tokens, "reasoning", "thinking", "thoughts")
    heard, spoken = _taken(tokens, "input_audio", "audio_input"), _taken(tokens, "output_audio", "audio_output")
    beside = cached + stored + thought + heard + spoken
    if total is not None and beside and total == read + written:
        read, written = max(read - cached - stored - heard, 0), max(written - thought - spoken, 0)
    complete = total is None or total == read + written + beside
    return Usage(
        input=read, cache_read=cached, cache_write=stored, input_audio=heard, output=written, reasoning=thought, output_audio=spoken,
        complete=complete,
    )  # fmt: skip


def _taken(tokens: dict[str, int], *parts: str) -> int:
    """The sum of the kinds whose name has one of these in it, taken out."""
    names = [name for name in tokens if any(part in name for part in parts)]
    return sum(tokens.pop(name) for name in names)
