"""Answers on their way: relayed and translated, whole and streamed."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.unit.dialects.asking import ANTHROPIC, OPENAI, chat, fault_of, message, run
from turnout.dialects.delivery import deliver
from turnout.dialects.dialect import Ask, Delivery, Dialect
from turnout.errors import Broken, CallerFault, ContextOverflow, ProviderFault, RateLimited, Unavailable
from turnout.types.reply import Usage

Spelled = Callable[[bytes], bytes]


def sse(*events: Any) -> bytes:
    return b"".join(b"data: %b\n\n" % (event if isinstance(event, bytes) else msgspec.json.encode(event)) for event in events)


@pytest.fixture(params=[b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def spelled(request: pytest.FixtureRequest) -> Spelled:
    """A stream in each way its lines may end; the JSON in it holds no line end, as that is spelled as an escape."""
    return lambda stream: stream.replace(b"\n", request.param)


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": "c1", "model": "gpt", "choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}], **fields}


ROLE, WORD, STOP = chunk({"role": "assistant", "content": ""}), chunk({"content": "hi"}), chunk(finish="stop")
USAGE = {"id": "c1", "model": "gpt", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}
DONE = b"[DONE]"

START = {
    "type": "message_start",
    "message": {"id": "m1", "type": "message", "model": "claude", "usage": {"input_tokens": 3, "output_tokens": 1}},
}
OPEN = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
PIECE = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}}
CLOSE = {"type": "content_block_stop", "index": 0}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 2}}
LAST = {"type": "message_stop"}


def openai(**fields: Any) -> Delivery:
    return deliver(OPENAI, OPENAI, chat(stream=True, **fields))


def anthropic() -> Delivery:
    return deliver(ANTHROPIC, ANTHROPIC, message(stream=True))


@pytest.mark.parametrize(
    "prelude",
    [
        sse(ROLE),
        b": OPENROUTER PROCESSING\n\n",
        sse({"id": "", "model": "", "choices": [], "prompt_filter_results": []}),
        sse(chunk({"role": "assistant", "content": None, "tool_calls": [], "refusal": None})),
        sse(chunk({"content": "", "channel": "final"})),
    ],
)
def test_a_prelude_is_not_content(prelude: bytes, spelled: Spelled) -> None:
    """Providers send it before they fail, so nothing is committed by it."""
    delivery = openai()

    assert delivery.feed(spelled(prelude)) == spelled(prelude)
    assert not delivery.seen.content


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"reasoning_content": "x"},
        {"reasoning": "x"},
        {"refusal": "x"},
        {"tool_calls": [{"index": 0, "id": "c"}]},
        {"function_call": {"name": "f"}},
        {"audio": {"id": "a"}},
        {"something_new": [1]},
    ],
)
def test_the_first_thing_said_is_content(delta: dict[str, Any]) -> None:
    """In whatever field, also one nobody has heard of."""
    delivery = openai()
    delivery.feed(sse(chunk(delta)))

    assert delivery.seen.content


def test_anthropic_prelude_and_content(spelled: Spelled) -> None:
    """A block that opens empty says nothing yet; a tool's use does."""
    delivery = anthropic()
    delivery.feed(spelled(sse(START, {"type": "ping"}, OPEN)))
    assert not delivery.seen.content
    delivery.feed(spelled(sse(PIECE)))
    assert delivery.seen.content

    delivery = anthropic()
    delivery.feed(sse(START, {**OPEN, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}}))
    assert delivery.seen.content


def test_an_empty_answer_is_an_answer() -> None:
    """It ended well and said nothing: content is what it may count as, at its end and not before."""
    delivery = openai()
    delivery.feed(sse(ROLE, STOP))
    assert not delivery.seen.content
    delivery.feed(sse(DONE))
    assert delivery.seen.content


def test_the_usage_chunk_stays_with_us_when_nobody_asked_for_it(spelled: Spelled) -> None:
    """It is there only because we asked; whoever asked for it gets it."""
    stream = spelled(sse(ROLE, WORD, STOP, USAGE, DONE))
    hiding, showing = openai(), openai(stream_options={"include_usage": True})

    assert run(hiding, stream) == spelled(sse(ROLE, WORD, STOP, DONE))
    assert run(showing, stream) == stream
    assert hiding.seen.usage == showing.seen.usage == Usage(input=3, output=1)


