"""Injected failures look as the real ones would, and what is drilled is never called."""

import asyncio
from typing import Any

import msgspec
import pytest

from tests.support.fake_transport import Answer, FakeTransport
from tests.support.virtual_time import LoopClock, run
from turnout.dialects.delivery import deliver
from turnout.dialects.dialect import Delivery
from turnout.dialects.registry import DIALECTS
from turnout.drill.inject import InjectedTransport, Target
from turnout.errors import Broken, Misconfigured, ProviderFault, RateLimited, Unavailable
from turnout.ports import Incoming, Outgoing
from turnout.types.drill import Drill, Kind, Variant

BODIES = {
    "openai-chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "anthropic-messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
}
DIALECT_NAMES = tuple(BODIES)
START = 1000.0  # the virtual loop's


def drill(kind: Kind, **changes: Any) -> Drill:
    return Drill("d", kind, since=START, ends=START + 60, until=START + 90, provider="a", on="live", **changes)


def known(dialect: str = "openai-chat") -> dict[str, Target]:
    return {"a/m": Target("a", "eu", DIALECTS[dialect]), "b/m": Target("b", "us", DIALECTS[dialect])}


def asked(model: str = "a/m", dialect: str = "openai-chat", **more: Any) -> Outgoing:
    return Outgoing("POST", "http://x", (), msgspec.json.encode(BODIES[dialect] | more), model=model)


async def answered(incoming: Incoming) -> bytes:
    return b"".join([chunk async for chunk in incoming.chunks()])


@pytest.mark.parametrize("kind", ["outage", "partial_failure", "bad_content", "rate_limiting", "bad_credentials", "degradation"])
def test_others_are_untouched(kind: Kind) -> None:
    """A call to what is not drilled goes through as it is."""
    inner = FakeTransport(Answer(b"fine"))

    async def main() -> bytes:
        way = InjectedTransport(inner, drill(kind), LoopClock(), known())
        return await answered(await way.send(asked("b/m"), connect_timeout=1))

    assert run(main()) == b"fine"


@pytest.mark.parametrize("after", [-1.0, 60.0])
def test_only_in_its_time(after: float) -> None:
    """Before it begins and after it has ended, the provider is called."""
    planned = msgspec.structs.replace(drill("outage"), since=START + 1, ends=START + 60)

    async def main() -> bytes:
        await asyncio.sleep(max(after, 0))
        way = InjectedTransport(FakeTransport(Answer(b"fine")), planned, LoopClock(), known())
        return await answered(await way.send(asked(), connect_timeout=1))

    assert run(main()) == b"fine"


def test_refused() -> None:
    """An outage is a refused connection, at once."""
    inner = FakeTransport()

    with pytest.raises(Unavailable):
        run(InjectedTransport(inner, drill("outage"), LoopClock(), known()).send(asked(), connect_timeout=1))
    assert not inner.sent


def test_region() -> None:
    """The loss of a region takes every provider there, and no other."""
    planned = msgspec.structs.replace(drill("regional_loss", region="eu"), provider="*")

    async def main() -> None:
        way = InjectedTransport(FakeTransport(Answer(b"fine")), planned, LoopClock(), known())
        await way.send(asked("b/m"), connect_timeout=1)
        await way.send(asked("a/m"), connect_timeout=1)

    with pytest.raises(Unavailable):
        run(main())


