"""The control plane's API in OpenAPI 3.1, made from the routes that are served and from the words above their handlers."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from inspect import cleandoc
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.convertors import IntegerConvertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from turnout import __version__
from turnout.control.guard import GUARDED

JSON = "application/json"
Shape = Any
"""What a body is: a type that msgspec has a schema for, a mapping from fields to such types, or None: some object."""

_Handler = TypeVar("_Handler", bound=Callable[..., Any])
_Query = type[msgspec.Struct] | None
_ABOUT = """\
What `/api/` and `/metrics` tell needs the admin token (the file `admin-token` in the data directory) as a bearer token.
A call that changes something needs `content-type: application/json`, whether or not it has a body. Times are unix seconds.
"""


class Said(NamedTuple):
    """What is said of a handler. ``each`` names a path parameter, its values, and the query that goes with each."""

    what: str
    query: _Query = None
    body: Shape = None
    answers: Shape = None
    media: tuple[str, ...] = (JSON,)
    each: tuple[str, Mapping[str, type[msgspec.Struct]]] | None = None


class Operation(NamedTuple):
    """A method at a path; ``numbers`` are the path parameters that are whole numbers, ``doc`` is the handler's."""

    method: str
    path: str
    said: Said
    query: _Query
    numbers: frozenset[str]
    doc: str | None

    @property
    def tag(self) -> str:
        return self.path.removeprefix("/api").split("/")[1].partition(".")[0]


class Fault(msgspec.Struct, frozen=True):
    code: str
    message: str


class Refusal(msgspec.Struct, frozen=True):
    """Why a call was not done: a word for programs, a sentence for people."""

    error: Fault


def described(
    what: str,
    *,
    query: _Query = None,
    body: Shape = None,
    answers: Shape = None,
    media: tuple[str, ...] = (JSON,),
    each: tuple[str, Mapping[str, type[msgspec.Struct]]] | None = None,
) -> Callable[[_Handler], _Handler]:
    """Above a handler: ``what`` it does, the ``query`` and ``body`` that it reads, what it ``answers``."""

    def note(handler: _Handler) -> _Handler:
        handler.described = Said(what, query, body, answers, media, each)  # type: ignore[attr-defined]  # functions take any
        return handler

    return note


def openapi_route() -> Route:
    """Of whichever app it is put into; written once."""

    @cache
    def written(app: Starlette) -> bytes:
        return msgspec.json.encode(document(app.routes))

    @described("this API in OpenAPI 3.1")
    def show(request: Request) -> Response:
        return Response(written(request.app), media_type=JSON)

    return Route("/api/openapi.json", show)


def operations(routes: Iterable[BaseRoute]) -> Iterator[Operation]:
    """Of all routes whose handlers are described, in their order."""
    for route in routes:
        if not isinstance(route, Route):
            continue
        handler = route.endpoint.func if isinstance(route.endpoint, partial) else route.endpoint
        said: Said | None = getattr(handler, "described", None)
        if said is None:
            continue
        numbers = frozenset(name for name, kind in route.param_convertors.items() if isinstance(kind, IntegerConvertor))
        for path, query in _places(route.path_format, said):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield Operation(method, path, said, query, numbers, handler.__doc__)


def _places(path: str, said: Said) -> Iterator[tuple[str, _Query]]:
    if said.each is None:
        yield path, said.query
        return
    name, queries = said.each
    for value, query in queries.items():
        yield path.replace(f"{{{name}}}", value), query


def document(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """As it is at ``/api/openapi.json``."""
    all_ = tuple(operations(routes))
    schemas = _Schemas([Refusal, *(shape for one in all_ for shape in (one.said.body, one.said.answers))])
    paths: dict[str, dict[str, Any]] = {}
    for one in all_:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    refused = {"description": "It was not done.", "content": {JSON: {"schema": schemas.of(Refusal)}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Turnout's control plane", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {"Refusal": refused},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Operation, schemas: "_Schemas") -> dict[str, Any]:
    said, docs = one.said, (one.doc, one.query.__doc__ if one.query else None)
    made: dict[str, Any] = {
        "operationId": f"{one.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', one.path.removeprefix('/api')).strip('_')}",
        "summary": said.what,
        "description": "\n\n".join(cleandoc(doc) for doc in docs if doc),
        "tags": [one.tag],
        "security": [{"token": []}] if one.path.startswith(GUARDED) else [],
        "parameters": [*_in_path(one), *_in_query(one.query)],
        "responses": {
            "200": {"description": said.what, "content": {media: _content(media, said.answers, schemas) for media in said.media}},
            "default": {"$ref": "#/components/responses/Refusal"},
        },
    }
    if said.body is not None:
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas.of(said.body)}}}
    return made


def _content(media: str, answers: Shape, schemas: "_Schemas") -> dict[str, Any]:
    return {"schema": schemas.of(answers) if media == JSON else {"type": "string"}}


def _in_path(one: Operation) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", one.path):
        kind = "integer" if name in one.numbers else "string"
        yield {"name": name, "in": "path", "required": True, "schema": {"type": kind}}


def _in_query(query: _Query) -> Iterator[dict[str, Any]]:
    """A parameter for each field."""
    if query is None:
        return
    _, parts = msgspec.json.schema_components([query])
    schema = parts[query.__name__]
    for name, kind in schema["properties"].items():
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": kind}


class _Schemas:
    """All shapes' schemas, made together so that what they share is there once, under one name."""

    def __init__(self, shapes: Iterable[Shape]) -> None:
        parts = (shape.values() if isinstance(shape, Mapping) else (shape,) for shape in shapes if shape is not None)
        kinds = tuple(dict.fromkeys(chain.from_iterable(parts)))
        found, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
        self.components: dict[str, Any] = components
        self._of: dict[Any, dict[str, Any]] = dict(zip(kinds, found, strict=True))

    def of(self, shape: Shape) -> dict[str, Any]:
        if shape is None:
            return {"type": "object"}
        if not isinstance(shape, Mapping):
            return self._of[shape]
        return {"type": "object", "properties": {name: self._of[kind] for name, kind in shape.items()}, "required": [*shape]}
