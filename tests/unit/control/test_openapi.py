"""The API's own description: of all that is served, and of nothing else."""

import ast
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

import turnout
from tests.support.asgi import call
from tests.support.control import real_app
from turnout.control.openapi import Said, document, operations
from turnout.control.pages.registry import PAGES
from turnout.control.token import NAME
from turnout.feedback.read import FIELDS

SOURCE = Path(turnout.__file__).parent
API = re.compile(r"/(api/|health/|metrics$)")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def app(data_dir: Path) -> Iterator[Starlette]:
    with real_app(data_dir) as made:
        yield made


@pytest.fixture(scope="module")
def written(app: Starlette) -> dict[str, Any]:
    return json.loads(msgspec.json.encode(document(app.routes)))


def routed(app: Starlette) -> list[tuple[Route, Any]]:
    """API routes with the functions that answer them."""
    own = [route for route in app.routes if isinstance(route, Route) and API.match(route.path)]
    return [(route, route.endpoint.func if isinstance(route.endpoint, partial) else route.endpoint) for route in own]


def nodes(written: object) -> Iterator[dict[str, Any]]:
    """Every object within it."""
    if isinstance(written, dict):
        yield written
    for item in written.values() if isinstance(written, dict) else written if isinstance(written, list) else ():
        yield from nodes(item)


def above_handlers() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Functions of the program that are described, with their files."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                isinstance(one, ast.Call) and getattr(one.func, "id", "") == "described" for one in node.decorator_list
            ):
                yield str(path), node


def read_by(node: ast.AST) -> Iterator[tuple[str, str]]:
    """What a handler's text says it reads: ("query", "ListQuery"), ("body", "AnswerCall")."""
    for one in ast.walk(node):
        if not isinstance(one, ast.Call):
            continue
        called = ast.unparse(one.func)
        if called == "read_query":
            yield "query", ast.unparse(one.args[1])
        elif called == "read_call":
            yield "body", ast.unparse(one.args[1])
        elif called == "msgspec.json.decode":
            yield from (("body", ast.unparse(word.value)) for word in one.keywords if word.arg == "type")


def test_every_route_is_described(app: Starlette):
    """Nothing is served that programs are not told of."""
    assert len(routed(app)) > 25
    assert [route.path for route, handler in routed(app) if not hasattr(handler, "described")] == []


def test_every_description_is_of_a_route(app: Starlette):
    """A handler that is no longer served loses its words with it."""
    served = {(handler.__code__.co_filename, handler.__name__) for _, handler in routed(app)}
    assert {(file, node.name) for file, node in above_handlers()} == served


def test_descriptions_name_what_handlers_read(app: Starlette):
    """The struct in ``read_query`` or ``json.decode`` is the one that stands above it."""
    said: dict[tuple[str, str], Said] = {
        (handler.__code__.co_filename, handler.__name__): handler.described for _, handler in routed(app)
    }
    for file, node in above_handlers():
        one = said[file, node.name]
        names = {(kind, shape.__name__) for kind in ("query", "body") if isinstance(shape := getattr(one, kind), type)}
        assert names == set(read_by(node)), node.name


def test_paths_and_methods_are_the_routes_own(app: Starlette, written: dict[str, Any]):
    """A page's path is there once for each page, with the query that this page takes."""
    served = {(route.path_format, method.lower()) for route, _ in routed(app) for method in route.methods - {"HEAD"}}
    told = {(path, method) for path, each in written["paths"].items() for method in each}
    by_page = {(path.replace("{page}", page.name), method) for path, method in served for page in PAGES}

    assert told == by_page
    assert {one["name"] for one in written["paths"]["/api/pages/audit"]["get"]["parameters"]} == {
        "id", "kind", "before", "month", "window", "zone",
    }  # fmt: skip


def test_what_is_referred_to_is_there(written: dict[str, Any]):
    """Every $ref leads to a component, whose name is one that OpenAPI allows."""
    refs = {node["$ref"] for node in nodes(written) if isinstance(node.get("$ref"), str)}
    there = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in written["components"][kind]}

    assert refs
    assert refs <= there
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", ref.rpartition("/")[2]) for ref in there)


