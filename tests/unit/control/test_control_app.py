import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.asgi import call
from tests.support.records import NOW, attempt, record
from turnout.clock import ManualClock
from turnout.control.app import control_app
from turnout.control.ingest import IngestReport
from turnout.control.token import admin_token
from turnout.store.ledger import Ledger
from turnout.store.queries import Filters

ADMIN = "Bearer secret"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def app(ledger: Ledger) -> Starlette:
    async def reload(_: Request) -> Response:
        return Response("done")

    made = control_app(
        ledger, "secret", ["turnout.example"], clock=ManualClock(NOW + 10), ingested=lambda: IngestReport(damaged=7)
    )
    made.router.routes.append(Route("/api/reload", reload, methods=["POST"]))  # one that changes something
    return made


async def test_the_page_needs_no_token_and_brings_everything_with_it(app: Starlette):
    """The page, its style and its script come from here; nothing is loaded from elsewhere, framed, or guessed at."""
    page = await call(app, "/")

    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        assert f'"/page/{name}"'.encode() in page.body
        assert (await call(app, f"/page/{name}")).headers["content-type"].startswith(kind)
    assert b"http" not in page.body
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/api/summary", "/api/requests", "/api/requests/req-0", "/api/unknown"])
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "secret", "Bearer "])
async def test_the_api_needs_the_token(app: Starlette, path: str, authorization: str | None):
    """Without the admin token nothing under /api answers, not even that a path is unknown."""
    headers = {} if authorization is None else {"authorization": authorization}

    answer = await call(app, path, **headers)

    assert (answer.status, answer.json["error"]["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "x-content-type-options" in answer.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("127.0.0.1:8081", 200), ("[::1]:8081", 200), ("turnout.example", 200), ("TURNOUT.example:8081", 200),
        ("evil.example", 403), ("localhost.evil.example", 403), ("", 403), ("[::1", 403), ("localhost@evil.example", 403),
    ],
)  # fmt: skip
async def test_only_known_hosts_are_answered(app: Starlette, host: str, status: int):
    """A name that was rebound to this address is not ours: its pages get nothing."""
    assert (await call(app, "/", host=host)).status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "application/json"}, 200),
        ({"content_type": "application/json; charset=utf-8", "origin": "http://localhost"}, 200),
        ({"content_type": "application/json", "origin": "http://evil.example"}, 403),
        ({"content_type": "application/json", "origin": "http://localhost:9999"}, 403),
        ({"content_type": "application/json", "origin": "null"}, 403),
        ({"content_type": "text/plain"}, 415),
        ({}, 415),
    ],
)
async def test_changes_come_from_our_own_page_as_json(app: Starlette, headers: dict[str, str], status: int):
    """An unsafe method with a foreign Origin, or of a kind that a web form could send, is refused even with the token."""
    answer = await call(app, "/api/reload", method="POST", authorization=ADMIN, **headers)

    assert answer.status == status


async def test_the_summary_is_in_dollars(app: Starlette, ledger: Ledger):
    """Amounts are named for their unit; the window bounds what is counted; journal losses are shown."""
    ledger.ingest([record(0), record(1), record(2, at=NOW - 9000)], "s", 1)

    hour = (await call(app, "/api/summary", authorization=ADMIN)).json
    everything = (await call(app, "/api/summary?window=0", authorization=ADMIN)).json

    assert (hour["requests"], everything["requests"]) == (2, 3)
    assert (hour["cost_usd"], hour["baseline_usd"], hour["saved_usd"]) == (0.0029, 0.018, 0.0151)
    assert hour["models"] == [{"name": "anthropic/claude-haiku-4-5", "requests": 2, "errors": 0, "cost_usd": 0.0029}]
    assert hour["journal"]["damaged"] == 7


async def test_requests_are_listed_and_filtered(app: Starlette, ledger: Ledger):
    """Newest first, up to the limit, by what the query names; an unknown cost is null."""
    ledger.ingest([record(0), record(1, cost=None), record(2, route="support")], "s", 1)

    both = (await call(app, "/api/requests?limit=2", authorization=ADMIN)).json["requests"]
    code = (await call(app, "/api/requests?route=code", authorization=ADMIN)).json["requests"]

    assert [line["id"] for line in both] == ["req-2", "req-1"]
    assert [(line["id"], line["cost_usd"]) for line in code] == [("req-1", None), ("req-0", 0.00145)]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=100000", "colour=red", "before=x"])
