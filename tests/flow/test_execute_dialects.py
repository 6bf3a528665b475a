"""The engine with the real dialects: openai-chat relayed, and translated from anthropic-messages."""

import json
from typing import Any

from tests.support.fake_transport import Answer, FakeTransport
from tests.support.play import Played, plan, play, step
from turnout.dialects.registry import DIALECTS
from turnout.errors import Broken
from turnout.providers.upstream import Upstream
from turnout.types.decision import Plan

OPENAI, ANTHROPIC = DIALECTS["openai-chat"], DIALECTS["anthropic-messages"]
BOTH = plan(step("a", reason="best"), step("b"))
BODY = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return (
        b"data: "
        + json.dumps({"id": "1", "object": "chat.completion.chunk", "model": "m-1", "choices": [choice]}).encode()
        + b"\n\n"
    )


ROLE = chunk({"role": "assistant", "content": ""})
HI = chunk({"content": "hi"})
STOP = chunk({}, "stop")
USAGE = b'data: {"id":"1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"engine overloaded","type":"server_error"}}\n\n'
WHOLE = {
    "id": "1", "object": "chat.completion", "model": "m-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
}  # fmt: skip


def ask(*script: Answer, stream: bool, steps: Plan = BOTH, **more: Any) -> Played:
    asked = OPENAI.ask(json.dumps({**BODY, "stream": stream, **more}).encode())
    upstreams = {name: Upstream(name, OPENAI, f"http://{name}", (), name) for name in "ab"}
    upstreams["claude"] = Upstream("claude", ANTHROPIC, "http://claude", (), "claude-1")
    return play(*script, plan=steps, ask=asked, front=OPENAI, upstreams=upstreams)


def bodies(transport: FakeTransport) -> list[dict[str, Any]]:
    return [json.loads(request.body) for _, request in transport.sent]


def test_a_whole_answer_is_relayed_byte_for_byte() -> None:
    """The fallback's bytes reach the client, its usage the record, its name the request it was sent."""
    body = json.dumps(WHOLE).encode()
    played = ask(Answer(b'{"error":{"message":"boom"}}', status=500), Answer(body[:40], body[40:]), stream=False)

    assert played.sink.got == [body]
    assert [sent["model"] for sent in bodies(played.transport)] == ["a", "b"]
    assert (played.execution.cost, played.execution.attempts[1].upstream_model) == (13, "m-1")


def test_a_stream_that_fails_in_its_prelude_is_replaced() -> None:
    """The role chunk is held back, so an error event inside the 200 costs the client nothing."""
    played = ask(Answer(ROLE, ERROR), Answer(ROLE + HI[:30], HI[30:], STOP, USAGE, DONE), stream=True)

    assert played.sink.text == ROLE + HI + STOP + DONE
    assert played.execution.outcome == "ok"
    assert played.execution.cost is None  # the first attempt was accepted and never said what it used
    assert played.execution.attempts[1].cost == 13


def test_a_stream_cut_after_content_ends_with_the_dialects_error() -> None:
    """What came stays, and the SDK finds an error object where the next chunk would have been."""
    for ending in ((), (ERROR,), (Broken("cut"),)):
        played = ask(Answer(ROLE, HI, *ending), stream=True)
        sent, error = played.sink.text[: len(ROLE + HI)], played.sink.text[len(ROLE + HI) :]

        assert sent == ROLE + HI
        assert json.loads(error.splitlines()[0].removeprefix(b"data: "))["error"]["code"] == "upstream_failed"
        assert played.execution.outcome == "cut"


def test_providers_errors_become_the_right_end() -> None:
    """A wrong request keeps the provider's status and words; a too long one may go to a model that takes it."""
    wrong = b'{"error":{"message":"bad tool","type":"invalid_request_error","code":null}}'
    long = b'{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}'
    refused = ask(Answer(wrong, status=400), stream=False).execution
    moved = ask(Answer(long, status=400), Answer(json.dumps(WHOLE).encode()), stream=False).execution

    assert refused.error is not None
    assert (refused.error.code, refused.error.status, refused.error.retry) == ("invalid_request", 400, False)
    assert "bad tool" in refused.error.message
    assert (moved.outcome, moved.attempts[0].fault) == ("ok", "context_overflow")


def test_a_fallback_may_speak_another_dialect() -> None:
    """The client sees its own dialect, the provider its own, and what had to be left out is stated in the headers."""
    events: list[tuple[str, dict[str, Any]]] = [
        ("message_start", {"message": {"id": "2", "type": "message", "role": "assistant", "model": "claude-1-x", "content": [],
                                       "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "hi"}}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}}),
        ("message_stop", {}),
    ]  # fmt: skip
    stream = [f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode() for name, data in events]
    steps = plan(step("a"), step("claude"))
    played = ask(Answer(status=500), Answer(*stream), stream=True, steps=steps, store=False, user="u1")

    lines = [json.loads(line[6:]) for line in played.sink.text.splitlines() if line.startswith(b"data: {")]
    assert "".join(line["choices"][0]["delta"].get("content") or "" for line in lines if line["choices"]) == "hi"
    assert played.sink.text.endswith(DONE)
    assert (played.execution.outcome, played.execution.model, played.execution.cost) == ("ok", "claude", 13)
    assert played.sink.serving is not None
    assert played.sink.serving.warnings == ("store",)


def test_an_overloaded_event_after_the_start_is_a_capacity_fault() -> None:
    """Anthropic says 200 and then ``overloaded_error``: held back, it is a rate limit like any other."""
    overloaded = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    played = ask(Answer(overloaded), Answer(ROLE, HI, STOP, DONE), stream=True, steps=plan(step("claude"), step("b")))

    assert played.faults == ["rate_limited", None]
    assert played.sink.text == ROLE + HI + STOP + DONE
