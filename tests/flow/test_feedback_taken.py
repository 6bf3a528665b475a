"""POST /v1/feedback: who may say what, and what is told of it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.fake_transport import FakeTransport
from tests.support.gateway import House, ask, house, start
from turnout.cli.keys import key_hash
from turnout.types.feedback import Feedback

PATH = "/v1/feedback"
THUMB = {"request_id": "0123-45", "kind": "thumb", "value": "up"}
KEYS = f'auth: {{keys: [{{name: web, hash: "{key_hash("tk-web")}"}}]}}\n'


@pytest.fixture
def here(tmp_path: Path) -> House:
    return house(tmp_path, FakeTransport())


def kept(here: House) -> list[Any]:
    return list(here.journal.durable)


async def test_feedback_is_taken_when_it_is_on_disk(here: House):
    """202, with the id under which it is kept; nothing is told before."""
    here.journal.open.clear()
    task, answered = start(here.app, PATH, THUMB)
    await asyncio.sleep(0)
    assert not answered.ended

    here.journal.open.set()
    await task

    [opinion] = kept(here)
    assert (answered.status, answered.json) == (202, {"ids": [opinion.id]})
    assert isinstance(opinion, Feedback)
    assert (opinion.request_id, opinion.kind, opinion.value, opinion.verdict) == ("0123-45", "thumb", 1.0, 1.0)
    assert (opinion.source, opinion.tenant) == ("user", None)


async def test_the_same_twice_has_the_same_id(here: House):
    """Whoever had no answer sends it again."""
    first, second = await ask(here.app, PATH, THUMB), await ask(here.app, PATH, THUMB)

    assert first.json == second.json


async def test_many_at_once_are_taken(here: House):
    """Up to a thousand, in one call."""
    many = [{**THUMB, "request_id": f"r-{n}", "id": f"mine-{n}"} for n in range(1000)]
    answered = await ask(here.app, PATH, {"feedback": many})

    assert answered.json == {"ids": [f"mine-{n}" for n in range(1000)]}
    assert [opinion.request_id for opinion in kept(here)] == [f"r-{n}" for n in range(1000)]
    assert (await ask(here.app, PATH, {"feedback": [*many, THUMB]})).status == 400


async def test_whose_it_is_comes_from_the_key_alone(tmp_path: Path):
    """No body says who speaks."""
    here = house(tmp_path, FakeTransport(), more=KEYS)
    assert (await ask(here.app, PATH, THUMB)).status == 401
    assert (await ask(here.app, PATH, {**THUMB, "tenant": "other"}, authorization="Bearer tk-web")).status == 400
    assert (await ask(here.app, PATH, {**THUMB, "source": "import"}, authorization="Bearer tk-web")).status == 400
    assert (await ask(here.app, PATH, THUMB, authorization="Bearer tk-web")).status == 202

    assert [(opinion.tenant, opinion.source) for opinion in kept(here)] == [("web", "user")]


async def test_one_wrong_item_refuses_the_call(here: House):
    """By its place and field, in the caller's own dialect; nothing of it is kept."""
    wrong = {"feedback": [THUMB, {"request_id": "r", "kind": "stars", "value": 6}]}
    answered = await ask(here.app, PATH, wrong)
    as_anthropic = await ask(here.app, PATH, wrong, anthropic_version="2023-06-01")

    assert (answered.status, answered.json["error"]["param"]) == (400, "feedback[1].value")
    assert answered.json["error"]["message"].endswith("feedback[1].value: stars: must be a whole number from 1 to 5")
    assert (as_anthropic.status, as_anthropic.json["type"]) == (400, "error")
    assert kept(here) == []


async def test_a_disk_that_refuses_is_told(here: House):
    """503, to be sent again."""
    here.journal.disk = OSError("no space left")
    answered = await ask(here.app, PATH, THUMB)

    assert (answered.status, answered.headers["x-should-retry"]) == (503, "true")


@pytest.mark.parametrize(("body", "headers"), [(b"{", {}), (json.dumps(THUMB).encode(), {"content_type": "text/plain"})])
async def test_what_is_no_json_is_refused(here: House, body: bytes, headers: dict[str, str]):
    """As for every other call."""
    assert (await ask(here.app, PATH, body, **headers)).status == 400


async def test_a_request_of_a_session_says_which_turn_it_is(tmp_path: Path):
    """And one of none says nothing: it costs nothing either."""
    here = house(tmp_path, FakeTransport())
    body = {"model": "auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
    await ask(here.app, "/v1/chat/completions", body)
    for _ in range(2):
        await ask(here.app, "/v1/chat/completions", body, x_turnout_session="s-1")
    alone, first, again = (record.turn for record in here.journal.records)

    assert alone is None
    assert first is not None
    assert first == again
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(first)) == list(first)
