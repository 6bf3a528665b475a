"""A dialect small enough to read in a test: a line is an event, and a whole answer is one line.

stream:  role | say TEXT | usage INPUT OUTPUT | stop | end | error
whole:   whole TEXT INPUT OUTPUT
"""

from typing import Any

from turnout.dialects.dialect import Ask, Seen
from turnout.errors import (
    Broken,
    CallerFault,
    ContentFiltered,
    ContextOverflow,
    Misconfigured,
    ProviderFault,
    RateLimited,
    TurnoutError,
    Unavailable,
)
from turnout.types.reply import Usage
from turnout.types.traits import Sketch

FAULTS: dict[int, type[ProviderFault]] = {
    400: CallerFault, 413: CallerFault, 422: CallerFault, 401: Misconfigured, 404: Misconfigured, 429: RateLimited, 529: RateLimited,
}  # fmt: skip
WORDS: dict[bytes, type[ProviderFault]] = {b"too long": ContextOverflow, b"filtered": ContentFiltered}


class FakeDialect:
    """``back`` and ``front`` at once."""

    name = "fake"
    path = "/fake"

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"the fake dialect has no {name}")

    def relay_reply(self, ask: Ask) -> "StreamDelivery | WholeDelivery":
        return StreamDelivery() if ask.sketch.stream else WholeDelivery()

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderFault:
        kind = WORDS.get(body) or FAULTS.get(status, Unavailable)
        after = headers.get("retry-after")
        return kind(body.decode() or "no word", status=status, retry_after=float(after) if after else None)

    def error_event(self, error: TurnoutError) -> bytes:
        return f"error {error.code}\n".encode()


class StreamDelivery:
    def __init__(self) -> None:
        self.seen = Seen()
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            word, *values = line.split()
            match word:
                case b"say":
                    self.seen.content = True
                case b"usage":
                    self.seen.usage = Usage(input=int(values[0]), output=int(values[1]))
                case b"stop":
                    self.seen.finish = "stop"
                case b"end":
                    self.seen.ended = True
                case b"error":
                    raise Broken("the stream says error")
        return b"".join(line + b"\n" for line in lines)

    def end(self) -> bytes:
        if not self.seen.ended:
            raise Broken("the stream stopped before its end")
        return b""


class WholeDelivery:
    def __init__(self) -> None:
        self.seen = Seen()
        self._body = b""

    def feed(self, chunk: bytes) -> bytes:
        self._body += chunk
        return b""

    def end(self) -> bytes:
        match self._body.split():
            case [b"whole", _, tokens_in, tokens_out] if tokens_in.isdigit() and tokens_out.isdigit():
                self.seen.content = self.seen.ended = True
                self.seen.finish = "stop"
                self.seen.usage = Usage(input=int(tokens_in), output=int(tokens_out))
                return self._body
        raise Broken("not a whole answer")


def fake_ask(*, stream: bool) -> Ask:
    sketch = Sketch(
        model="auto", stream=stream, system="", last_user="hi", texts=("hi",), turns=1, tools=0, tool_bytes=0, images=0, audio_bytes=0,
        document_bytes=0, features=0, input=1, output=1, max_output=None, n=1, carries=frozenset(),
    )  # fmt: skip
    return Ask("fake", b"{}", None, sketch)
