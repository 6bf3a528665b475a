"""What the control plane's endpoints share: a query read, a value written."""

from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

_Query = TypeVar("_Query", bound=msgspec.Struct)
_encode = msgspec.json.Encoder().encode


def read_query(request: Request, kind: type[_Query]) -> _Query:
    """The query's parameters. Raises msgspec.ValidationError."""
    return msgspec.convert(dict(request.query_params), kind, strict=False)


def as_json(value: object) -> Response:
    return Response(_encode(value), media_type="application/json")
