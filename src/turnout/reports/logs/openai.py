"""Request logs in OpenAI's words: request and response beside each other, or one flat object; and the output of its Batch API.

``{"request": {...}, "response": {...}, "latency_ms": ...}``, ``{"model": ..., "messages": ..., "usage": ..., "created": ...}``,
``{"custom_id": ..., "response": {"status_code": 200, "body": {...}}, "error": null}``.
"""

from collections.abc import Iterator
from typing import Any

from turnout.reports.logs import asked
from turnout.reports.logs.call import Call, Kind
from turnout.reports.logs.fields import (
    Bad,
    Row,
    between,
    count,
    ending,
    error_class,
    flag,
    millis,
    moment,
    money,
    table,
    tagged,
    text,
    words,
)

NAME = "openai"

_STARTED = ("created_at", "started_at", "start_time", "timestamp", "time", "date", "created")
_ENDED = ("ended_at", "end_time", "completed_at", "finished_at")
_KINDS: tuple[tuple[str, Kind], ...] = (("embedding", "embedding"), ("image", "image"), ("audio", "audio"), ("speech", "audio"))


def knows(row: Row) -> bool:
    """Whether a row has this shape."""
    if "custom_id" in row and ("response" in row or "body" in row):
        return True
    if isinstance(row.get("request"), dict) or (isinstance(row.get("response"), dict) and "model" in row.get("response", {})):
        return True
    return (
        "model" in row
        and ("usage" in row or "messages" in row or "choices" in row)
        and "request_tags" not in row
        and "traceId" not in row
    )


def calls(row: Row, file: str, line: int, *, texts: bool) -> Iterator[Call]:
    """The one call of a row. Raises Bad."""
    batch = "custom_id" in row
    if batch and "response" not in row and "error" not in row:
        raise Bad("a line of a batch's input: it says nothing of what came back")
    request = table(row.get("request") or row.get("request_body")) or (row if "messages" in row or "input" in row else {})
    request = table(request.get("body")) or request
    response = table(row.get("response") or row.get("response_body"))
    body = table(response.get("body")) or response or row
    model = text(body.get("model")) or text(request.get("model")) or text(row.get("model"))
    status = _status(row, response)
    failure = row.get("error") or body.get("error") or response.get("error")
    failed = bool(failure) or (status is not None and status >= 400)
    if model is None:
        raise Bad("no model is named")
    started, ended = _first(row, _STARTED), _first(row, _ENDED)
    began = moment(started, "its time") or moment(request.get("created"), "created") or moment(body.get("created"), "created")
    took = _latency(row) or between(began, moment(ended, "its end"), "its end")
    labels = words(row.get("tags")) or words(table(request.get("metadata")).get("tags"))
    pairs = {**_plain(table(request.get("metadata") or row.get("metadata"))), **tagged(labels)}
    yield Call(
        file=file, line=line, model=model,
        id=text(row.get("id")) or text(row.get("request_id")) or text(body.get("id")) or text(row.get("custom_id")),
        at=began,
        provider=text(row.get("provider")),
        kind=next((kind for word, kind in _KINDS if word in str(row.get("endpoint") or row.get("url") or body.get("object") or "")), "chat"),
        caller=_first_text(row, ("user", "user_id", "api_key_alias", "key_name", "key", "caller")) or text(request.get("user")),
        use_case=_use_case(row, labels, pairs),
        tags=pairs,
        usage=asked.usage(body.get("usage") or row.get("usage")),
        stated=money(_first(row, ("cost_usd", "cost", "spend", "price")), "cost"),
        latency_ms=took,
        first_token_ms=millis(_first(row, ("ttft_ms", "first_token_ms", "time_to_first_token_ms")), "first token"),
        error=error_class(status, _said(failure)) if failed else None,
        ending=_ended(body),
        cached=flag(row.get("cache_hit") or row.get("cached")) is True,
        stream=flag(request.get("stream")) if "stream" in request else None,
        batch=batch,
        sketch=asked.sketch(request) if texts and request else None,
    )  # fmt: skip


def _status(row: Row, response: Row) -> int | None:
    found = row.get("status_code", response.get("status_code", row.get("status")))
    if isinstance(found, str) and not found.strip().isdigit():
        return 500 if found.strip().lower() in {"error", "failure", "failed"} else None
    return count(found, "status")


def _latency(row: Row) -> float | None:
    for name, unit in (
        ("latency_ms", 1.0),
        ("duration_ms", 1.0),
        ("response_ms", 1.0),
        ("latency", 1000.0),
        ("duration", 1000.0),
    ):
        if (took := millis(row.get(name), name, unit=unit)) is not None:
            return took
    return None


def _ended(body: Row) -> Any:
    choices = body.get("choices")
    first = table(choices[0]) if isinstance(choices, list) and choices else {}
    if table(first.get("message")).get("refusal"):
        return "refusal"
    return ending(first.get("finish_reason") or body.get("finish_reason") or body.get("stop_reason"))


def _use_case(row: Row, labels: list[str], pairs: dict[str, str]) -> str | None:
    named = _first_text(row, ("use_case", "route", "feature", "app", "application", "project", "name"))
    kept = pairs.get("use_case") or pairs.get("feature") or pairs.get("app")
    return named or kept or (labels[0] if labels else None)


def _plain(metadata: Row) -> dict[str, str]:
    return {str(name)[:64]: value[:200] for name, value in metadata.items() if isinstance(value, str)}


def _said(failure: Any) -> str | None:
    if isinstance(failure, dict):
        return " ".join(str(failure.get(name)) for name in ("code", "type", "message", "status") if failure.get(name))
    return str(failure) if failure else None


def _first(row: Row, names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _first_text(row: Row, names: tuple[str, ...]) -> str | None:
    return next((said for name in names if (said := text(row.get(name))) is not None), None)
