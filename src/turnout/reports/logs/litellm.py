"""LiteLLM's spend logs (table ``LiteLLM_SpendLogs``), as rows of JSON or CSV.

Its usage is in OpenAI's words whatever the provider; ``spend`` is USD, and 0 where LiteLLM knew no price. ``api_key`` is a hash.
``metadata`` holds the key's alias, the usage object with its details, and what went wrong.
"""

from collections.abc import Iterator

from turnout.reports.logs import asked
from turnout.reports.logs.call import Call, Kind
from turnout.reports.logs.fields import (
    Bad,
    Row,
    between,
    count,
    error_class,
    flag,
    moment,
    money,
    table,
    tagged,
    text,
    words,
)
from turnout.types.reply import Usage
from turnout.types.traits import Sketch

NAME = "litellm"

_KINDS: tuple[tuple[str, Kind], ...] = (
    ("embedding", "embedding"), ("image", "image"), ("speech", "audio"), ("transcription", "audio"), ("rerank", "other"),
    ("moderation", "other"),
)  # fmt: skip


def knows(row: Row) -> bool:
    """Whether a row has this shape."""
    return "spend" in row and "startTime" in row and ("call_type" in row or "prompt_tokens" in row or "model_group" in row)


def calls(row: Row, file: str, line: int, *, texts: bool) -> Iterator[Call]:
    """The one call of a row. Raises Bad."""
    model = text(row.get("model")) or text(row.get("model_group"))
    if model is None:
        raise Bad("no model is named")
    metadata = table(row.get("metadata"))
    start, end = moment(row.get("startTime"), "startTime"), moment(row.get("endTime"), "endTime")
    first = moment(row.get("completionStartTime"), "completionStartTime")
    trouble = table(metadata.get("error_information"))
    failed = (text(row.get("status")) or text(metadata.get("status")) or "success").lower() in {"failure", "failed", "error"}
    labels = words(row.get("request_tags"))
    said = (text(row.get("call_type")) or "").lower()
    streamed = first is not None and end is not None and first != end
    yield Call(
        file=file, line=line, model=model,
        id=text(row.get("request_id")),
        at=start,
        provider=text(row.get("custom_llm_provider")),
        kind=next((kind for word, kind in _KINDS if word in said), "chat"),
        caller=text(metadata.get("user_api_key_alias")) or text(row.get("team_id")) or text(row.get("user")) or text(row.get("api_key")),
        use_case=_use_case(row, metadata, labels),
        tags=tagged(labels),
        usage=_usage(row, metadata, failed=failed),
        stated=money(row.get("spend"), "spend"),
        latency_ms=between(start, end, "endTime"),
        first_token_ms=between(start, first, "completionStartTime") if streamed else None,
        error=_error(trouble) if failed else None,
        cached=flag(row.get("cache_hit")) is True,
        stream=True if streamed else None,
        sketch=_sketch(row, model) if texts else None,
    )  # fmt: skip


def _usage(row: Row, metadata: Row, *, failed: bool) -> Usage | None:
    prompt, completion = (
        count(row.get("prompt_tokens"), "prompt_tokens"),
        count(row.get("completion_tokens"), "completion_tokens"),
    )
    total = count(row.get("total_tokens"), "total_tokens")
    if not (prompt or completion or total) and not failed:
        return None  # the table's default: nothing was reported
    detailed = metadata.get("usage_object")
    if isinstance(detailed, dict) and (detailed.get("prompt_tokens"), detailed.get("completion_tokens")) == (prompt, completion):
        return asked.usage(detailed)
    return asked.counted(prompt, completion, total=total)


def _error(trouble: Row) -> str:
    code = str(trouble.get("error_code"))
    status = int(code) if code.isascii() and code.isdigit() and len(code) < 5 else None
    return error_class(status, trouble.get("error_class"), trouble.get("error_message"))


def _use_case(row: Row, metadata: Row, labels: list[str]) -> str | None:
    plain = [label for label in labels if not label.startswith("User-Agent:")]
    return (plain[0] if plain else None) or text(metadata.get("user_api_key_team_alias")) or text(row.get("model_group"))


def _sketch(row: Row, model: str) -> Sketch | None:
    body = table(row.get("proxy_server_request"))
    return asked.sketch({**body, "model": model}) or asked.conversation(row.get("messages"), model)