def test_a_last_chunk_that_carries_usage_and_content_is_kept() -> None:
    """Some vendors put the figures there; the field stays, as bytes are not rewritten."""
    stream = sse(WORD, chunk({"content": "!"}, "stop", usage=USAGE["usage"]), DONE)
    delivery = openai()

    assert run(delivery, stream) == stream
    assert delivery.seen.usage == Usage(input=3, output=1)


def test_what_a_stream_says_about_itself_is_seen_after_content_too(spelled: Spelled) -> None:
    """Finish, usage, model and end, by the bytes that tell them, blanks after colons included."""
    spaced = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}], "usage": null}\n\n'
    delivery = openai()
    run(delivery, *map(spelled, (sse(WORD), spaced, sse({**USAGE, "choices": []}), sse(DONE))))

    assert (delivery.seen.finish, delivery.seen.model, delivery.seen.ended) == ("length", "gpt", True)
    assert delivery.seen.usage == Usage(input=3, output=1)

    other = anthropic()
    run(other, *map(spelled, (sse(START, OPEN, PIECE, CLOSE), sse(END), sse(LAST))))
    assert (other.seen.finish, other.seen.model, other.seen.ended) == ("stop", "claude", True)
    assert other.seen.usage == Usage(input=3, output=2)


def test_text_that_looks_like_an_error_is_text(spelled: Spelled) -> None:
    """Quotes inside a model's words are escaped, so no words of a model end the stream."""
    trick = spelled(sse(chunk({"content": '{"error":{"message":"x"}} "finish_reason":"stop" [DONE]'})))
    delivery = openai()
    delivery.feed(spelled(sse(WORD)))

    assert delivery.feed(trick) == trick
    assert (delivery.seen.finish, delivery.seen.ended) == (None, False)


ERRORS: list[tuple[Any, type[ProviderFault]]] = [
    ({"error": {"code": 429, "message": "x"}}, RateLimited),
    ({"error": {"type": "server_error", "message": "x"}}, Unavailable),
    ({"error": {"message": "odd"}}, Broken),
    ({"error": "odd"}, Broken),
    (b"<html>", Broken),
    (b'{"choices":', Broken),
    (b"[1]", Broken),
]


@pytest.mark.parametrize(("event", "kind"), ERRORS)
def test_an_error_inside_a_stream_is_an_error(event: Any, kind: type[ProviderFault], spelled: Spelled) -> None:
    """Before content, so that another model may answer."""
    assert type(fault_of(openai(), spelled(sse(ROLE, event)))) is kind
    assert type(fault_of(deliver(ANTHROPIC, OPENAI, message(stream=True)), spelled(sse(ROLE, event)))) is kind


def test_an_error_after_content_comes_after_the_content(spelled: Spelled) -> None:
    """What was said before it still reaches the client, then the fault is raised."""
    overloaded = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n'
    for front, ask in ((ANTHROPIC, message(stream=True)), (OPENAI, chat(stream=True))):
        delivery = deliver(front, ANTHROPIC, ask)

        out = delivery.feed(spelled(sse(START, OPEN, PIECE) + overloaded))

        assert b"hi" in out
        with pytest.raises(RateLimited):
            delivery.feed(spelled(sse(CLOSE)))
        with pytest.raises(RateLimited):
            delivery.end()


CUT = [
    (OPENAI, sse(ROLE, WORD)),
    (OPENAI, b""),
    (ANTHROPIC, sse(START, OPEN, PIECE, CLOSE, END)),
    (OPENAI, sse(WORD) + b'data: {"choi'),
]


@pytest.mark.parametrize(("back", "stream"), CUT)
def test_a_stream_that_stops_before_its_end_was_cut(back: Dialect, stream: bytes, spelled: Spelled) -> None:
    """Never a short answer that looks whole."""
    for front, ask in ((ANTHROPIC, message(stream=True)), (OPENAI, chat(stream=True))):
        assert isinstance(fault_of(deliver(front, back, ask), spelled(stream)), Broken)