def test_silence_ends_with_the_drill() -> None:
    """A silent provider keeps its callers waiting; when the drill is lifted they fail at once, not at their time limits."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        way = InjectedTransport(FakeTransport(), drill("outage", variant="silent"), LoopClock(), known())
        loop.call_later(7, way.lift)
        before = loop.time()
        with pytest.raises(Unavailable):
            await way.send(asked(), connect_timeout=1)
        return loop.time() - before

    assert run(main()) == pytest.approx(7)


def test_lifted() -> None:
    """Once it is lifted nothing is struck, whatever the drill says of its end."""

    async def main() -> bytes:
        way = InjectedTransport(FakeTransport(Answer(b"fine")), drill("outage"), LoopClock(), known())
        way.lift()
        return await answered(await way.send(asked(), connect_timeout=1))

    assert run(main()) == b"fine"


def test_degradation() -> None:
    """Every wait takes as many times as long: the headers', and each chunk's."""

    async def main() -> tuple[float, float, bytes]:
        loop = asyncio.get_running_loop()
        inner = FakeTransport(Answer(b"a", 1.0, b"b", after=2.0))
        way = InjectedTransport(inner, drill("degradation", factor=4), LoopClock(), known())
        before = loop.time()
        incoming = await way.send(asked(), connect_timeout=1)
        headers = loop.time() - before
        return headers, loop.time() - before, await answered(incoming) + str(loop.time() - before).encode()

    headers, _, rest = run(main())
    assert headers == pytest.approx(8)
    assert float(rest.removeprefix(b"ab")) == pytest.approx(12)


@pytest.mark.parametrize("dialect", DIALECT_NAMES)
@pytest.mark.parametrize(
    ("kind", "fault"),
    [("rate_limiting", RateLimited), ("bad_credentials", Misconfigured), ("partial_failure", Unavailable)],
)
def test_refusals_are_read_as_real_ones(dialect: str, kind: Kind, fault: type[ProviderFault]) -> None:
    """The dialect classifies an injected error answer as it would the provider's own, Retry-After included."""
    way = InjectedTransport(FakeTransport(), drill(kind, retry_after=7), LoopClock(), known(dialect))

    async def main() -> ProviderFault:
        incoming = await way.send(asked(dialect=dialect), connect_timeout=1)
        headers = {name.decode(): value.decode() for name, value in incoming.headers}
        return DIALECTS[dialect].read_error(incoming.status, headers, await answered(incoming))

    found = run(main())
    assert type(found) is fault
    assert found.retry_after == (7 if kind == "rate_limiting" else None)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("back", DIALECT_NAMES)
@pytest.mark.parametrize("front", DIALECT_NAMES)
@pytest.mark.parametrize("look", ["garbled", "wrong", "empty"])
def test_bad_content_is_well_formed(look: Variant, front: str, back: str, *, stream: bool) -> None:
    """A useless answer passes every check of form, relayed or translated, whole or streamed."""
    delivery, body = delivered(look, front, back, stream=stream)

    out = delivery.feed(body) + delivery.end()
    assert out
    assert delivery.seen.finish == "stop"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("back", DIALECT_NAMES)
@pytest.mark.parametrize("front", DIALECT_NAMES)
def test_broken_content_is_noticed(front: str, back: str, *, stream: bool) -> None:
    """An answer whose JSON breaks off is a fault before any content has gone out."""
    delivery, body = delivered("broken", front, back, stream=stream)

    with pytest.raises(Broken):
        delivery.feed(body), delivery.end()
    assert not delivery.seen.content


@pytest.mark.parametrize("look", ["garbled", "wrong"])
def test_json_asked_for(look: Variant) -> None:
    """Where JSON was asked for, a wrong answer is JSON and a garbled one is not."""
    wish = {"response_format": {"type": "json_object"}}
    way = InjectedTransport(FakeTransport(), drill("bad_content", variant=look), LoopClock(), known())

    async def main() -> str:
        body = await answered(await way.send(asked(**wish), connect_timeout=1))
        return str(msgspec.json.decode(body)["choices"][0]["message"]["content"])

    content = run(main())
    if look == "wrong":
        assert isinstance(msgspec.json.decode(content), dict)
    else:
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(content)


def delivered(look: Variant, front: str, back: str, *, stream: bool) -> tuple[Delivery, bytes]:
    """The delivery to a client that speaks ``front``, and what a drilled provider that speaks ``back`` sends."""
    way = InjectedTransport(FakeTransport(), drill("bad_content", variant=look), LoopClock(), known(back))
    sent = asked(dialect=back, stream=stream)

    async def main() -> bytes:
        return await answered(await way.send(sent, connect_timeout=1))

    ask = DIALECTS[front].ask(msgspec.json.encode(BODIES[front] | {"stream": stream}))
    return deliver(DIALECTS[front], DIALECTS[back], ask), run(main())
