import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.support.asgi import Answer, call
from tests.support.records import NOW
from tests.support.tickets import ticket
from turnout.clock import ManualClock
from turnout.control.app import control_app
from turnout.control.ticket_api import LARGEST_ANSWER
from turnout.control.tickets import Tickets
from turnout.store.ledger import Ledger
from turnout.tickets.spool import Spool

ADMIN = "Bearer secret"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "tickets")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def tickets(spool: Spool, ledger: Ledger) -> Tickets:
    """Three of them: a human's, a review, another human's of another route."""
    for one in (ticket(0), ticket(1, kind="review"), ticket(2, route="code")):
        spool.add(one)
    made = Tickets(spool, ledger.tickets, ManualClock(NOW + 60))
    made.collect()
    return made


@pytest.fixture
def app(ledger: Ledger, tickets: Tickets) -> Starlette:
    return control_app(ledger, "secret", [], tickets=tickets)


async def get(app: Starlette, path: str) -> Answer:
    return await call(app, path, authorization=ADMIN)


async def post(app: Starlette, path: str, body: Any) -> Answer:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await call(app, path, method="POST", body=sent, authorization=ADMIN, content_type="application/json")


async def test_people_see_what_waits_for_them(app: Starlette, spool: Spool):
    """Newest first, with what tells tickets apart, how many are open, and how many files nobody could read."""
    (spool.open.parent / "unreadable").mkdir()
    (spool.open.parent / "unreadable" / "req-9.json").write_text("{")

    shown = (await get(app, "/api/tickets")).json

    assert [one["id"] for one in shown["tickets"]] == ["req-2", "req-1", "req-0"]
    assert shown["tickets"][2] == {
        "id": "req-0", "at": NOW, "kind": "human", "state": "open", "route": "support", "tenant": "web", "task": "customer_support",
        "why": "every model failed: openai/gpt-5 timeout", "asked": "Where is my parcel?", "by": None, "settled_at": None,
    }  # fmt: skip
    assert (shown["open"], shown["unreadable"]) == ({"human": 2, "review": 1}, 1)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("kind=review", ["req-1"]),
        ("route=code", ["req-2"]),
        ("limit=1", ["req-2"]),
        (f"before={NOW + 2}", ["req-1", "req-0"]),
        ("state=open&kind=human", ["req-2"]),
        ("state=answered", ["req-0"]),
        ("state=dismissed", []),
    ],
)
async def test_tickets_are_filtered_and_paged(app: Starlette, query: str, ids: list[str]):
    """By what the query names, all of it together."""
    await post(app, "/api/tickets/req-0/answer", {"text": "yes", "by": "ana"})

    assert [one["id"] for one in (await get(app, f"/api/tickets?{query}")).json["tickets"]] == ids


@pytest.mark.parametrize("query", ["kind=robot", "state=lost", "limit=0", "limit=1001", "before=x", "colour=red"])
async def test_a_wrong_query_is_the_callers_error(app: Starlette, query: str):
    """Unknown and impossible parameters are refused, not ignored."""
    answer = await get(app, f"/api/tickets?{query}")

    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_request")


async def test_one_ticket_is_shown_with_all_a_person_needs(app: Starlette):
    """The conversation, what was tried, and the request as it came, as text."""
    shown = (await get(app, "/api/tickets/req-0")).json

    assert shown["messages"] == [{"role": "system", "text": "Be kind."}, {"role": "user", "text": "Where is my parcel?"}]
    assert shown["tried"] == [{"model": "openai/gpt-5", "fault": "timeout", "detail": "no first token within 30 s"}]
    assert shown["body"] == '{"model": "auto", "messages": []}'
    assert (shown["state"], shown["text"], shown["front"], shown["left_out"]) == ("open", None, "openai-chat", [])


async def test_an_answer_goes_to_the_caller(app: Starlette, spool: Spool):
    """What is answered is in the ledger and where the caller looks, with who said it and when."""
    answer = await post(app, "/api/tickets/req-0/answer", {"text": "At your neighbour's.", "by": "ana"})

    assert answer.status == 200
    assert answer.json == {
        "id": "req-0", "kind": "human", "at": NOW, "tenant": "web", "state": "answered", "text": "At your neighbour's.", "by": "ana",
        "settled_at": NOW + 60,
    }  # fmt: skip
    told = spool.settlement("req-0")
    assert told is not None
    assert (told.state, told.text) == ("answered", "At your neighbour's.")
    shown = (await get(app, "/api/tickets/req-0")).json
    assert (shown["state"], shown["text"], shown["by"]) == ("answered", "At your neighbour's.", "ana")


