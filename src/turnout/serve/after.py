"""What is done with an answer once its client has it. Nobody waits for any of it."""

from turnout.content.body import MOST
from turnout.errors import TurnoutError
from turnout.ports import Serving, Sink
from turnout.serve.book import Book
from turnout.serve.grade import grade
from turnout.serve.sealing import keep
from turnout.types.policy import After, Route


class Noted:
    """Passes an answer on to its client and notes what the client took, the first ``MOST`` bytes of it. ``size`` counts them all.

    ``after`` is what will be done with it.
    """

    def __init__(self, client: Sink, after: After) -> None:
        self._client = client
        self._pieces: list[bytes] = []
        self.after = after
        self.size = 0

    @property
    def body(self) -> bytes:
        return b"".join(self._pieces)

    def begin(self, serving: Serving) -> None:
        self._client.begin(serving)

    async def send(self, data: bytes) -> None:
        await self._client.send(data)
        if self.size < MOST:
            self._pieces.append(data[: MOST - self.size])
        self.size += len(data)

    async def wait_gone(self) -> None:
        await self._client.wait_gone()


def follow(book: Book, noted: Noted) -> None:
    """The answer is with its client, or as much of it as will ever be. What a drill spoilt says nothing of anybody."""
    if book.drill is not None:
        return
    after, body = noted.after, noted.body
    if after.content != "none":
        keep(book, after.content, body, noted.size, book.execution.error)
    if after.checks or after.judge is not None:
        grade(book, after, body, noted.size)


def follow_refused(book: Book, route: Route | None, error: TurnoutError) -> None:
    """Of a request that nobody was called for there is what was asked, and what was told instead of an answer."""
    after = route.after if route is not None else After(book.snapshot.view.policy.content)
    if after is not None and after.content != "none":
        keep(book, after.content, b"", 0, error)
