"""Laws of the dialects: what is carried comes back, splits do not matter, garbage raises only what is documented."""

from contextlib import suppress
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from turnout.dialects.delivery import deliver
from turnout.dialects.dialect import Ask, Delivery, Dialect
from turnout.dialects.features import lossy
from turnout.dialects.registry import DIALECTS
from turnout.errors import ProviderFault, TurnoutError
from turnout.types.reply import (
    Choice,
    Ended,
    Event,
    Finished,
    ReasoningDelta,
    Reply,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from turnout.types.request import (
    Media,
    Message,
    Reasoning,
    ReasoningWish,
    Request,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

dialects = st.sampled_from(sorted(DIALECTS.values(), key=lambda dialect: dialect.name))
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
names = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
ids = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
tokens = st.integers(0, 10**6)
json_objects = st.dictionaries(names, st.one_of(st.integers(-(10**9), 10**9), words, st.booleans(), st.none()), max_size=3)
arguments = json_objects.map(lambda value: msgspec.json.encode(value).decode())
schemas = json_objects.map(lambda value: msgspec.Raw(msgspec.json.encode({"type": "object", "properties": value})))

texts = st.builds(Text, words)
images = st.one_of(
    st.builds(Media, st.just("image"), media_type=st.sampled_from(["image/png", "image/jpeg"]), data=st.just("QUJD")),
    st.builds(Media, st.just("image"), url=names.map(lambda name: f"https://example.com/{name}.png")),
)
documents = st.builds(Media, st.just("document"), media_type=st.just("application/pdf"), data=st.just("QUJD"), name=names)


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[Message, ...]:
    """What the user says, perhaps calls and their results, and what the user says last."""
    said = Message("user", tuple(draw(st.lists(st.one_of(texts, images, documents), min_size=1, max_size=3))))
    calls = tuple(
        ToolCall(id_, draw(names), draw(arguments)) for id_ in draw(st.lists(ids, max_size=3, unique=True))
    )  # fmt: skip
    answer = (draw(texts),) if not calls or draw(st.booleans()) else ()
    results = tuple(Message("tool", (ToolResult(call.id, (draw(texts),)),)) for call in calls)
    return (said, Message("assistant", (*answer, *calls)), *results)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Requests made of what the feature table says both dialects carry."""
    tools = tuple(draw(st.lists(st.builds(Tool, names, schemas, st.none() | words, st.none() | st.booleans()), max_size=2)))
    choice = (
        draw(st.none() | st.sampled_from([ToolChoice("auto"), ToolChoice("required"), ToolChoice("tool", "f")]))
        if tools
        else None
    )
    system = draw(st.none() | st.builds(lambda text: Message("system", (text,)), texts))
    turns = draw(exchanges())
    return Request(
        messages=(
            *((system,) if system else ()),
            *turns,
            *(() if turns[-1].role == "tool" else (Message("user", (draw(texts),)),)),
        ),
        tools=tools,
        tool_choice=choice,
        parallel_tools=draw(st.booleans()) if choice is not None else None,
        max_output=draw(st.integers(2000, 9000)),
        temperature=draw(st.none() | st.sampled_from([0.0, 0.5, 1.0])),
        top_p=draw(st.none() | st.sampled_from([0.1, 1.0])),
        stop=tuple(draw(st.lists(names, max_size=4))),
        response_format=draw(st.none() | st.builds(ResponseFormat, st.just("json_schema"), schema=schemas, strict=st.just(True))),
        reasoning=draw(st.none() | st.builds(ReasoningWish, st.sampled_from(["low", "medium", "high"]))),
        stream=draw(st.booleans()),
        user=draw(st.none() | names),
    )


@given(dialects, requests())
def test_a_request_comes_back_from_the_wire_as_it_was(dialect: Dialect, request: Request) -> None:
    """Hub to wire to hub loses nothing of what the feature table says is carried, and its own sketch agrees."""
    ask = dialect.ask(dialect.from_hub(request, "some-model", max_output=None, quirks=frozenset()))

    assert plain(dialect.to_hub(ask)) == plain(request)
    other = next(name for name in DIALECTS if name != dialect.name)
    assert lossy(ask.sketch.carries, dialect.name, other) <= {"reasoning_temperature", "reasoning_tool_choice"}


def plain(request: Request) -> object:
    """A request as plain values: raw JSON decoded, results of one turn side by side, the name that OpenAI demands left out."""
    turns: list[Message] = []
    for message in request.messages:
        results = [Message("tool", (part,)) for part in message.parts if isinstance(part, ToolResult)]
        turns += results or [message]
    wanted = request.response_format
    return msgspec.to_builtins(
        msgspec.structs.replace(
            request,
            messages=tuple(turns),
            tools=tuple(msgspec.structs.replace(tool, schema=msgspec.json.decode(tool.schema)) for tool in request.tools),
            response_format=wanted
            and msgspec.structs.replace(wanted, name=None, schema=msgspec.json.decode(wanted.schema or b"null")),
        )
    )


usages = st.builds(Usage, input=tokens, cache_read=tokens, cache_write=tokens, output=tokens, reasoning=tokens)
finishes = st.sampled_from(["stop", "length", "tool_calls"])


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Answers made of what both dialects have."""
    thoughts = [Reasoning(draw(words), "" if draw(st.just(True)) else None)] if draw(st.booleans()) else []
    said = [Text(draw(words))] if draw(st.booleans()) else []
    calls = [ToolCall(id_, draw(names), draw(arguments)) for id_ in draw(st.lists(ids, max_size=2, unique=True))]
    finish = "tool_calls" if calls else draw(st.sampled_from(["stop", "length"]))
    return Reply(
        draw(ids),
        draw(names),
        (Choice((*thoughts, *(said or ([] if calls else [Text("x")])), *calls), finish),),
        draw(st.none() | usages),
    )


def unsigned(reply: Reply) -> Reply:
    """Without signatures, which only Anthropic has."""
    parts = tuple(Reasoning(part.text) if isinstance(part, Reasoning) else part for part in reply.choices[0].parts)
    usage = None if reply.usage == Usage() else reply.usage
    return msgspec.structs.replace(reply, choices=(msgspec.structs.replace(reply.choices[0], parts=parts),), usage=usage)


@given(dialects, replies())
def test_an_answer_comes_back_from_the_wire_as_it_was(dialect: Dialect, reply: Reply) -> None:
    """Hub to wire to hub: words, thoughts, calls, finish and every token."""
    assert unsigned(dialect.read_reply(dialect.write_reply(reply))) == unsigned(reply)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Streams as a provider would send them: thoughts, words, calls, the reason, the tokens, the end."""
    events: list[Event] = [Started(draw(ids), draw(names))]
    events += [ReasoningDelta(text) for text in draw(st.lists(words, max_size=2))]
    events += [TextDelta(text) for text in draw(st.lists(words, max_size=3))]
    for slot, id_ in enumerate(draw(st.lists(ids, max_size=2, unique=True))):
        events.append(ToolCallStarted(slot, id_, draw(names)))
        events += [ToolCallDelta(slot, piece) for piece in draw(st.lists(words, max_size=2))]
    calls = any(isinstance(event, ToolCallStarted) for event in events)
    finish = Finished("tool_calls" if calls else draw(st.sampled_from(["stop", "length"])))
    return [*events, finish, UsageReported(draw(usages)), Ended()]


def asking(dialect: Dialect, *, stream: bool = True) -> Ask:
    body = {"model": "m", "messages": [], "stream": stream, "stream_options": {"include_usage": True}}
    if dialect.name != "openai-chat":
        del body["stream_options"]
    return dialect.ask(msgspec.json.encode(body))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(dialects, streams(), st.lists(st.integers(0, 10**6), max_size=20))
def test_a_stream_comes_back_from_the_wire_as_it_was(dialect: Dialect, events: list[Event], places: list[int]) -> None:
    """Hub to wire to hub, event by event, wherever the bytes are cut."""
    writer, reader = dialect.writer(asking(dialect)), dialect.reader()
    data = b"".join(writer.write(event) for event in events)

    found = [event for piece in cut(data, places) for event in reader.feed(piece)] + reader.end()

    assert [event for event in found if not isinstance(event, UsageReported)] == [
        e for e in events if not isinstance(e, UsageReported)
    ]
    assert [event for event in found if isinstance(event, UsageReported)][-1] == next(
        e for e in events if isinstance(e, UsageReported)
    )


@given(dialects, streams(), st.lists(st.integers(0, 10**6), max_size=20))
def test_relaying_does_not_depend_on_the_cuts(dialect: Dialect, events: list[Event], places: list[int]) -> None:
    """The same bytes come out, and the same is seen, as when all came at once."""
    ask = asking(dialect)
    writer = dialect.writer(ask)
    data = b"".join(writer.write(event) for event in events)
    at_once, in_pieces = dialect.relay_reply(ask), dialect.relay_reply(ask)

    assert at_once.feed(data) + at_once.end() == data
    assert b"".join([*(in_pieces.feed(piece) for piece in cut(data, places)), in_pieces.end()]) == data
    assert at_once.seen == in_pieces.seen


junk = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from([
            b"data: ", b"event: error\n", b"\n", b"\r", b"\r\n", b"\n\n", b"[DONE]", b"{", b"}", b'"', b":", b"[", b"]", b"null", b"\xff",
            b'{"choices":[{"delta":{"content":"x"}}]}', b'{"error":{"code":429}}', b'{"type":"message_start","message":{}}', b'{"usage":{"prompt_tokens":-1}}',
            b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"x"}}', b'{"choices":[{"finish_reason":"stop"}]}', b'{"type":"message_stop"}',
        ]),
        max_size=20,
    ).map(b"".join),
)  # fmt: skip


@given(front=dialects, back=dialects, stream=st.booleans(), chunks=st.lists(junk, max_size=5))
def test_garbage_from_a_provider_is_a_fault_and_nothing_else(
    *, front: Dialect, back: Dialect, stream: bool, chunks: list[bytes]
) -> None:
    """No reply of whatever bytes raises anything but a ProviderFault."""
    delivery: Delivery = deliver(front, back, asking(front, stream=stream))
    with suppress(ProviderFault):
        for chunk in chunks:
            delivery.feed(chunk)
        delivery.end()


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), words),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
KNOWN = ["model", "messages", "tools", "tool_choice", "stream", "stop", "system", "thinking", "metadata", "turnout", "response_format", "role", "content", "type", "source", "function"]  # fmt: skip
bodies = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(st.sampled_from(KNOWN), st.recursive(json_values, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KNOWN), inner, max_size=3), max_leaves=6)).map(msgspec.json.encode),
)  # fmt: skip


@given(dialects, bodies)
def test_garbage_from_a_client_is_its_own_error_and_nothing_else(dialect: Dialect, body: bytes) -> None:
    """No body raises anything but a TurnoutError; what is accepted can be relayed, and is translated or refused in words."""
    try:
        ask = dialect.ask(body)
        dialect.relay(ask, "m")
        request = dialect.to_hub(ask)
    except TurnoutError:
        return
    for other in DIALECTS.values():
        other.ask(other.from_hub(request, "m", max_output=None, quirks=frozenset()))


@given(dialects, st.integers(100, 599), st.one_of(st.binary(max_size=200), json_values.map(msgspec.json.encode)))
def test_every_error_answer_becomes_a_fault(dialect: Dialect, status: int, body: bytes) -> None:
    """Whatever its body is."""
    fault = dialect.read_error(status, {}, body)

    assert fault.status == status
    assert fault.message
