"""Reading request bodies: each bounded, and those of slow clients bounded together."""

from turnout.errors import Code, TurnoutError
from turnout.front.exchange import Exchange

MOST_AT_ONCE = 256 * 1024 * 1024
"""Bytes that a worker holds of bodies which have not come to their end."""


class Bodies:
    """A worker's reader of bodies. How long one may take is the protocol's to say."""

    def __init__(self, most: int, most_at_once: int = MOST_AT_ONCE) -> None:
        self._most = most
        self._most_at_once = most_at_once
        self._held = 0

    async def read(self, exchange: Exchange) -> bytes:
        """The whole body.

        Raises:
            TurnoutError: ``too_large``, before reading where the length is announced; ``overloaded`` when others' bodies fill
                the room; ``invalid_request`` if the client left.
        """
        if exchange.more and self._announced(exchange) > self._most:
            raise self._too_large()
        body = await exchange.read()
        if exchange.more:
            body = await self._rest(exchange, body)
        if exchange.gone:
            raise TurnoutError(Code.INVALID_REQUEST, "the request ended before its body did", retry=False)
        if len(body) > self._most:
            raise self._too_large()
        return body

    async def _rest(self, exchange: Exchange, first: bytes) -> bytes:
        body = bytearray(first)
        self._held += len(first)
        try:
            while exchange.more and not exchange.gone:
                self._check(len(body))
                part = await exchange.read()
                body += part
                self._held += len(part)
        finally:
            self._held -= len(body)
        return bytes(body)

    @staticmethod
    def _announced(exchange: Exchange) -> int:
        """The parser has seen to it that it is a number, though it may begin with more zeros than Python reads."""
        return int(exchange.headers.get(b"content-length", b"").lstrip(b"0") or b"0")

    def _check(self, size: int) -> None:
        if size > self._most:
            raise self._too_large()
        if self._held > self._most_at_once:
            raise TurnoutError(Code.OVERLOADED, "too many bodies are on their way to this worker at once", retry=True)

    def _too_large(self) -> TurnoutError:
        return TurnoutError(
            Code.TOO_LARGE, f"the body is larger than {self._most} bytes; raise server.max_body to accept it", retry=False
        )
