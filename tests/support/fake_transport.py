"""A Transport that plays a script: one answer per call, each a list of what comes when."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from turnout.errors import Broken, ProviderFault
from turnout.ports import Outgoing

FOREVER = 1e9


class Answer:
    """Headers after ``after`` seconds, then the body: bytes are chunks, numbers are pauses in seconds, faults are raised."""

    def __init__(
        self, *body: bytes | float | ProviderFault, status: int = 200, headers: dict[str, str] | None = None, after: float = 0.0
    ) -> None:
        self.body = body
        self.status = status
        self.headers = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        self.after = after


class Refusal:
    """No answer at all: the fault is raised after ``after`` seconds."""

    def __init__(self, fault: ProviderFault, after: float = 0.0) -> None:
        self.fault = fault
        self.after = after


class FakeIncoming:
    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.headers: Sequence[tuple[bytes, bytes]] = answer.headers
        self._body = answer.body
        self.read = 0
        self.closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        for item in self._body:
            if isinstance(item, float | int):
                await asyncio.sleep(item)
            if self.closed:
                raise Broken("read on after it was hung up on")
            if isinstance(item, ProviderFault):
                raise item
            if isinstance(item, bytes):
                self.read += 1
                yield item

    async def close(self) -> None:
        self.closed = True


class FakeTransport:
    """``sent`` are the requests in order and when; ``cancelled`` counts sends that were cancelled before their headers."""

    def __init__(self, *script: Answer | Refusal) -> None:
        self._script = list(script)
        self.sent: list[tuple[float, Outgoing]] = []
        self.answers: list[FakeIncoming] = []
        self.connect_timeouts: list[float] = []
        self.cancelled = 0

    async def send(self, request: Outgoing, *, connect_timeout: float) -> FakeIncoming:
        self.sent.append((asyncio.get_running_loop().time(), request))
        self.connect_timeouts.append(connect_timeout)
        scene = self._script.pop(0)
        try:
            if scene.after:
                await asyncio.sleep(scene.after)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(scene, Refusal):
            raise scene.fault
        self.answers.append(FakeIncoming(scene))
        return self.answers[-1]

    async def close(self) -> None:
        pass
