"""The dashboard's HTTP face: one shell for all pages, the files it is drawn with, and each page as JSON and its tables as files."""

import gzip
import hashlib
import re
from collections.abc import Callable
from functools import cache
from html import escape
from importlib.resources import files

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnout.control.guard import refusal
from turnout.control.openapi import JSON, described
from turnout.control.pages.blocks import NoSuchThing, Page
from turnout.control.pages.export import as_csv, as_rows, table_of
from turnout.control.pages.registry import PAGES, Listed
from turnout.control.pages.sources import Sources
from turnout.control.pages.state import alerts
from turnout.control.wire import as_json, read_query

_FILES = files("turnout.control") / "page"
_MEDIA = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"


def shell_routes() -> tuple[Route, ...]:
    """What a browser loads before it has a token: nothing in it is anybody's secret."""
    shell = _shell()

    def page(_: Request) -> Response:
        return Response(shell, media_type="text/html")

    places = ["/", *(f"/{listed.name}" for listed in PAGES)]
    detailed = (f"/{listed.name}/{{id}}" for listed in PAGES if "id" in listed.asked.__struct_fields__)
    return (
        *(Route(place, page) for place in (*places, *detailed)),
        *(Route(f"/page/{item.name}", _static(item.name)) for item in _FILES.iterdir() if item.name != "index.html"),
        Route("/plotly-{hash}.js", _plotly_file),
    )


def page_routes(sources: Sources) -> tuple[Route, ...]:
    """Plain functions: Starlette runs them in threads."""
    listed = {one.name: one for one in PAGES}
    queries = ("page", {one.name: one.asked for one in PAGES})

    def answered(request: Request, answer: Callable[[Page], Response]) -> Response:
        one = listed.get(request.path_params["page"])
        if one is None:
            return refusal(404, "not_found", f"no such page; there are {', '.join(listed)}")
        try:
            return answer(_made(one, request, _told(sources, request)))
        except NoSuchThing as missing:
            return refusal(404, "not_found", str(missing))

    @described("a page of the dashboard as a value", answers=Page, each=queries)
    def page(request: Request) -> Response:
        return answered(request, as_json)

    @described("all rows of a page's table; kind is csv or json", media=(JSON, "text/csv"), each=queries)
    def export(request: Request) -> Response:
        return answered(request, lambda made: _exported(made, request.path_params["table"], request.path_params["kind"]))

    return (Route("/api/pages/{page}", page), Route("/api/pages/{page}/{table}.{kind}", export))


def _made(listed: Listed, request: Request, sources: Sources) -> Page:
    page = listed.make(read_query(request, listed.asked), sources)
    return msgspec.structs.replace(page, alerts=(*alerts(sources), *page.alerts))


def _told(sources: Sources, request: Request) -> Sources:
    """With what the app itself knows: what it serves, and where it was found."""
    return msgspec.structs.replace(sources, routes=tuple(request.app.routes), address=str(request.base_url).rstrip("/"))


def _exported(page: Page, table_id: str, kind: str) -> Response:
    table = table_of(page, table_id)
    if table is None or kind not in {"csv", "json"}:
        return refusal(404, "not_found", f"the page {page.name} has no table {table_id!r} as {kind!r}; exports are csv and json")
    if kind == "json":
        return as_json({"page": page.name, "table": table.id, "asof": page.asof, "rows": as_rows(table)})
    name = f"turnout-{page.name}-{table.id}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(as_csv(table), media_type="text/csv", headers=headers)


def _shell() -> bytes:
    """The document of every page; its menu is the registry's."""
    menu = "".join(
        f'<a href="/{listed.name}" data-page="{listed.name}" data-key="{listed.key}">{escape(listed.title)}</a>'
        for listed in PAGES
    )
    digest, script = _plotly()
    # Its maps bring a style sheet that the content security policy would refuse, and complain of; where its mark stands, they do not.
    mark = re.search(rb'getElementById\("([0-9a-f]{64})"\)', script)
    styled = f'<span id="{mark[1].decode()}" hidden></span>' if mark else ""
    filled = {"menu": menu, "plotly": f"/plotly-{digest}.js", "styled": styled}
    document = (_FILES / "index.html").read_text()
    for name, text in filled.items():
        document = document.replace(f"{{{{{name}}}}}", text)
    return document.encode()


def _static(name: str) -> Callable[[Request], Response]:
    item = _FILES / name
    body, media = item.read_bytes(), _MEDIA[f".{name.rpartition('.')[2]}"]
    return lambda _: Response(body, media_type=media)


@cache
def _plotly() -> tuple[str, bytes]:
    """The hash of its script and the script itself, of the plotly package that is installed."""
    script = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    return hashlib.sha256(script).hexdigest()[:16], script


@cache
def _plotly_packed() -> bytes:
    """Made when first asked for: a third of the script's 4.8 MB."""
    return gzip.compress(_plotly()[1], 6)


def _plotly_file(request: Request) -> Response:
    digest, script = _plotly()
    if request.path_params["hash"] != digest:
        return refusal(404, "not_found", f"nothing is at {request.url.path}; load the page again")
    headers = {"cache-control": _FOREVER, "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(_plotly_packed(), media_type="text/javascript", headers={**headers, "content-encoding": "gzip"})
    return Response(script, media_type="text/javascript", headers=headers)
