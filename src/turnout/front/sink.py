"""The client's side of an answer: what its headers say, and how errors and answers of our own are told."""

from turnout.dialects.dialect import Dialect
from turnout.errors import ClientGone, TurnoutError
from turnout.front.exchange import Exchange
from turnout.ports import Serving
from turnout.types.money import usd

JSON = "application/json"
_UNKEPT = "cache-control: no-cache\r\n"


class HttpSink:
    """One request's client. Implements flow.Client: a whole answer leaves in one write, a stream flows as it comes.

    Errors and answers of our own go this way too, under the same headers: they say what is known of the request by then.
    No value in them can hold a line's end: names are the policy's, whose schema sees to it; all others are made here.
    """

    route = reason = model = "none"
    attempts = 0
    stream_type: str | None = None
    """Content type of the answer's stream; None where it comes whole."""
    _owes = False  # a piece that its client did not take
    _fields = b""
    _status = 200

    def __init__(self, exchange: Exchange, request_id: str, policy: int) -> None:
        self._exchange = exchange
        self.request_id = request_id
        self._policy = policy

    def decided(self, route: str, reason: str) -> None:
        self.route, self.reason = route, reason

    def failed(self, attempts: int) -> None:
        self.attempts = attempts

    def begin(self, serving: Serving) -> None:
        self.model, self.reason, self.attempts = serving.model, serving.reason, serving.attempts
        more = ""
        if serving.cost is not None:
            more = f"x-turnout-cost-usd: {usd(serving.cost):.12f}\r\n"
        if serving.warnings:
            more += f"x-turnout-warnings: {','.join(serving.warnings)}\r\n"
        if serving.ticket is not None:
            more += f"x-turnout-ticket: {serving.ticket}\r\n"
            self._status = serving.status
        self._fields = self._told(more + (_typed(JSON) if self.stream_type is None else _typed(self.stream_type) + _UNKEPT))

    async def send(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange.is_full:
            self._owes = True
            await exchange.room()
            self._owes = False
        if exchange.gone:
            raise ClientGone
        if exchange.started:
            exchange.write(data, more=True)
        else:
            exchange.answer(self._status, self._fields, data, more=self.stream_type is not None)

    async def wait_gone(self) -> None:
        await self._exchange.wait_gone()

    async def finish(self, last: bytes = b"") -> None:
        """End a stream, with an error's event where one is its end; a whole answer has ended with its one send.

        A stream that lacks a piece and says nothing of it is left to be cut off: it must not look whole.
        """
        exchange = self._exchange
        if not exchange.started or exchange.complete or (self._owes and not last):
            return
        if last and exchange.is_full:
            await exchange.room()
        exchange.write(last, more=False)

    async def answer(self, body: bytes, content_type: str = JSON, status: int = 200) -> None:
        """With something of our own."""
        await self._whole(status, self._told(_typed(content_type)), body)

    async def refuse(self, dialect: Dialect, error: TurnoutError, more: str = "") -> None:
        """In the shape of the client's own dialect, so that its SDK raises the class it promises. ``more`` header lines."""
        if error.retry is not None:
            more += f"x-should-retry: {'true' if error.retry else 'false'}\r\n"
        if error.retry_after is not None:
            more += f"retry-after: {max(1, round(error.retry_after))}\r\n"
        await self._whole(error.status, self._told(more + _typed(JSON)), dialect.write_error(error))

    async def _whole(self, status: int, fields: bytes, body: bytes) -> None:
        if self._exchange.is_full:
            await self._exchange.room()
        self._exchange.answer(status, fields, body)

    def _told(self, more: str) -> bytes:
        """What every answer's headers say, as far as it is known when they go, and ``more``."""
        return (
            f"x-turnout-request-id: {self.request_id}\r\nx-turnout-policy: {self._policy}\r\nx-turnout-route: {self.route}\r\n"
            f"x-turnout-model: {self.model}\r\nx-turnout-attempts: {self.attempts}\r\nx-turnout-reason: {self.reason}\r\n{more}"
        ).encode()


def _typed(content_type: str) -> str:
    return f"content-type: {content_type}\r\n"
