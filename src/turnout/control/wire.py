"""What the control plane's endpoints share: a query read, a value written."""

from typing import Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from starlette.requests import Request
from starlette.responses import Response

_Query = TypeVar("_Query", bound=msgspec.Struct)
_encode = msgspec.json.Encoder().encode
LARGEST_CALL = 64 * 1024
"""Bytes of a call that says what to do and why."""


def read_query(request: Request, kind: type[_Query]) -> _Query:
    """The query's parameters. Raises msgspec.ValidationError, which says what there is where there is a choice."""
    query = dict(request.query_params)
    try:
        return msgspec.convert(query, kind, strict=False)
    except msgspec.ValidationError:
        _refuse_what_is_not_there(query, kind)
        raise


def _refuse_what_is_not_there(query: dict[str, str], kind: type[msgspec.Struct]) -> None:
    known = get_type_hints(kind)
    for name, value in query.items():
        if name not in known:
            raise msgspec.ValidationError(f"`{name}`: unknown; there are {', '.join(known)}") from None
        options = get_args(known[name]) if get_origin(known[name]) is Literal else ()
        if options and value not in options:
            raise msgspec.ValidationError(f"`{name}`: {value!r} is none of {', '.join(filter(None, options))}") from None


class TooLarge(Exception):
    """A body that no call needs; the text says how much is taken."""


async def read_call(request: Request, kind: type[_Query]) -> _Query:
    """The body of a call that changes something; none at all is ``{}``. Raises msgspec.DecodeError, TooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_CALL:
            raise TooLarge(f"more than {LARGEST_CALL:,} bytes")
    return msgspec.json.decode(bytes(body) or b"{}", type=kind)


def as_json(value: object) -> Response:
    return Response(_encode(value), media_type="application/json")
