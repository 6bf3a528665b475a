"""What is left when every model of a chain failed: kept answers and people, by the real front, spine, cache and spool."""

import asyncio
import json
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.support.fake_exchange import FakeExchange
from tests.support.fake_transport import Answer
from tests.support.gateway import House, ask, house, start
from tests.support.provider import Provider, settled
from turnout.cli.keys import key_hash
from turnout.tickets.spool import Spool
from turnout.types.tickets import Ticket, TicketStatus

ROUTES = """\
routes:
  stale: {static: sim-openai/large, fallback: [{cache: stale}]}
  similar: {static: sim-openai/large, fallback: [{cache: similar}, {queue: review}]}
  wait: {static: sim-openai/large, fallback: [{queue: human, wait: 20s}]}
  hurry: {static: sim-openai/large, deadline: 300ms, fallback: [{queue: human, wait: 20s}]}
  review: {static: sim-openai/large, fallback: [{queue: review}]}
  only: {static: sim-openai/large, fallback: [{queue: review, on: [unavailable]}, {queue: human, on: [rate_limited]}]}
  overflow: {static: sim-openai/large, fallback: [{queue: review, on: [context_overflow]}]}
  audited: {static: sim-openai/large, journal: required, fallback: [{queue: review}]}
  default: {static: sim-openai/large}
"""
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
DOWN = Answer(b'{"error": {"message": "no such key"}}', status=401)
"""Not tried again, so that no test waits."""
LIMITED = Answer(b'{"error": {"message": "too many"}}', status=429, headers={"retry-after": "3600"})
KEYS = {"web": "tk-web", "app": "tk-app"}
ends = pytest.mark.parametrize(("path", "stream"), [(CHAT, False), (CHAT, True), (MESSAGES, False), (MESSAGES, True)])


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def rooms(tmp_path: Path, provider: Provider) -> House:
    return house(tmp_path, provider, routes=ROUTES)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "tickets")


def asked(route: str, text: str = "Where is my parcel?", **more: Any) -> dict[str, Any]:
    return {"model": route, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **more}


async def handed_over(spool: Spool) -> Ticket:
    """The only ticket, once it is there."""
    async with asyncio.timeout(10):
        while not spool.ids():  # noqa: ASYNC110 - it comes by way of the disk
            await asyncio.sleep(0.01)
    [id_] = spool.ids()
    ticket = spool.ticket(id_)
    assert ticket is not None
    return ticket


def settle(spool: Spool, ticket: Ticket, state: Literal["answered", "dismissed"], text: str) -> None:
    spool.settle(TicketStatus(ticket.id, ticket.kind, ticket.at, ticket.tenant, state, text, "ana", ticket.at + 1))


async def test_a_stale_answer_ends_a_chain(rooms: House, provider: Provider) -> None:
    """Marked; headers and record count what was tried before, and say what it saved."""
    await ask(rooms.app, CHAT, asked("stale"))
    again = await ask(rooms.app, CHAT, asked("stale"))
    provider.refusal = DOWN
    answered = await ask(rooms.app, CHAT, asked("stale", stream=True))
    record = rooms.journal.records[-1]

    assert (provider.calls, again.headers["x-turnout-reason"]) == (3, "static")
    assert (answered.status, b"Paris." in answered.body, answered.ended) == (200, True, True)
    headers = {name.removeprefix("x-turnout-"): value for name, value in answered.headers.items()}
    assert (headers["reason"], headers["warnings"], headers["attempts"]) == ("cache", "cache:stale", "1")
    assert (headers["model"], float(headers["cost-usd"])) == ("sim-openai/large", 0)
    assert (record.outcome, record.reason, record.model, record.code) == ("ok", "cache", "sim-openai/large", None)
    assert ([attempt.fault for attempt in record.attempts], record.cost) == (["misconfigured"], 0)
    assert record.saved == rooms.journal.records[0].cost


async def test_ends_come_in_their_order(rooms: House, provider: Provider, spool: Spool) -> None:
    """The kept answer to a similar question first; where there is none, the queue after it."""
    await ask(rooms.app, CHAT, asked("similar", "How do I reset my password?"))
    provider.refusal = DOWN
    alike = await ask(rooms.app, CHAT, asked("similar", "Hi, how can I reset my password please?"))
    unlike = await ask(rooms.app, CHAT, asked("similar", "How do I reset my router?"))

    assert (alike.status, alike.headers["x-turnout-warnings"]) == (200, "cache:stale,cache:similar")
    assert (unlike.status, unlike.headers["x-turnout-ticket"]) == (202, (await handed_over(spool)).id)


