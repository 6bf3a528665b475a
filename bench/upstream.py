"""An upstream that answers at once: a whole chat completion, or a stream of EVENTS deltas, one write each, PACE seconds apart.

``python -m bench.upstream PORT [EVENTS PACE]``. With ``"user": "rushed"`` the deltas follow as fast as the loop turns; a prompt with the
word FLOOD gets megabytes, as fast as they are taken. The least work a server can do, so that what is measured is the gateway.
"""

import asyncio
import sys

import httptools
import msgspec
import uvloop

EVENTS = 200
PACE = 0.005

BODY = msgspec.json.encode({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Forty-two, as everybody knows by now. " * 20}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 320, "completion_tokens": 180, "total_tokens": 500, "prompt_tokens_details": {"cached_tokens": 0}},
})  # fmt: skip
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip
    data = b"data: " + msgspec.json.encode(chunk) + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


def _tail() -> bytes:
    usage = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
             "usage": {"prompt_tokens": 320, "completion_tokens": 200, "total_tokens": 520}}  # fmt: skip
    data = b"data: " + msgspec.json.encode(usage) + b"\n\ndata: [DONE]\n\n"
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)


HEAD, DELTA, LAST, TAIL = _event({"role": "assistant", "content": ""}), _event({"content": " word"}), _event({}, "stop"), _tail()


FLOOD = b"FLOOD"
FLOODED = _event({"content": "word " * 3_200})
FLOODS = 4_000


class Upstream(asyncio.Protocol):
    def __init__(self, events: int, pace: float) -> None:
        self.events, self.pace = events, pace
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        asked, flooded, self.body = self.body.replace(b" ", b""), FLOOD in self.body, b""
        streamed, pace = b'"stream":true' in asked, 0.0 if b'"user":"rushed"' in asked else self.pace
        self.parser = httptools.HttpRequestParser(self)
        if streamed:
            self.transport.write(STREAM + HEAD)  # type: ignore[attr-defined]
            if flooded:
                self.flood = asyncio.ensure_future(self._flood())
            else:
                self._next(self.events, pace)
        else:
            self.transport.write(WHOLE)  # type: ignore[attr-defined]

    def _next(self, left: int, pace: float) -> None:
        if self.transport.is_closing():
            return
        if not left:
            self.transport.write(LAST + TAIL)  # type: ignore[attr-defined]
            return
        self.transport.write(DELTA)  # type: ignore[attr-defined]
        asyncio.get_running_loop().call_later(pace, self._next, left - 1, pace)

    async def _flood(self) -> None:
        for _ in range(FLOODS):
            await self.writable.wait()
            if self.transport.is_closing():
                return
            self.transport.write(FLOODED)  # type: ignore[attr-defined]
        self.transport.write(LAST + TAIL)  # type: ignore[attr-defined]

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.writable.set()


async def main(port: int, events: int = EVENTS, pace: float = PACE) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(events, pace), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), *(kind(value) for kind, value in zip((int, float), sys.argv[2:], strict=False))))
