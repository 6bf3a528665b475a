"""Kept content over HTTP: opened, deleted for good, and nothing of whose it was in the trail."""

import os
from pathlib import Path

import msgspec
import pytest
from starlette.applications import Starlette

from tests.support.asgi import Answer, call
from tests.support.records import NOW, TRAITS, record
from turnout.audit.chain import read
from turnout.clock import ManualClock
from turnout.content.open import Opened, close
from turnout.content.seal import ContentKey, Keyring
from turnout.control.app import control_app
from turnout.control.contents import ContentDesk, content_routes
from turnout.store.audit import LedgerTrail
from turnout.store.ledger import Ledger

KEY = ContentKey(os.urandom(32))
SAID = Opened("openai-chat", b'{"model":"auto"}', b'{"id":"x"}', stream=False, model="a/b", request_cut=3)


@pytest.fixture
def ledger(tmp_path: Path):
    """Four requests of two callers; two share a session's name."""
    opened = Ledger(tmp_path / "ledger.db")
    whose = (("web", "s-1"), ("web", "s-2"), ("ops", "s-1"), ("ops", None))
    for n, (caller, session) in enumerate(whose):
        told = record(n, traits=msgspec.structs.replace(TRAITS, caller=caller, session=session))
        opened.ingest([told, close(told.id, told.at, "full", SAID, KEY)], "s", n + 1)
    yield opened
    opened.close()


def app(ledger: Ledger, *keys: ContentKey) -> Starlette:
    desk = ContentDesk(ledger.contents, lambda: Keyring(keys), LedgerTrail(ledger.audit, ManualClock(NOW).now))
    return control_app(ledger, "secret", [], more=content_routes(desk))


async def ask(ledger: Ledger, path: str, method: str = "GET", *keys: ContentKey, kind: str = "application/json") -> Answer:
    return await call(app(ledger, *keys), path, method=method, authorization="Bearer secret", content_type=kind)


def left(ledger: Ledger) -> list[int]:
    return [n for n in range(4) if ledger.contents.get(f"req-{n}") is not None]


async def test_content_is_opened_for_the_admin(ledger: Ledger):
    """As text, with what was left out; never without the token."""
    shown = await ask(ledger, "/api/requests/req-0/content", "GET", KEY)

    assert shown.json["request"] == '{"model":"auto"}\n[3 bytes were left out]'
    assert (shown.json["answer"], shown.json["model"], shown.json["front"]) == ('{"id":"x"}', "a/b", "openai-chat")
    assert (await call(app(ledger, KEY), "/api/requests/req-0/content")).status == 401


async def test_what_cannot_be_opened_says_why(ledger: Ledger):
    """A key that is not there is a conflict, what was never kept is not found."""
    shut = await ask(ledger, "/api/requests/req-0/content", "GET", ContentKey(os.urandom(32)))

    assert (shut.status, shut.json["error"]["code"]) == (409, "conflict")
    assert f"sealed with key {KEY.id}" in shut.json["error"]["message"]
    assert (await ask(ledger, "/api/requests/none/content", "GET", KEY)).status == 404


async def test_one_requests_content_is_deleted_for_good(ledger: Ledger):
    """The record stays; the trail names the request once, though it is asked twice."""
    path = "/api/requests/req-1/content"
    answers = [(await ask(ledger, path, "DELETE")).json for _ in range(2)]

    assert answers == [{"deleted": 1}, {"deleted": 0}]
    assert left(ledger) == [0, 2, 3]
    assert ledger.request("req-1") is not None
    (entry,) = ledger.audit.page(9, kind="content_deleted")
    assert (entry.actor, read(entry)) == ("api:admin", {"request": "req-1"})


@pytest.mark.parametrize(
    ("query", "stays", "by"),
    [
        ("session=s-1", [1, 3], ["session"]), ("caller=web", [2, 3], ["caller"]), ("session=s-1&caller=ops", [0, 1, 3], ["session", "caller"]),
        (f"before={NOW + 2}", [2, 3], ["before"]), ("before=0", [0, 1, 2, 3], ["before"]), ("session=none", [0, 1, 2, 3], ["session"]),
    ],
)  # fmt: skip
async def test_content_is_deleted_by_whose_it_is(ledger: Ledger, query: str, stays: list[int], by: list[str]):
    """And the trail says by what, and how many: no session's and no caller's name, which are a person's perhaps."""
    answer = await ask(ledger, f"/api/contents?{query}", "DELETE")

    assert (answer.json, left(ledger)) == ({"deleted": 4 - len(stays)}, stays)
    (entry,) = ledger.audit.page(9, kind="content_deleted")
    assert read(entry) == {"by": by, "requests": 4 - len(stays)}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "say whose"), ("session=s-1&before=9", "before"), ("caller=web&before=9", "before"), ("before=inf", "before"), ("before=nan", "before"),
        ("session=", "session"), ("caller=", "caller"), ("session=s-1&caller=", "caller"), ("sesion=s-1", "sesion"), ("before=x", "before"),
    ],
)  # fmt: skip
async def test_what_does_not_say_exactly_whose_deletes_nothing(ledger: Ledger, query: str, named: str):
    """What is deleted is gone: nothing is guessed."""
    answer = await ask(ledger, f"/api/contents?{query}", "DELETE")

    assert (answer.status, left(ledger)) == (400, [0, 1, 2, 3])
    assert named in answer.json["error"]["message"]
    assert ledger.audit.page(9) == ()


@pytest.mark.parametrize(
    ("method", "kind", "status"), [("POST", "application/json", 405), ("DELETE", "text/plain", 415), ("DELETE", "", 415)]
)
async def test_only_a_deletion_as_json_deletes(ledger: Ledger, method: str, kind: str, status: int):
    """A form of another site's page can send neither."""
    for path in ("/api/contents?session=s-1", "/api/requests/req-0/content"):
        assert (await ask(ledger, path, method, kind=kind)).status == status
    assert left(ledger) == [0, 1, 2, 3]
