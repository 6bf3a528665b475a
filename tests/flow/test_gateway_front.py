"""The front door, whole: what is asked for comes out as the client's dialect, its hints and its key say."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_exchange import Answered, FakeExchange
from tests.support.fake_transport import Answer, FakeTransport
from tests.support.gateway import ASK, House, ask, house
from tests.support.peer import Peer
from turnout.front.app import App
from turnout.front.guard import Guard
from turnout.ports import Outgoing

CLAUDE = {"anthropic_version": "2023-06-01"}
BLIND = "sim-local/tiny"
IMAGE = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
SEEN_BY_NOBODY = {"model": BLIND, "messages": [{"role": "user", "content": IMAGE}]}

HELLO = json.dumps(
    {
        "id": "1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
).encode()

BONJOUR = json.dumps(
    {
        "id": "1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "bonjour"}],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    }
).encode()  # fmt: skip


@pytest.fixture
def rooms(tmp_path: Path) -> House:
    return house(tmp_path, FakeTransport())


async def explained(rooms: House, body: dict[str, Any], **headers: str) -> Any:
    answered = await ask(rooms.app, "/v1/explain", body, **headers)
    assert answered.status == 200, answered.json
    return answered.json


async def got(app: App, path: str, **headers: str) -> Answered:
    return await ask(app, path, b"", method="GET", **headers)


async def test_who_asks_for_a_head_gets_that_of_the_page(rooms: House) -> None:
    """Some balancers look at health so; the connection leaves the body out."""
    page = await got(rooms.app, "/health/ready")
    head = await ask(rooms.app, "/health/ready", b"", method="HEAD")

    assert (head.status, head.headers["content-type"]) == (page.status, page.headers["content-type"]) == (200, "application/json")
    assert (await ask(rooms.app, "/v1/chat/completions", b"", method="HEAD")).status == 405


async def test_explain_shows_why_nothing_can_serve(rooms: House) -> None:
    """The same shape, with every rejection and the error the request would end in."""
    decision = await explained(rooms, SEEN_BY_NOBODY)

    assert (decision["route"], decision["candidates"], decision["plan"]) == ("direct", [], [])
    assert {"model": BLIND, "reason": "modality"}.items() <= decision["rejections"][0].items()
    assert decision["traits"]["input"] == ["text", "image"]
    assert decision["error"]["code"] == "no_candidate"
    assert BLIND in decision["error"]["message"]
    assert "error" not in await explained(rooms, ASK)


async def test_a_request_that_nothing_can_serve_names_its_route(rooms: House) -> None:
    """In its headers and on its record."""
    answered = await ask(rooms.app, "/v1/chat/completions", SEEN_BY_NOBODY)

    assert (answered.status, answered.headers["x-turnout-route"], answered.headers["x-turnout-model"]) == (422, "direct", "none")
    assert [(record.route, record.code) for record in rooms.journal.records] == [("direct", "no_candidate")]


async def test_scores_say_what_they_are(rooms: House) -> None:
    """Dollars, milliseconds or quality, as the objective weighs; figures of quality are no longer than they are sure."""
    by = {}
    for route in ("default", "code", "support"):
        decision = await explained(rooms, {**ASK, "model": route})
        by[decision["scored_by"]] = first = decision["candidates"][0]
        assert first["quality"] == round(first["quality"], 2)

    assert by["quality"]["score"] == by["quality"]["quality"]
    assert by["expense_usd"]["score"] == pytest.approx(by["expense_usd"]["expected_cost_usd"])


async def test_an_applications_own_metadata_is_no_error(rooms: House) -> None:
    """It may call something quality too: a tag then, not a hint. Said to Turnout, a word it does not know is an error."""
    body = {**ASK, "metadata": {"quality": "high", "complexity": "12", "cost": "critical", "task": ""}}
    traits = (await explained(rooms, body))["traits"]
    refused = await ask(rooms.app, "/v1/explain", ASK, x_turnout_tags="quality=high")
    wins = (await explained(rooms, body, x_turnout_tags="quality=critical"))["traits"]

    assert traits["tags"]["quality"] == "high"
    assert not traits["quality"]["from"].startswith("tag")
    assert traits["cost"] == {"value": "critical", "from": "tag"}
    assert (refused.status, refused.json["error"]["param"]) == (400, "quality")
    assert wins["quality"] == {"value": "critical", "from": "tag"}


async def test_of_much_metadata_the_first_tags_count(rooms: House) -> None:
    """More is not an error of the client, which wrote it for somebody else."""
    traits = (await explained(rooms, {**ASK, "metadata": {f"key{number}": "v" for number in range(1000)}}))["traits"]

    assert list(traits["tags"]) == [f"key{number}" for number in range(64)]


@pytest.mark.parametrize("asked", ["auto", "code", BLIND])
async def test_the_route_auto_is_auto(rooms: House, asked: str) -> None:
    """A header that an application always sends may say so."""
    auto = await explained(rooms, ASK)

    assert (await explained(rooms, {**ASK, "model": asked}, x_turnout_route="auto"))["route"] == auto["route"]
    assert (await explained(rooms, {**ASK, "model": asked, "turnout": {"route": "auto"}}))["route"] == auto["route"]


async def test_one_model_can_be_asked_for(rooms: House) -> None:
    """Both SDKs' models.retrieve; a name has a slash in it."""
    listed = {entry["id"]: entry for entry in (await got(rooms.app, "/v1/models")).json["data"]}
    for name in ("auto", "support", BLIND):
        assert (await got(rooms.app, f"/v1/models/{name}")).json == listed[name]
    as_anthropic = await got(rooms.app, f"/v1/models/{BLIND}", **CLAUDE)
    missing = await got(rooms.app, "/v1/models/sim-local/tinny")

    assert (as_anthropic.json["type"], as_anthropic.json["id"]) == ("model", BLIND)
    assert (missing.status, missing.json["error"]["code"]) == (404, "model_not_found")
    assert f"did you mean {BLIND}" in missing.json["error"]["message"]
    assert (await ask(rooms.app, f"/v1/models/{BLIND}", b"")).status == 405


