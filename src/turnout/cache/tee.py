"""A sink around an answer that is to be kept."""

from turnout.ports import Serving, Sink


class TeeSink:
    """Passes an answer on to its client and keeps what the client took, as long as that is at most ``most`` bytes."""

    def __init__(self, client: Sink, most: int) -> None:
        self._client = client
        self._most = most
        self._size = 0
        self._pieces: list[bytes] = []
        self.serving: Serving | None = None

    @property
    def body(self) -> bytes | None:
        """All that was sent; None when it was too much, or nothing."""
        return b"".join(self._pieces) or None

    def begin(self, serving: Serving) -> None:
        self._client.begin(serving)
        self.serving = serving

    async def send(self, data: bytes) -> None:
        await self._client.send(data)
        self._size += len(data)
        if self._size <= self._most:
            self._pieces.append(data)
        else:
            self._pieces.clear()

    async def wait_gone(self) -> None:
        await self._client.wait_gone()