@pytest.mark.parametrize(("back", "before"), [(OPENAI, sse(ROLE, WORD)), (ANTHROPIC, sse(START, OPEN, PIECE))])
def test_content_before_an_unreadable_event_still_counts(back: Dialect, before: bytes, spelled: Spelled) -> None:
    """However the bytes were split: what was said reaches the client, then the stream is broken."""
    for front, ask in ((ANTHROPIC, message(stream=True)), (OPENAI, chat(stream=True))):
        delivery = deliver(front, back, ask)
        out = delivery.feed(spelled(before + b'data: {"choi\n\n'))

        assert b'"hi"' in out
        assert delivery.seen.content
        with pytest.raises(Broken):
            delivery.end()


@pytest.mark.parametrize(
    ("relayed", "before", "piece"), [(openai, sse(ROLE), sse(WORD)), (anthropic, sse(START, OPEN), sse(PIECE))]
)
def test_a_relayed_event_that_broke_off_is_not_passed_on(relayed: Any, before: bytes, piece: bytes, spelled: Spelled) -> None:
    """An SDK would stumble over it before it came to our error; what came with it is passed on."""
    delivery = relayed()

    assert delivery.feed(spelled(before + piece)) == spelled(before + piece)
    assert delivery.feed(spelled(piece + piece[:-9] + b"\n\n")) == spelled(piece)
    with pytest.raises(Broken):
        delivery.feed(spelled(piece))


@pytest.mark.parametrize(
    ("front", "back", "before"),
    [
        (front, back, said)
        for front in (OPENAI, ANTHROPIC)
        for back, said in ((OPENAI, sse(ROLE, WORD)), (ANTHROPIC, sse(START, OPEN, PIECE)))
    ],
)
def test_a_stream_is_utf8_throughout(front: Dialect, back: Dialect, before: bytes, spelled: Spelled) -> None:
    """Fields that are relayed raw are read by nobody but the client's SDK, which would break; any sound text passes."""
    ask = chat(stream=True) if front is OPENAI else message(stream=True)
    piece = sse(WORD if back is OPENAI else PIECE)
    delivery = deliver(front, back, ask)

    assert "ü€😀".encode() in delivery.feed(spelled(before + piece.replace(b"hi", "ü€😀".encode())))
    with pytest.raises(Broken):
        delivery.feed(spelled(piece.replace(b"hi", b"\xff")))
    assert isinstance(fault_of(deliver(front, back, ask), spelled(before.replace(b"hi", b"h\xc3"))), Broken)


def test_a_whole_answer_is_utf8_throughout() -> None:
    """For the same reason."""
    body = b'{"id":"c","choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}'
    for text, sound in (("ü€😀".encode(), True), (b"\xff\xfe", False), (b"h\xc3", False)):
        said = body.replace(b"x", text)
        for front, ask in ((OPENAI, chat()), (ANTHROPIC, message())):
            if sound:
                assert text in run(deliver(front, OPENAI, ask), said)
            else:
                assert isinstance(fault_of(deliver(front, OPENAI, ask), said), Broken)


def test_line_ends_may_be_mixed() -> None:
    """One sound event does not vouch for the broken one beside it, whose lines end otherwise."""
    delivery = openai()
    delivery.feed(sse(ROLE, WORD))
    broken = sse(WORD)[:-9] + b"\r\n\r\n"

    assert delivery.feed(sse(WORD) + broken + sse(WORD)) == sse(WORD)
    with pytest.raises(Broken):
        delivery.end()


def test_an_end_without_its_mark_is_an_end_to_some_vendors(spelled: Spelled) -> None:
    """A finish reason ends a Chat Completions stream as well; the client's dialect still gets its own end."""
    stream = spelled(sse(ROLE, WORD, STOP).removesuffix(b"\n\n"))

    assert run(openai(), stream) == stream
    assert run(deliver(ANTHROPIC, OPENAI, message(stream=True)), stream).endswith(b'data: {"type":"message_stop"}\n\n')