def test_operations_have_names_of_their_own_and_all_their_parameters(written: dict[str, Any]):
    """As generators of clients need it: unique ids, each {x} of a path as a parameter, once."""
    all_ = [(path, one) for path, each in written["paths"].items() for one in each.values()]
    assert len({one["operationId"] for _, one in all_}) == len(all_)
    for path, one in all_:
        in_path = [each["name"] for each in one["parameters"] if each["in"] == "path"]
        assert sorted(in_path) == sorted(re.findall(r"{(\w+)}", path))
        assert len({(each["in"], each["name"]) for each in one["parameters"]}) == len(one["parameters"])
        assert one["summary"]
    restore = written["paths"]["/api/policies/{version}/restore"]["post"]
    assert restore["parameters"] == [{"name": "version", "in": "path", "required": True, "schema": {"type": "integer"}}]
    assert restore["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/RestoreCall")


async def test_what_wants_the_token_says_so(app: Starlette, written: dict[str, Any]):
    """Those and only those that answer 401 without it."""
    for path, each in written["paths"].items():
        for method, one in each.items():
            answer = await call(app, path, method=method.upper(), content_type="application/json")
            assert bool(one["security"]) == (answer.status == 401), path


async def test_answers_are_as_described(app: Starlette, written: dict[str, Any], data_dir: Path):
    """Of an empty ledger: what is there fits its schema, what is not fits that of a refusal."""
    bearer = f"Bearer {(data_dir / NAME).read_text().strip()}"
    seen = set()
    for path, each in written["paths"].items():
        if "get" not in each:
            continue
        asked = re.sub(r"{\w+}", "7", path) + ("?month=2026-11" if path == "/api/inventory" else "")
        answer = await call(app, asked, authorization=bearer)
        if answer.headers["content-type"] != "application/json":
            continue
        told = each["get"]["responses"]["200"] if answer.status == 200 else written["components"]["responses"]["Refusal"]
        schema = {**told["content"]["application/json"]["schema"], "components": written["components"]}
        jsonschema.validate(answer.json, schema, cls=jsonschema.Draft202012Validator)
        seen.add(answer.status)
    assert seen == {200, 404}


async def test_it_is_served_to_who_has_the_token(app: Starlette, written: dict[str, Any], data_dir: Path):
    """At ``/api/openapi.json``, and listed there itself."""
    assert (await call(app, "/api/openapi.json")).status == 401
    answer = await call(app, "/api/openapi.json", authorization=f"Bearer {(data_dir / NAME).read_text().strip()}")

    assert answer.json == written
    assert answer.json["openapi"].startswith("3.1")
    assert "/api/openapi.json" in answer.json["paths"]


async def test_the_page_has_every_call_and_how_to_fetch_them(app: Starlette, data_dir: Path):
    """Paths, methods, and what each takes; the command names the token's file, never the token."""
    token = (data_dir / NAME).read_text().strip()
    page = (await call(app, "/api/pages/api", authorization=f"Bearer {token}", host="localhost:8081")).json
    blocks = [block for section in page["sections"] for block in section["blocks"]]
    rows = [row for block in blocks if block["type"] == "table" for row in block["rows"]]

    assert {(row[0], row[1]["value"]) for row in rows} == {(one.path, one.method) for one in operations(app.routes)}
    assert next(row for row in rows if row[0].startswith("/api/tickets") and row[0].endswith("/dismiss"))[3] == "reason, by"
    assert not any(one.query and one.said.body for one in operations(app.routes))
    command = next(block["command"] for block in blocks if block["type"] == "note")
    assert command.startswith("curl -s http://localhost:8081/api/openapi.json ")
    assert f"$(cat {data_dir / NAME})" in command
    assert token not in str(page)


def test_an_import_takes_the_fields_that_feedback_has(written: dict[str, Any]):
    """They are read by hand, and described by hand."""
    item = written["components"]["schemas"]["Opinion"]["properties"]
    assert set(item) == {*FIELDS, "tenant"}
