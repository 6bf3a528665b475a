"""Our errors in Anthropic's words. The status picks the class its SDK raises; the type is for people."""

import msgspec

from turnout.dialects.anthropic_messages.stream import error_event as event_for
from turnout.errors import TurnoutError

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def _type(status: int) -> str:
    return _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")


def write_error(error: TurnoutError) -> bytes:
    """The body of an error answer."""
    return msgspec.json.encode({"type": "error", "error": {"type": _type(error.status), "message": error.message}})


def error_event(error: TurnoutError) -> bytes:
    """The event that ends a stream which failed after its first content."""
    return event_for(_type(error.status), error.message)