@pytest.mark.parametrize("front_stream", [True, False])
def test_whole_and_streamed_are_not_mixed_up(*, front_stream: bool) -> None:
    """A whole answer where a stream was asked for, and the reverse, are broken replies, with the error's words if it is one."""
    whole = b'{"id":"c","choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}'
    error = b'{"error":{"code":"context_length_exceeded","message":"x"}}'
    for front, ask in ((ANTHROPIC, message(stream=front_stream)), (OPENAI, chat(stream=front_stream))):
        assert isinstance(fault_of(deliver(front, OPENAI, ask), whole if front_stream else sse(WORD, STOP, DONE)), Broken)
        assert isinstance(fault_of(deliver(front, OPENAI, ask), error), ContextOverflow)


WRONG: list[tuple[Dialect, bytes, type[ProviderFault]]] = [
    (OPENAI, b"", Broken),
    (OPENAI, b"{", Broken),
    (OPENAI, b"[]", Broken),
    (OPENAI, b"{}", Broken),
    (OPENAI, b'{"choices":[]}', Broken),
    (OPENAI, b'{"choices":5}', Broken),
    (OPENAI, b'{"choices":' + b"[" * 5000, Broken),
    (OPENAI, b'{"error":{"type":"invalid_request_error","message":"x"}}', CallerFault),
    (ANTHROPIC, b"{}", Broken),
    (ANTHROPIC, b'{"type":"message"}', Broken),
    (ANTHROPIC, b'{"type":"error","error":{"type":"api_error","message":"x"}}', Unavailable),
    (ANTHROPIC, b'{"choices":[{}]}', Broken),
]


@pytest.mark.parametrize(("back", "body", "kind"), WRONG)
def test_a_whole_answer_has_its_dialects_shape(back: Dialect, body: bytes, kind: type[ProviderFault]) -> None:
    """Anything else is not passed on, relayed or translated."""
    for front, ask in ((ANTHROPIC, message()), (OPENAI, chat())):
        assert type(fault_of(deliver(front, back, ask), body)) is kind


def test_a_whole_answer_is_relayed_as_it_is() -> None:
    """Nothing comes out before all of it is there and found to be an answer."""
    body = b'{"id":"c", "model":"gpt","odd":[1.0],"choices":[{"message":{"content":"x"},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}'
    delivery = deliver(OPENAI, OPENAI, chat())

    assert delivery.feed(body[:20]) == b""
    assert delivery.feed(body[20:]) == b""
    assert delivery.end() == body
    assert (delivery.seen.finish, delivery.seen.model, delivery.seen.usage) == ("length", "gpt", Usage(input=1, output=2))


def test_parallel_calls_are_told_apart_however_they_are_numbered() -> None:
    """Mistral sends no index, Gemini the same one for all: a new id is a new call."""

    def call(**fields: Any) -> dict[str, Any]:
        return chunk({"tool_calls": [{"function": {"name": "f", "arguments": "{}"}, **fields}]})

    for calls in (
        [call(id="a"), call(id="b")],
        [call(id="a", index=0), call(id="b", index=0)],
        [call(id="", index=None), call(id="")],
    ):
        out = run(deliver(ANTHROPIC, OPENAI, message(stream=True)), sse(*calls, chunk(finish="tool_calls"), DONE))

        assert out.count(b'"type":"tool_use"') == 2
        assert out.count(b'"partial_json":"{}"') == 2


def test_a_forced_call_has_a_reason_of_its_own_for_anthropics_clients() -> None:
    """OpenAI ends it with ``stop``; a client that loops on ``tool_use`` would not run the tool."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    whole = msgspec.json.encode({"id": "c", "choices": [{"message": {"tool_calls": [call]}, "finish_reason": "stop"}]})

    assert msgspec.json.decode(run(deliver(ANTHROPIC, OPENAI, message()), whole))["stop_reason"] == "tool_use"


def asks() -> list[tuple[Dialect, Ask]]:
    return [(OPENAI, chat(stream=True)), (ANTHROPIC, message(stream=True))]


def test_a_slow_byte_at_a_time_costs_no_more_than_its_bytes() -> None:
    """Held bytes are not searched again from the start with every new one."""
    event = sse(chunk({"content": "x" * 50_000}))
    for front, ask in asks():
        delivery = deliver(front, OPENAI, ask)
        out = b"".join(delivery.feed(event[i : i + 1]) for i in range(len(event)))

        assert out.count(b"x") >= 50_000