@ends
async def test_a_person_answers_who_waits(path: str, stream: Any, rooms: House, provider: Provider, spool: Spool) -> None:
    """In the client's dialect and form; the record says who answered, what was tried and what it cost."""
    provider.refusal = DOWN
    task, answered = start(rooms.app, path, asked("wait", stream=stream))
    ticket = await handed_over(spool)
    settle(spool, ticket, "answered", "It is at the door.")
    await task
    record = rooms.journal.records[-1]

    assert answered.status == 200
    assert b"It is at the door." in answered.body
    assert (answered.headers["x-turnout-model"], answered.headers["x-turnout-reason"]) == ("people", "fallback")
    assert answered.headers["x-turnout-ticket"] == ticket.id == record.id == record.ticket
    assert (record.outcome, record.model, record.reason, record.status) == ("ok", "people", "fallback", 200)
    assert ([attempt.fault for attempt in record.attempts], record.code) == (["misconfigured"], None)
    assert (ticket.messages[-1].text, ticket.tried[0].model) == ("Where is my parcel?", "sim-openai/large")


@ends
async def test_who_is_not_answered_in_time_has_a_ticket(path: str, stream: Any, rooms: House, provider: Provider) -> None:
    """202, in words and in a header; nobody waits past the request's own deadline, and the ticket says how it stands."""
    provider.refusal = DOWN
    answered = await ask(rooms.app, path, asked("hurry", stream=stream))
    record, id_ = rooms.journal.records[-1], answered.headers["x-turnout-ticket"]
    standing = await ask(rooms.app, f"/v1/tickets/{id_}", b"", method="GET")

    assert answered.status == record.status == 202
    assert f"/v1/tickets/{id_}".encode() in answered.body
    assert answered.ended
    assert (answered.headers["x-turnout-model"], answered.headers["x-turnout-attempts"]) == ("none", "1")
    assert (record.outcome, record.code, record.ticket, record.model) == ("failed", "upstream_failed", id_, None)
    assert 300 <= record.duration_ms < 5000
    assert (standing.json["state"], standing.json["text"]) == ("open", None)


async def test_a_ticket_is_shown_to_its_own_key(tmp_path: Path, provider: Provider, spool: Spool) -> None:
    """To another it is not there; what people said of it later is told."""
    keys = [{"name": name, "hash": key_hash(secret)} for name, secret in KEYS.items()]
    rooms = house(tmp_path, provider, routes=ROUTES, more=f"auth: {json.dumps({'keys': keys})}\n")
    provider.refusal = DOWN
    id_ = (await ask(rooms.app, CHAT, asked("review"), authorization="Bearer tk-web")).headers["x-turnout-ticket"]
    settle(spool, await handed_over(spool), "answered", "Done.")
    path = f"/v1/tickets/{id_}"
    own, other, nobody = [
        await ask(rooms.app, path, b"", method="GET", authorization=f"Bearer {secret}") for secret in ("tk-web", "tk-app", "x")
    ]

    assert (own.status, own.json["state"], own.json["text"], own.json["by"]) == (200, "answered", "Done.", "ana")
    assert (other.status, nobody.status) == (404, 401)
    assert (await ask(rooms.app, "/v1/tickets/../../etc", b"", method="GET", authorization="Bearer tk-web")).status == 404


async def test_a_person_may_decline(rooms: House, provider: Provider, spool: Spool) -> None:
    """The reason is told; no answer was given."""
    provider.refusal = DOWN
    task, answered = start(rooms.app, CHAT, asked("wait"))
    settle(spool, await handed_over(spool), "dismissed", "We cannot know.")
    await task

    assert answered.status == 202
    assert "We cannot know." in answered.json["choices"][0]["message"]["content"]
    assert rooms.journal.records[-1].outcome == "failed"


async def test_who_leaves_while_waiting_leaves_the_ticket(rooms: House, provider: Provider, spool: Spool) -> None:
    """People have it; the record says that its client left."""
    provider.refusal = DOWN
    headers = {b"host": b"127.0.0.1", b"content-type": b"application/json"}
    exchange = FakeExchange(CHAT, json.dumps(asked("wait")).encode(), headers)
    task = asyncio.ensure_future(rooms.app(exchange))
    ticket = await handed_over(spool)
    exchange.leave()
    await asyncio.wait_for(task, 5)

    assert (rooms.journal.records[-1].outcome, rooms.journal.records[-1].ticket) == ("cancelled", ticket.id)
    assert spool.ids() == {ticket.id}
    assert rooms.gateway.desk.waiting == 0


