"""A provider in the test's hands: it answers whatever it is asked, when the test says so, and counts."""

import asyncio
import json
from typing import Any

from tests.support.fake_transport import Answer, FakeIncoming
from turnout.ports import Outgoing

USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


class Provider:
    """An OpenAI-shaped Transport. ``text`` is its answer, ``refusal`` what it answers instead; it waits for ``open`` each time."""

    def __init__(self, text: str = "Paris.") -> None:
        self.text = text
        self.refusal: Answer | None = None
        self.calls = 0
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, request: Outgoing, *, connect_timeout: float) -> FakeIncoming:
        self.calls += 1
        text = self.text
        await self.open.wait()
        return FakeIncoming(self.refusal or (streamed(text) if json.loads(request.body).get("stream") else whole(text)))

    async def close(self) -> None:
        pass


def whole(text: str) -> Answer:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return Answer(json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": choices, "usage": USAGE}).encode())


def streamed(text: str) -> Answer:
    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return b"data: " + json.dumps({"id": "1", "model": "m", "choices": choices}).encode() + b"\n\n"

    last = b"data: " + json.dumps({"id": "1", "choices": [], "usage": USAGE}).encode() + b"\n\ndata: [DONE]\n\n"
    return Answer(event({"role": "assistant", "content": ""}), event({"content": text}), event({}, "stop"), last)


async def settled() -> None:
    """Let everything happen that can."""
    for _ in range(50):
        await asyncio.sleep(0)
