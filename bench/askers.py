"""An open-loop client that asks in both dialects, streamed and whole, and reads every answer to its last word."""

import asyncio
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Literal

import aiohttp
import msgspec

Front = Literal["openai-chat", "anthropic-messages"]
PATHS: dict[Front, str] = {"openai-chat": "/v1/chat/completions", "anthropic-messages": "/v1/messages"}
LONGEST = 30.0
"""Seconds after which an asker gives up on an answer; no answer of a healthy run comes near."""


class Question(msgspec.Struct, frozen=True):
    """What is asked, and how."""

    front: Front
    stream: bool
    prompt: str
    model: str = "auto"

    @property
    def kind(self) -> str:
        return f"{self.front} {'stream' if self.stream else 'whole'}"

    @property
    def body(self) -> bytes:
        message = {"role": "user", "content": self.prompt}
        asked: dict[str, Any] = {"model": self.model, "messages": [message], "stream": self.stream}
        if self.front == "anthropic-messages":
            asked["max_tokens"] = 1_000
        elif self.stream:
            asked["stream_options"] = {"include_usage": True}
        return msgspec.json.encode(asked)


class Said(msgspec.Struct, frozen=True):
    """An answer's content. ``ended`` with the dialect's end mark; ``tokens`` are read, read from a cache, and written."""

    text: str = ""
    id: str = ""
    tokens: tuple[int, int, int] | None = None
    ended: bool = False
    error: str = ""


class Heard(msgspec.Struct, frozen=True):
    """One request. ``status`` 0: the connection broke. ``began`` and ``ended`` in unix seconds, ``first`` when the head had come."""

    question: Question
    began: float
    first: float
    ended: float
    status: int
    said: Said
    id: str = ""
    model: str = ""
    attempts: int = 0
    cost: str | None = None

    @property
    def ok(self) -> bool:
        return self.status == 200 and self.said.ended and not self.said.error

    @property
    def wait(self) -> float:
        """Seconds that a user feels: to the first content of a stream, to the end of a whole answer."""
        return (self.first if self.question.stream else self.ended) - self.began


class Askers:
    """``rate`` requests a second until told to stop, however long answers take; ``heard`` grows as they are complete."""

    def __init__(self, url: str, rate: float, question: Callable[[int], Question]) -> None:
        self.heard: list[Heard] = []
        self._url, self._rate, self._question = url, rate, question
        self._enough = asyncio.Event()

    def stop(self) -> None:
        self._enough.set()

    async def run(self, most: int | None = None) -> None:
        """Until stopped, or ``most`` were asked, and every answer has come."""
        timeout, connector = aiohttp.ClientTimeout(total=LONGEST), aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session, asyncio.TaskGroup() as asking:
            begin = time.perf_counter()
            for n in count() if most is None else range(most):
                if self._enough.is_set():
                    break
                await asyncio.sleep(max(0.0, begin + n / self._rate - time.perf_counter()))
                asking.create_task(self._one(session, self._question(n)))

    async def _one(self, session: aiohttp.ClientSession, question: Question) -> None:
        body, headers = question.body, {"content-type": "application/json"}
        began = first = time.time()
        try:
            async with session.post(self._url + PATHS[question.front], data=body, headers=headers) as answer:
                first = time.time()
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as broken:
            self.heard.append(Heard(question, began, first, time.time(), 0, Said(error=repr(broken))))
            return
        ended, told = time.time(), answer.headers
        self.heard.append(
            Heard(
                question, began, first, ended, answer.status, read(question, content), told.get("x-turnout-request-id", ""),
                told.get("x-turnout-model", ""), int(told.get("x-turnout-attempts", 0)), told.get("x-turnout-cost-usd"),
            )
        )  # fmt: skip


def read(question: Question, content: bytes) -> Said:
    """What an answer says; of a stream all its events."""
    if question.stream and not content.startswith(b"{"):
        return _read_openai(_events(content)) if question.front == "openai-chat" else _read_anthropic(_events(content))
    whole = msgspec.json.decode(content)
    if "error" in whole:
        return Said(error=str(whole["error"].get("message", whole["error"])))
    if question.front == "openai-chat":
        return Said(whole["choices"][0]["message"]["content"] or "", whole["id"], _openai_tokens(whole.get("usage")), ended=True)
    text = "".join(block.get("text", "") for block in whole["content"])
    return Said(text, whole["id"], _anthropic_tokens(whole.get("usage") or {}), ended=True)


def _events(content: bytes) -> Iterable[Any]:
    for line in content.split(b"\n"):
        if line.startswith(b"data: "):
            data = line[6:].strip()
            yield None if data == b"[DONE]" else msgspec.json.decode(data)


def _read_openai(events: Iterable[Any]) -> Said:
    text, name, error, usage, ended = "", "", "", None, False
    for event in events:
        if event is None:
            ended = True
        elif "error" in event:
            error = str(event["error"])
        else:
            name, usage = event["id"] or name, event.get("usage") or usage
            text += "".join(choice["delta"].get("content") or "" for choice in event["choices"])
    return Said(text, name, _openai_tokens(usage), ended, error)


def _read_anthropic(events: Iterable[Any]) -> Said:
    text, name, error, usage, ended = "", "", "", dict[str, Any](), False
    for event in events:
        match event["type"]:
            case "message_start":
                name = event["message"]["id"]
                usage |= event["message"].get("usage") or {}
            case "content_block_delta":
                text += event["delta"].get("text", "")
            case "message_delta":
                usage |= event.get("usage") or {}
            case "message_stop":
                ended = True
            case "error":
                error = str(event["error"])
    return Said(text, name, _anthropic_tokens(usage), ended, error)


def _openai_tokens(usage: dict[str, Any] | None) -> tuple[int, int, int] | None:
    if not usage:
        return None
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return usage["prompt_tokens"] - cached, cached, usage["completion_tokens"]


def _anthropic_tokens(usage: dict[str, Any]) -> tuple[int, int, int] | None:
    if "output_tokens" not in usage:
        return None
    return usage.get("input_tokens") or 0, usage.get("cache_read_input_tokens") or 0, usage["output_tokens"]
