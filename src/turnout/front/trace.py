"""The caller's place in a trace of its own (W3C Trace Context)."""

import re

from turnout.dialects.headers import ClientHeaders

# Version 00 ends after the flags, later ones may go on; ff is none.
_PARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_LENGTH = 55


def read_trace(headers: ClientHeaders) -> str | None:
    """Its ``traceparent``, if it sent a valid one; a bad one begins a new trace, as the standard has it, and is no error."""
    parent = headers.get(b"traceparent")
    if parent is None or _PARENT.match(parent) is None:
        return None
    if len(parent) > _LENGTH and (parent.startswith(b"00") or parent[_LENGTH : _LENGTH + 1] != b"-"):
        return None
    return parent[:_LENGTH].decode("ascii")
