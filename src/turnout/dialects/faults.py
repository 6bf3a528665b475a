"""A provider's error, classified once: status first, the provider's words second.

One table for all dialects, since OpenAI-compatible and Anthropic-compatible servers borrow each other's words.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from turnout.errors import (
    Broken,
    CallerFault,
    ContentFiltered,
    ContextOverflow,
    Misconfigured,
    ProviderFault,
    RateLimited,
    TimedOut,
    Unavailable,
)

MESSAGE_LIMIT = 1000

_STATUS_FAULTS: Mapping[int, type[ProviderFault]] = {
    401: Misconfigured, 402: Misconfigured, 403: Misconfigured, 404: Misconfigured, 405: Misconfigured, 407: Misconfigured, 410: Misconfigured,
    408: TimedOut, 504: TimedOut, 524: TimedOut,
    409: Unavailable, 425: Unavailable,
    429: RateLimited, 498: RateLimited, 529: RateLimited,
}  # fmt: skip

_KIND_STATUS: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "rate_limited": 429,
    "api_error": 500,
    "server_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "service_unavailable": 503,
    "timeout_error": 504,
    "overloaded_error": 529,
    "overloaded": 529,
}
"""For errors inside a reply that began with 200: what their status would have been."""

_OVERFLOW_WORDS = (
    "context_length_exceeded", "context length", "context window", "context limit", "maximum context", "prompt is too long",
    "prompt too long", "input is too long", "too_many_prompt_tokens", "exceeds the maximum number of tokens",
    "exceed_context_size", "total length of all messages is too long", "too large for model with",
)  # fmt: skip
_FILTER_WORDS = (
    "content_filter", "content_policy", "content policy", "content filtering policy", "content management policy",
    "responsibleaipolicy", "safety system", "data_inspection_failed", "moderation", "content was flagged", "input was flagged",
)  # fmt: skip
_CONFIGURATION_WORDS = (
    "insufficient_quota", "credit balance", "invalid_api_key", "api_key_invalid", "incorrect api key", "api key not valid",
    "model_not_found", "model_decommissioned", "invalid_model", "unknown_model", "not a valid model", "billing_hard_limit_reached",
)  # fmt: skip
_ANSWER_WORDS = ("tool_use_failed", "json_validate_failed")  # a 400 whose fault is what the model wrote

_CREDENTIAL = re.compile(
    r"\b(?:sk|pk|rk|tk|gsk|xai|hf|pplx|r8|AIza)[-_A-Za-z0-9][-_A-Za-z0-9*.]{5,}"
    r"|(?i:\bbearer\s+)\S+"
    r"|(?i:(?<=key provided: )|(?<=api key: )|(?<=api_key=))\S+"
)


class Words(msgspec.Struct, frozen=True):
    """What an error body says. ``status`` is one named inside the body, as proxies do for errors within a 200."""

    message: str = ""
    kind: str | None = None
    code: str | None = None
    status: int | None = None


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderFault:
    """Classify an error answer. Header names are lower case."""
    return _fault(status, read_words(body), _retry_after(headers))


def in_reply(error: object) -> ProviderFault:
    """Classify an error object found in a reply that began with 200. Broken when its words mean nothing to us."""
    words = _words(error)
    status = words.status or _KIND_STATUS.get(words.kind or "") or _KIND_STATUS.get(words.code or "")
    return _fault(status, words, None)


def reported(kind: str, message: str) -> ProviderFault:
    """Classify a hub :class:`~turnout.types.reply.Failed`."""
    return in_reply({"type": kind, "message": message, "code": int(kind) if kind.isdecimal() and len(kind) == 3 else None})


def not_a_stream(body: bytes) -> ProviderFault:
    """For JSON that came where a stream was asked for."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if isinstance(value, dict) and value.get("error"):
        return in_reply(value["error"])
    return Broken("a whole answer came where a stream was asked for")


def read_words(body: bytes) -> Words:
    """What an error body says, whatever shape it has; text that is not JSON is its own message."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Words(message=_clean(body[: 4 * MESSAGE_LIMIT].decode("utf-8", "replace")))
    if isinstance(value, list) and value:  # Gemini's OpenAI face wraps its errors in a list
        value = value[0]
    if isinstance(value, dict) and "error" in value:
        return _words(value["error"])
    return _words(value)


def _words(error: Any) -> Words:
    if not isinstance(error, dict):
        return Words(message=_clean(str(error)))
    message = next((error[key] for key in ("message", "detail", "error", "msg") if error.get(key)), error)
    kind, code = error.get("type") or error.get("status"), error.get("code")
    status = next((value for value in (code, error.get("status_code")) if isinstance(value, int) and 400 <= value < 600), None)
    return Words(
        message=_clean(message if isinstance(message, str) else msgspec.json.encode(message).decode()),
        kind=str(kind) if kind is not None else None,
        code=str(code) if code is not None else None,
        status=status,
    )


def _fault(status: int | None, words: Words, retry_after: float | None) -> ProviderFault:
    fault = _class_of(status, f"{words.kind} {words.code} {words.message}".lower())
    message = words.message or (f"status {status}" if status else "an error without words")
    return fault(message, status=status, kind=words.code or words.kind, retry_after=retry_after)


def _class_of(status: int | None, text: str) -> type[ProviderFault]:
    if status is not None:
        if status == 429 and "insufficient_quota" in text:
            return Misconfigured
        if status == 403 and _says(text, _FILTER_WORDS):
            return ContentFiltered
        if found := _STATUS_FAULTS.get(status):
            return found
        if status >= 500:
            return Unavailable
        if status < 400:
            return Misconfigured
    if _says(text, _OVERFLOW_WORDS):
        return ContextOverflow
    if _says(text, _FILTER_WORDS):
        return ContentFiltered
    if _says(text, _CONFIGURATION_WORDS):
        return Misconfigured
    return Broken if status is None or _says(text, _ANSWER_WORDS) else CallerFault


def _says(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds. Milliseconds win, being exact; a date is counted from the answer's own, so that no two clocks need to agree."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        then, now = (parsedate_to_datetime(headers[name]).replace(tzinfo=None) for name in ("retry-after", "date"))  # both in GMT
    except (KeyError, ValueError):
        return None
    return max(0.0, (then - now).total_seconds())


def _clean(text: str) -> str:
    """Fit for a log and for the client: no credential, bounded, one line."""
    return _CREDENTIAL.sub("***", " ".join(text.split()))[:MESSAGE_LIMIT]
