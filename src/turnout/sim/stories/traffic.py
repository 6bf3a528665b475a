"""A story's users: plain HTTP on loopback, a steady rate, and what they think of each answer. Lean, since everything shares two cores."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from turnout.sim.cases import Case, is_right

AT_ONCE = 24
"""Requests under way at a time, at most."""
SAY_EVERY = 0.1
"""Seconds between two batches of opinions."""
LONGEST = 30.0
"""Seconds for one answer."""

Judge = Callable[[Case, str], bool]


class Heard(msgspec.Struct, frozen=True, gc=False):
    """One answer. ``at`` is when it was asked (unix seconds), ``good`` what the user thinks of it; ``model`` and ``reason`` as the headers say."""

    id: str
    at: float
    band: str
    status: int
    model: str
    reason: str
    good: bool


class _Choice(msgspec.Struct):
    message: dict[str, Any]


class _Answer(msgspec.Struct):
    choices: tuple[_Choice, ...]


_answer = msgspec.json.Decoder(_Answer).decode


class Connection:
    """HTTP/1.1 to one port of loopback, kept open. Raises OSError (asyncio.IncompleteReadError is no OSError and is turned into one)."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{said}content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        try:
            async with asyncio.timeout(LONGEST):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                found = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
                content = await reader.readexactly(int(found.get("content-length", "0")))
        except (asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            raise OSError(f"POST {path}: {error!r}") from error
        if found.get("connection") == "close":
            self.close()
        return int(head[0].split(" ", 2)[1]), found, content

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Users:
    """They ask ``cases`` one after the other at ``rate`` a second. ``heard`` is all they got, in the order in which it came.

    ``told`` is when what they think of a request was on disk (unix seconds), ``broken`` what went wrong on the way.
    """

    def __init__(
        self,
        port: int,
        cases: Iterator[Case],
        rate: float,
        tags: Mapping[str, str],
        *,
        judge: Judge = is_right,
        speak: bool = True,
    ) -> None:
        self._port = port
        self._cases = cases
        self._pause = 1.0 / rate
        self._tags = ",".join(f"{name}={value}" for name, value in tags.items())
        self._judge = judge
        self._speak = speak
        self._next = 0.0
        self._said: list[dict[str, object]] = []
        self._going = True
        self.heard: list[Heard] = []
        self.broken: list[str] = []
        self.told: dict[str, float] = {}

    async def run(self) -> None:
        """Until :meth:`stop`; then what is under way is waited for."""
        self._next = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            askers = [group.create_task(self._ask()) for _ in range(AT_ONCE)]
            group.create_task(self._tell(askers))

    def stop(self) -> None:
        self._going = False

    async def _ask(self) -> None:
        loop, connection = asyncio.get_running_loop(), Connection(self._port)
        while self._going:
            now = loop.time()
            self._next = max(self._next + self._pause, now - self._pause)  # who is late does not catch up in a burst
            await asyncio.sleep(max(0.0, self._next - now))
            try:
                await self._one(connection, next(self._cases))
            except OSError as error:
                self.broken.append(str(error))
                await asyncio.sleep(0.1)
        connection.close()

    async def _one(self, connection: Connection, asked: Case) -> None:
        at = time.time()
        body = msgspec.json.encode({"model": "auto", "messages": [{"role": "user", "content": asked.prompt}]})
        tags = f"task={asked.task},complexity={asked.band}" + (f",{self._tags}" if self._tags else "")
        status, headers, content = await connection.post("/v1/chat/completions", body, {"x-turnout-tags": tags})
        text = str(_answer(content).choices[0].message.get("content") or "") if status == 200 else ""
        good = status == 200 and self._judge(asked, text)
        id_ = headers.get("x-turnout-request-id", "")
        self.heard.append(
            Heard(
                id_, at, asked.band, status, headers.get("x-turnout-model", "none"), headers.get("x-turnout-reason", "none"), good
            )
        )
        if self._speak and status == 200:
            self._said.append({"request_id": id_, "kind": "thumb", "value": 1 if good else -1})

    async def _tell(self, askers: list[asyncio.Task[None]]) -> None:
        connection = Connection(self._port)
        while not all(asker.done() for asker in askers) or self._said:
            said, self._said = self._said[:500], self._said[500:]
            if said:
                try:
                    status, _, content = await connection.post("/v1/feedback", msgspec.json.encode({"feedback": said}), {})
                except OSError as error:
                    status, content = 0, str(error).encode()
                if status == 202:
                    self.told |= dict.fromkeys((str(one["request_id"]) for one in said), time.time())
                else:
                    self.broken.append(f"feedback: {status} {content[:200].decode(errors='replace')}")
            await asyncio.sleep(SAY_EVERY)
        connection.close()