async def test_a_wrong_query_is_the_callers_error(app: Starlette, query: str):
    """Unknown and impossible parameters are refused, not ignored."""
    answer = await call(app, f"/api/requests?{query}", authorization=ADMIN)

    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("query", ["window=inf", "window=1e300", "window=1e11", "window=nan", "window=-1"])
async def test_a_window_that_no_ledger_has_is_refused(app: Starlette, query: str):
    """Endless is 0; any other window is one that a clock can show."""
    answer = await call(app, f"/api/summary?{query}", authorization=ADMIN)

    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_request")


async def test_a_value_that_no_column_holds_is_the_callers_error(store_url: str):
    """Neither a bug nor a ledger that is away: a number beyond 64 bits, or what one of the databases has no place for."""
    ledger = Ledger(store_url)

    def odd(request: Request) -> Response:
        page = ledger.audit.page(5, before=2**70) if request.url.query == "number" else ledger.recent(5, Filters(route="a\0b"))
        return Response(str(len(page)))

    app = control_app(ledger, "secret", [], more=[Route("/api/odd", odd)])
    number = await call(app, "/api/odd?number", authorization=ADMIN)
    text = await call(app, "/api/odd?text", authorization=ADMIN)

    assert (number.status, number.json["error"]["code"]) == (400, "invalid_request")
    assert text.status == (400 if store_url.startswith("postgresql") else 200)
    ledger.close()


async def test_one_request_shows_its_decision(app: Starlette, ledger: Ledger):
    """Traits with what each was inferred from, attempts with costs and usage, and a seed that no JSON reader rounds."""
    ledger.ingest([record(0, attempts=(attempt(fault="timeout", cost=None, usage=None), attempt()))], "s", 1)

    shown = (await call(app, "/api/requests/req-0", authorization=ADMIN)).json

    assert shown["traits"]["task"] == {"value": "code_generation", "source": "words:function"}
    assert [(one["fault"], one["cost_usd"]) for one in shown["attempts"]] == [("timeout", None), (None, 0.00145)]
    assert shown["attempts"][1]["usage"]["cache_read"] == 100
    assert shown["seed"] == str(2**62 + 1)


async def test_a_request_refused_before_it_was_decided_is_shown(app: Starlette, ledger: Ledger):
    """A record without traits or attempts is a record all the same."""
    ledger.ingest([record(0, traits=None, attempts=(), model=None, outcome="rejected")], "s", 1)

    shown = (await call(app, "/api/requests/req-0", authorization=ADMIN)).json

    assert (shown["traits"], shown["attempts"]) == (None, [])


@pytest.mark.parametrize(
    ("path", "status"), [("/api/requests/none", 404), ("/nothing", 404), ("/health/live", 200), ("/health/ready", 200)]
)
async def test_unknown_things_and_health(app: Starlette, path: str, status: int):
    """What does not exist says so as JSON; health needs no token."""
    answer = await call(app, path, authorization=ADMIN if path.startswith("/api") else "")

    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"


async def test_a_ledger_that_is_away_is_not_ready(tmp_path: Path):
    """Without its store the control plane lives, is not ready, and says so instead of failing."""
    directory = tmp_path / "store"
    directory.mkdir()
    gone = Ledger(directory / "ledger.db")
    app = control_app(gone, "secret", [])
    gone.close()
    shutil.rmtree(directory)

    assert (await call(app, "/health/live")).status == 200
    assert (await call(app, "/health/ready")).status == 503
    assert (await call(app, "/api/summary", authorization=ADMIN)).status == 503


def test_the_token_is_made_once_for_its_owner_only(tmp_path: Path):
    """The first start makes it, later ones read it; nobody else on the machine can."""
    made = admin_token(tmp_path / "data")

    assert admin_token(tmp_path / "data") == made
    assert len(made) >= 43
    assert ((tmp_path / "data" / "admin-token").stat().st_mode & 0o777) == 0o600


@pytest.mark.parametrize(
    ("path", "method", "allowed"), [("/api/reload", "GET", {"POST"}), ("/api/summary", "DELETE", {"GET", "HEAD"})]
)
async def test_another_method_is_told_which_there_are(app: Starlette, path: str, method: str, allowed: set[str]):
    """405 in the shape of every error, and with the header that says so (RFC 9110 15.5.6)."""
    answer = await call(app, path, method=method, authorization=ADMIN, content_type="application/json")

    assert (answer.status, answer.json["error"]["code"]) == (405, "invalid_request")
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert f"not {method}" in answer.json["error"]["message"]