async def test_a_ticket_may_be_dismissed_with_a_reason(app: Starlette, spool: Spool):
    """Its caller hears that nobody will answer, and why."""
    answer = await post(app, "/api/tickets/req-1/dismiss", {"reason": "spam", "by": "ben"})

    assert (answer.status, answer.json["state"], answer.json["text"]) == (200, "dismissed", "spam")
    told = spool.settlement("req-1")
    assert told is not None
    assert told.state == "dismissed"


@pytest.mark.parametrize("second", [("answer", {"text": "no", "by": "ben"}), ("dismiss", {"reason": "spam", "by": "ben"})])
async def test_a_settled_ticket_stays_as_it_is(app: Starlette, spool: Spool, second: tuple[str, dict[str, str]]):
    """The caller may have read it already; who comes later is told who was first."""
    await post(app, "/api/tickets/req-0/answer", {"text": "yes", "by": "ana"})
    verb, body = second

    late = await post(app, f"/api/tickets/req-0/{verb}", body)

    assert (late.status, late.json["error"]["code"]) == (409, "conflict")
    assert "answered by ana" in late.json["error"]["message"]
    told = spool.settlement("req-0")
    assert told is not None
    assert told.text == "yes"


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("answer", b""), ("answer", b"{"), ("answer", b'"text"'), ("answer", b"\xff\xfe"), ("answer", b'{"text": "\xff", "by": "ana"}'),
        ("answer", {}), ("answer", {"text": "yes"}), ("answer", {"by": "ana"}), ("answer", {"text": "", "by": "ana"}),
        ("answer", {"text": " \n", "by": "ana"}), ("answer", {"text": "yes", "by": " "}), ("answer", {"text": 7, "by": "ana"}),
        ("answer", {"text": "yes", "by": "a" * 201}), ("answer", {"text": "yes", "by": "ana", "to": "all"}),
        ("answer", {"reason": "spam", "by": "ana"}), ("dismiss", {"text": "yes", "by": "ana"}), ("dismiss", {"reason": "", "by": "ana"}),
    ],
)  # fmt: skip
async def test_words_and_a_name_are_needed(app: Starlette, verb: str, body: Any):
    """Nothing else, nothing less; the ticket stays open."""
    answer = await post(app, f"/api/tickets/req-0/{verb}", body)

    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_request")
    assert (await get(app, "/api/tickets/req-0")).json["state"] == "open"


async def test_an_answer_has_an_end(app: Starlette):
    """What no person wrote is not taken in."""
    answer = await post(app, "/api/tickets/req-0/answer", {"text": "x" * LARGEST_ANSWER, "by": "ana"})

    assert (answer.status, answer.json["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", ["/api/tickets/none", "/api/tickets/none/answer", "/api/tickets/none/dismiss"])
async def test_an_unknown_ticket_is_not_found(app: Starlette, path: str):
    """Whatever is wanted of it."""
    body = {"text": "yes", "by": "ana"} if path.endswith("answer") else {"reason": "spam", "by": "ana"}
    answer = await (get(app, path) if path.endswith("none") else post(app, path, body))

    assert (answer.status, answer.json["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "path", ["/api/tickets", "/api/tickets/req-0", "/api/tickets/req-0/answer", "/api/tickets/req-0/dismiss"]
)
async def test_tickets_need_the_token(app: Starlette, path: str):
    """Other people's conversations are behind the admin token, to read and to answer."""
    method = "POST" if path.count("/") > 3 else "GET"

    answer = await call(app, path, method=method, content_type="application/json", authorization="Bearer wrong")

    assert (answer.status, answer.json["error"]["code"]) == (401, "unauthenticated")


async def test_a_ledger_that_is_away_takes_no_answer(app: Starlette, ledger: Ledger, spool: Spool, tmp_path: Path):
    """503: nothing was said, and it may be said again."""
    with sqlite3.connect(tmp_path / "ledger.db") as raw:
        raw.execute("alter table tickets rename to elsewhere")
    raw.close()

    answer = await post(app, "/api/tickets/req-0/answer", {"text": "yes", "by": "ana"})

    assert (answer.status, answer.json["error"]["code"]) == (503, "overloaded")
    assert spool.settlement("req-0") is None


async def test_a_disk_that_refuses_is_no_bug(app: Starlette, spool: Spool):
    """503, as on the data plane: the ledger may answer while the directory of tickets does not."""
    shutil.rmtree(spool.open.parent)
    spool.open.parent.write_text("no directory")

    listed = await get(app, "/api/tickets")
    assert (listed.status, listed.json["error"]["code"]) == (503, "overloaded")
