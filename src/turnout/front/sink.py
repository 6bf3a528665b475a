"""The client's side of an answer, over ASGI."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import msgspec

from turnout.dialects.dialect import Dialect
from turnout.errors import ClientGone, TurnoutError
from turnout.ports import Serving
from turnout.types.money import usd

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Context(msgspec.Struct):
    """What every answer's headers say, as far as it is known when they go."""

    id: str
    policy: str
    route: str = "none"
    reason: str = "none"
    model: str = "none"
    attempts: int = 0

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"x-turnout-request-id", self.id.encode()),
            (b"x-turnout-policy", self.policy.encode()),
            (b"x-turnout-route", self.route.encode()),
            (b"x-turnout-model", self.model.encode()),
            (b"x-turnout-attempts", str(self.attempts).encode()),
            (b"x-turnout-reason", self.reason.encode()),
        ]


class AsgiSink:
    """Implements flow.Client. A whole answer leaves in two messages with its length; a stream flows as it comes."""

    def __init__(self, receive: Receive, send: Send, context: Context, *, stream: bool) -> None:
        self._receive = receive
        self._send = send
        self._context = context
        self._stream = stream
        self._start: Message | None = None
        self._gone = False
        self.began = False

    def decided(self, route: str, reason: str) -> None:
        self._context.route, self._context.reason = route, reason

    def failed(self, attempts: int) -> None:
        self._context.attempts = attempts

    async def begin(self, serving: Serving) -> None:
        context = self._context
        context.model, context.reason, context.attempts = serving.model, serving.reason, serving.attempts
        headers = context.headers()
        if serving.cost is not None:
            headers.append((b"x-turnout-cost-usd", f"{usd(serving.cost):.12f}".encode()))
        if serving.warnings:
            headers.append((b"x-turnout-warnings", ",".join(serving.warnings).encode()))
        if self._stream:
            headers += [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
        else:
            headers.append((b"content-type", b"application/json"))
        self._start = {"type": "http.response.start", "status": 200, "headers": headers}

    async def send(self, data: bytes) -> None:
        if self._gone:
            raise ClientGone
        if self._start is not None:
            length = [] if self._stream else [(b"content-length", str(len(data)).encode())]
            await self._send({**self._start, "headers": self._start["headers"] + length})
            self._start, self.began = None, True  # only now: a send that is cancelled while it waits has sent nothing
        await self._send({"type": "http.response.body", "body": data, "more_body": self._stream})
        if self._gone:
            raise ClientGone

    async def wait_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True

    async def finish(self) -> None:
        """End a stream; a whole answer has ended with its one send."""
        if self._stream and self._start is None and not self._gone:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def break_off(self, error_event: bytes) -> None:
        """End a stream whose status was sent before something broke in our hands; a whole answer had gone whole."""
        if self._stream and not self._gone:
            await self._send({"type": "http.response.body", "body": error_event, "more_body": False})


async def send_whole(
    send: Send,
    status: int,
    body: bytes,
    content_type: bytes = b"application/json",
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """A whole answer of our own."""
    all_headers = [*headers, (b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_error(send: Send, dialect: Dialect, error: TurnoutError, context: Context) -> None:
    """An error in the shape of the client's own dialect, so that its SDK raises the class it promises."""
    headers = context.headers()
    if error.retry is not None:
        headers.append((b"x-should-retry", b"true" if error.retry else b"false"))
    if error.retry_after is not None:
        headers.append((b"retry-after", str(max(1, round(error.retry_after))).encode()))
    await send_whole(send, error.status, dialect.write_error(error), headers=headers)
