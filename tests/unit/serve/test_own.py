"""Asking a model on our own behalf, by the real engine; the provider is the test's."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_transport import Answer, FakeIncoming
from tests.support.gateway import House, house
from tests.support.provider import Provider
from turnout.clock import ManualClock
from turnout.ports import Outgoing
from turnout.serve.own import PATIENCE, Question, ask_own, prepared
from turnout.types.money import PicoDollars
from turnout.types.record import Record

ROUTES = """\
routes:
  own: {static: sim-openai/small, fallback: [sim-openai/large], cache: {ttl: 1h}}
  default: {static: sim-openai/small}
"""
BODY = {"messages": [{"role": "user", "content": "What is the capital of France?"}]}


class Watched(Provider):
    """Keeps what it is sent; ``status`` is what it answers with."""

    def __init__(self, status: int = 200) -> None:
        super().__init__("Paris.")
        self.sent: list[tuple[Outgoing, dict[str, Any]]] = []
        self.status = status

    async def send(self, request: Outgoing, *, connect_timeout: float) -> FakeIncoming:
        self.sent.append((request, json.loads(request.body)))
        if self.status != 200:
            return FakeIncoming(Answer(b'{"error": {"message": "no"}}', status=self.status))
        return await super().send(request, connect_timeout=connect_timeout)


def rooms(directory: Path, provider: Watched) -> House:
    return house(directory, provider, routes=ROUTES, clock=ManualClock())


def question(**changes: Any) -> Question:
    given = {"model": "sim-openai/small", "body": BODY, "longest": 300, "tags": {"bench": "s"}, "copy_of": "bench:r", **changes}
    return Question(**given)


async def asked(built: House, **changes: Any):
    return await ask_own(built.gateway, built.gateway.snapshot, question(**changes))


def records(built: House) -> list[Record]:
    return [entry for entry in built.journal.records if isinstance(entry, Record)]


async def test_what_comes_of_it(tmp_path: Path) -> None:
    """The answer, its tokens and cost; the record is a copy's, with nothing of a client in it."""
    built = rooms(tmp_path, Watched())
    found = await asked(built)
    (record,) = records(built)

    assert (found.outcome, found.text, found.finish, found.error) == ("ok", "Paris.", "stop", None)
    assert found.cost == record.cost
    assert found.cost is not None
    assert (found.request, record.copy_of, record.route) == (record.id, "bench:r", "direct")
    assert record.traits is not None
    assert (record.traits.caller, record.traits.session, record.traits.headers) == (None, None, {})
    assert record.traits.tags == {"bench": "s", "latency": "batch"}


async def test_what_is_sent(tmp_path: Path) -> None:
    """The body, for this model, whole and of a bounded length under the name its provider has for that."""
    provider = Watched()
    body = {
        **BODY,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 5,
        "turnout": {"route": "own"},
        "seed": 3,
    }
    await asked(rooms(tmp_path, provider), body=body, model="sim-openai/large")
    ((_, sent),) = provider.sent

    assert sent == {**BODY, "seed": 3, "model": "large", "max_completion_tokens": 300}


async def test_nobody_else_answers(tmp_path: Path) -> None:
    """Neither a fallback nor a cache: it is this model that is asked about."""
    provider = Watched(500)
    found = await asked(rooms(tmp_path, provider))

    assert found.outcome == "failed"
    assert found.error
    assert {body["model"] for _, body in provider.sent} == {"small"}


@pytest.mark.parametrize("changes", [{"model": "sim-openai/none"}, {"body": {"messages": "none"}}, {"longest": 10**9}])
async def test_what_cannot_be_asked(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Is said, costs nothing, and calls nobody."""
    provider = Watched()
    found = await asked(rooms(tmp_path, provider), **changes)

    assert (found.outcome, found.cost, provider.sent) == ("rejected", 0, [])
    assert found.error


async def test_a_request_that_its_provider_refuses(tmp_path: Path) -> None:
    """400 is the question's own fault at this model, not an outage."""
    found = await asked(rooms(tmp_path, Watched(400)))

    assert found.outcome == "rejected"


async def test_never_dearer_than_it_may_be(tmp_path: Path) -> None:
    """The limit is part of the plan, and a question that is expected to cost more is not put."""
    built = rooms(tmp_path, Watched())
    dear = prepared(built.gateway, built.gateway.snapshot, question(max_cost=PicoDollars(10**12)))
    found = await asked(built, max_cost=PicoDollars(1))

    assert dear.book.decided is not None
    assert dear.book.decided.plan.budget == 10**12
    assert (found.outcome, len(records(built))) == ("rejected", 0)


async def test_it_waits_for_room(tmp_path: Path) -> None:
    """Nobody waits for the answer, so it has patience, and everybody else goes first."""
    built = rooms(tmp_path, Watched())
    own = prepared(built.gateway, built.gateway.snapshot, question())

    assert own.book.decided is not None
    assert own.book.decided.plan.patience < PATIENCE
    assert len(own.book.decided.plan.steps) == 1
    assert own.most.output == 300
