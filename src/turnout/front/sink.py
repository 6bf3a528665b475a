"""The client's side of an answer, over ASGI."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from turnout.dialects.dialect import Dialect
from turnout.errors import ClientGone, TurnoutError
from turnout.ports import Serving
from turnout.types.money import usd

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Fields = list[tuple[bytes, bytes]]

JSON = b"application/json"
_WHOLE = ((b"content-type", JSON),)
_STREAM = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"))


class AsgiSink:
    """One request's client. Implements flow.Client: a whole answer leaves in two messages with its length, a stream flows as it comes.

    Errors and answers of our own go this way too, under the same headers: they say what is known of the request by then.
    """

    route = reason = model = "none"
    attempts = 0
    stream = False
    began = False
    _headers: Fields | None = None  # of an answer that was begun and has sent nothing yet
    _gone = False

    def __init__(self, receive: Receive, send: Send, request_id: str, policy: int) -> None:
        self._receive = receive
        self._send = send
        self.request_id = request_id
        self._policy = policy

    def decided(self, route: str, reason: str) -> None:
        self.route, self.reason = route, reason

    def failed(self, attempts: int) -> None:
        self.attempts = attempts

    async def begin(self, serving: Serving) -> None:
        self.model, self.reason, self.attempts = serving.model, serving.reason, serving.attempts
        headers = self._told()
        if serving.cost is not None:
            headers.append((b"x-turnout-cost-usd", b"%.12f" % usd(serving.cost)))
        if serving.warnings:
            headers.append((b"x-turnout-warnings", ",".join(serving.warnings).encode()))
        headers += _STREAM if self.stream else _WHOLE
        self._headers = headers

    async def send(self, data: bytes) -> None:
        if self._gone:
            raise ClientGone
        if self._headers is not None:
            headers = self._headers if self.stream else [*self._headers, _length(data)]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            self._headers, self.began = None, True  # only now: a send that is cancelled while it waits has sent nothing
        await self._send({"type": "http.response.body", "body": data, "more_body": self.stream})
        if self._gone:
            raise ClientGone

    async def wait_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True

    async def finish(self) -> None:
        """End a stream; a whole answer has ended with its one send."""
        if self.stream and self._headers is None and not self._gone:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def break_off(self, error_event: bytes) -> None:
        """End a stream whose status was sent before something broke in our hands; a whole answer had gone whole."""
        if self.stream and not self._gone:
            await self._send({"type": "http.response.body", "body": error_event, "more_body": False})

    async def answer(self, body: bytes, content_type: bytes = JSON) -> None:
        """With something of our own."""
        await self._whole(200, body, [*self._told(), (b"content-type", content_type)])

    async def refuse(self, dialect: Dialect, error: TurnoutError) -> None:
        """In the shape of the client's own dialect, so that its SDK raises the class it promises."""
        headers = self._told()
        if error.retry is not None:
            headers.append((b"x-should-retry", b"true" if error.retry else b"false"))
        if error.retry_after is not None:
            headers.append((b"retry-after", b"%d" % max(1, round(error.retry_after))))
        await self._whole(error.status, dialect.write_error(error), [*headers, *_WHOLE])

    async def _whole(self, status: int, body: bytes, headers: Fields) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, _length(body)]})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def _told(self) -> Fields:
        """What every answer's headers say, as far as it is known when they go."""
        return [
            (b"x-turnout-request-id", self.request_id.encode()),
            (b"x-turnout-policy", b"%d" % self._policy),
            (b"x-turnout-route", self.route.encode()),
            (b"x-turnout-model", self.model.encode()),
            (b"x-turnout-attempts", b"%d" % self.attempts),
            (b"x-turnout-reason", self.reason.encode()),
        ]


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % len(body)