async def test_who_waits_when_the_process_ends_has_a_ticket(rooms: House, provider: Provider, spool: Spool) -> None:
    """At once, rather than an error when the time to drain is over; nor does anybody wait after that."""
    provider.refusal = DOWN
    task, answered = start(rooms.app, CHAT, asked("wait"))
    ticket = await handed_over(spool)
    rooms.gateway.desk.let_go()
    await asyncio.wait_for(task, 5)
    late = await asyncio.wait_for(ask(rooms.app, CHAT, asked("wait")), 5)

    assert (answered.status, answered.headers["x-turnout-ticket"]) == (202, ticket.id)
    assert late.status == 202


@pytest.mark.parametrize(("refusal", "kind"), [(DOWN, "review"), (LIMITED, "human")])
async def test_an_end_is_for_how_the_chain_ended(
    refusal: Answer, kind: str, rooms: House, provider: Provider, spool: Spool
) -> None:
    """By its ``on``, as a fallback is."""
    provider.refusal = refusal
    answered = await ask(rooms.app, CHAT, asked("only"))

    assert answered.status == 202
    assert (await handed_over(spool)).kind == kind


async def test_an_end_for_something_else_is_none(rooms: House, provider: Provider, spool: Spool) -> None:
    """The error is told as if there was no end."""
    provider.refusal = DOWN
    answered = await ask(rooms.app, CHAT, asked("overflow"))

    assert (answered.status, answered.json["error"]["code"]) == (502, "upstream_failed")
    assert spool.ids() == frozenset()


async def test_what_no_model_may_serve_is_no_end(rooms: House, spool: Spool) -> None:
    """Constraints fail closed: neither a kept answer nor people take what was refused."""
    answered = await ask(rooms.app, CHAT, asked("review") | {"max_tokens": 10_000_000})

    assert (answered.status, answered.json["error"]["code"]) == (422, "no_candidate")
    assert spool.ids() == frozenset()


async def test_the_callers_own_fault_is_no_end(rooms: House, provider: Provider, spool: Spool) -> None:
    """The request is wrong, and would be wrong for people too."""
    provider.refusal = Answer(b'{"error": {"message": "temperature: too hot"}}', status=400)
    answered = await ask(rooms.app, CHAT, asked("review"))

    assert (answered.status, "too hot" in answered.json["error"]["message"]) == (400, True)
    assert spool.ids() == frozenset()


async def test_a_full_disk_is_no_end_either(tmp_path: Path, rooms: House, provider: Provider) -> None:
    """What cannot be handed over is told as the error it is."""
    (tmp_path / "tickets").write_text("in the way of the directory")
    provider.refusal = DOWN
    answered = await ask(rooms.app, CHAT, asked("review"))

    assert (answered.status, answered.json["error"]["code"]) == (502, "upstream_failed")
    assert rooms.gateway.desk.refused == 1


async def test_an_audited_ticket_is_recorded_first(rooms: House, provider: Provider) -> None:
    """With its ticket, before the client hears of it."""
    provider.refusal = DOWN
    gate = rooms.journal.append_durably

    async def closes_after_the_chains(record: Any) -> None:
        if record.ticket is not None:
            rooms.journal.open.clear()
            asyncio.get_running_loop().call_later(0.05, rooms.journal.open.set)
            assert answered.status == 0
        await gate(record)

    rooms.journal.append_durably = closes_after_the_chains  # type: ignore[method-assign]
    task, answered = start(rooms.app, CHAT, asked("audited"))
    await task
    record = rooms.journal.durable[-1]

    assert (answered.status, answered.headers["x-turnout-ticket"]) == (202, record.id)
    assert (record.ticket, record.status, record.outcome) == (record.id, 202, "failed")
    assert rooms.journal.records[-1].edition > record.edition


async def test_an_audited_ticket_without_a_record_is_not_told(rooms: House, provider: Provider) -> None:
    """503 instead; people have it nevertheless."""
    provider.refusal = DOWN
    gate = rooms.journal.append_durably

    async def full(record: Any) -> None:
        if record.ticket is not None:
            raise OSError(28, "No space left on device")
        await gate(record)

    rooms.journal.append_durably = full  # type: ignore[method-assign]
    answered = await ask(rooms.app, CHAT, asked("audited"))

    assert (answered.status, answered.json["error"]["code"]) == (503, "overloaded")
    assert (rooms.journal.records[-1].status, rooms.journal.records[-1].code) == (503, "overloaded")


async def test_a_conversation_that_cannot_be_read_is_handed_over(rooms: House, provider: Provider, spool: Spool) -> None:
    """Its body is there: what only its own provider understands is no reason to fail otherwise than it did."""
    provider.refusal = DOWN
    body = asked("review")
    body["messages"].append({"role": "moderator", "content": "Be quick."})
    answered = await ask(rooms.app, CHAT, body)
    await settled()

    ticket = await handed_over(spool)
    assert answered.status == 202
    assert (ticket.messages, json.loads(ticket.body or b"{}")["messages"][1]["role"]) == ((), "moderator")
