"""The page API: what programs can ask of the control plane, as its own routes say it."""

from collections.abc import Iterable, Mapping
from shlex import quote

import msgspec

from turnout.control.openapi import Operation, Shape, operations
from turnout.control.pages.blocks import Cell, Column, Note, Page, Section, Table
from turnout.control.pages.seen import NOTHING
from turnout.control.pages.sources import Sources
from turnout.control.token import NAME

_PAGES = "pages"
_COLUMNS = (Column("Path", "code"), Column("Method"), Column("What it does"), Column("Query, or fields of the body"))


class ApiAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    window: str = ""
    zone: str = "UTC"


def api(_: ApiAsked, sources: Sources) -> Page:
    all_ = sorted(operations(sources.routes), key=lambda one: (one.path, one.method))
    calls = _table("calls", "Calls", (one for one in all_ if one.tag != _PAGES))
    pages = _table("pages", "Pages as values, and their tables as files", (one for one in all_ if one.tag == _PAGES), 6)
    return Page(
        "api", "API", (Section((_how(sources),), wide=True), Section((calls,), wide=True), Section((pages,), wide=True)), sources.clock.now()
    )  # fmt: skip


def _how(sources: Sources) -> Note:
    token = quote(str(sources.data_dir.absolute() / NAME))
    return Note(
        "Programs send the admin token as a bearer token, and content-type: application/json with whatever changes something. "
        "On the router's own machine, this gives all that is below in OpenAPI 3.1, with schemas:",
        command=f'curl -s {quote(sources.address)}/api/openapi.json -H "authorization: Bearer $(cat {token})"',
    )


def _table(ident: str, title: str, shown: Iterable[Operation], first: int = 0) -> Table:
    none = "This control plane serves none. The reference of HTTP has all."
    return Table(ident, title, _COLUMNS, tuple(map(_row, shown)), none, first=first)


def _row(one: Operation) -> tuple[Cell | str, ...]:
    """No call takes both a query and a body."""
    method = Cell(one.method, "plain" if one.method == "GET" else "warn")
    return one.path, method, one.said.what, ", ".join(_names(one.query or one.said.body)) or NOTHING


def _names(shape: Shape) -> Iterable[str]:
    return shape if isinstance(shape, Mapping) else getattr(shape, "__struct_fields__", ())
