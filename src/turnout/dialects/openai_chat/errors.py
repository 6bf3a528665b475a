"""Our errors in OpenAI's words. The status picks the class its SDK raises; the type is for people."""

import msgspec

from turnout.dialects.openai_chat.stream import error_event as event_for
from turnout.errors import TurnoutError

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def _type(status: int) -> str:
    return _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")


def write_error(error: TurnoutError) -> bytes:
    """The body of an error answer."""
    words = {"message": error.message, "type": _type(error.status), "param": error.param, "code": str(error.code)}
    return msgspec.json.encode({"error": words})


def error_event(error: TurnoutError) -> bytes:
    """The event that ends a stream which failed after its first content."""
    return event_for(error.message, _type(error.status), str(error.code))