async def test_metrics_are_for_this_machine_or_for_a_key(tmp_path: Path) -> None:
    """They say who serves whom and what it costs."""
    hashed = "sha256:" + sha256(b"tk-web").hexdigest()
    rooms = house(tmp_path, FakeTransport(), more=f"auth: {json.dumps({'keys': [{'name': 'web', 'hash': hashed}]})}\n")
    far = App(rooms.gateway, Guard("0.0.0.0"), 1000)

    assert (await got(rooms.app, "/metrics")).status == 200
    assert (await got(far, "/metrics")).status == 401
    assert (await got(far, "/metrics", authorization="Bearer tk-web")).status == 200


async def test_a_clients_beta_travels_in_its_dialect(tmp_path: Path) -> None:
    """With the request, and only to a provider that speaks it; not with the decision's reasons. A query is nobody's."""
    body = {"model": "sim-anthropic/swift", "max_tokens": 5, "messages": ASK["messages"]}
    beta = {"anthropic_beta": "context-1m", **CLAUDE}
    rooms = house(tmp_path, unused := FakeTransport())
    traits = await explained(rooms, body, **beta)
    long = await ask(rooms.app, "/v1/messages", body, anthropic_beta="b" * 2000, **CLAUDE)
    assert not [each for each in traits["rejections"] if each["reason"] == "lossy"]
    assert (long.status, long.json["error"]["type"]) == (400, "invalid_request_error")
    assert unused.sent == []

    for model, answer, sent in (("sim-anthropic/swift", BONJOUR, b"context-1m"), ("sim-openai/small", HELLO, None)):
        transport = FakeTransport(Answer(answer))
        peer = Peer(house(tmp_path, transport).app)
        await peer.send(posted("/v1/messages?beta=true", {**body, "model": model}, **beta))
        await peer.answered()

        assert peer.wire.statuses == [200]
        [(_, outgoing)] = transport.sent
        assert dict(outgoing.headers).get(b"anthropic-beta") == sent
        assert b"beta" not in outgoing.url.encode() + outgoing.body


def posted(path: str, body: dict[str, Any], **headers: str) -> bytes:
    """A request as it comes on the wire."""
    whole = json.dumps(body).encode()
    named = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(whole)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + whole


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
async def test_what_is_no_request_is_refused_like_one_that_is(rooms: House, path: str) -> None:
    """By the app, in the dialect of its path and under the headers of all answers."""
    whole, half = Peer(rooms.app), Peer(rooms.app)
    await whole.send(posted(path, {}, content_type="text/plain"))
    await half.send(posted(path, {}).replace(b"content-length: 2", b"content-length: two"))

    assert (whole.wire.status, half.wire.status) == (400, 400)
    assert half.wire.error.keys() == whole.wire.error.keys()
    for peer in (whole, half):
        assert b"x-should-retry: false\r\n" in peer.wire.sent
        assert b"x-turnout-request-id: " in peer.wire.sent


async def test_a_wrong_method_is_told_the_right_ones(rooms: House) -> None:
    """In a header too (RFC 9110 15.5.6)."""
    for path, method, allowed in (
        ("/v1/messages", "GET", "POST"), ("/health/live", "DELETE", "GET, HEAD"), (f"/v1/models/{BLIND}", "PUT", "GET, HEAD"),
    ):  # fmt: skip
        refused = await ask(rooms.app, path, b"", method=method)
        assert (refused.status, refused.headers["allow"]) == (405, allowed)
    assert "allow" not in (await ask(rooms.app, "/v1/nothing", b"")).headers


async def test_a_tunnel_is_not_to_be_had(rooms: House) -> None:
    """On loopback the host that is asked for is none of ours; off it there is no such path."""
    far = App(rooms.gateway, Guard("0.0.0.0"), 1000)
    for app, host, status in (
        (rooms.app, "example.com:443", 403),
        (rooms.app, "127.0.0.1:443", 404),
        (far, "example.com:443", 404),
    ):
        peer = Peer(app)
        await peer.send(f"CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())

        assert (peer.wire.statuses, peer.wire.is_ended) == ([status], True)


async def test_a_client_that_left_before_its_answer_came_is_on_record_as_gone(tmp_path: Path) -> None:
    """With what the answer cost; nothing is written to nobody."""
    exchange = FakeExchange(
        "/v1/chat/completions", json.dumps(ASK).encode(), {b"host": b"localhost", b"content-type": b"application/json"}
    )

    class Meanwhile(FakeTransport):
        async def send(self, request: Outgoing, *, connect_timeout: float) -> Any:
            exchange.leave()
            return await super().send(request, connect_timeout=connect_timeout)

    rooms = house(tmp_path, Meanwhile(Answer(HELLO)))
    await rooms.app(exchange)

    [record] = rooms.journal.records
    assert (record.outcome, record.cost is not None) == ("cancelled", True)
    assert exchange.connection.wire.writes == []
