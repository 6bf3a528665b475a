"""A strict client: exact bytes of an answer, and what they say in the client's own dialect."""

import asyncio
import json
import time
from typing import Any

import msgspec
from tools.fault_matrix.sound import Dialect

WITHIN = 90.0
"""Seconds; the longest deadline of the matrix is shorter."""

PATHS: dict[Dialect, str] = {"openai-chat": "/v1/chat/completions", "anthropic-messages": "/v1/messages"}


class Answer(msgspec.Struct, frozen=True):
    """``complete``: HTTP's own end has come. ``seconds`` until the dialect's end mark, or the answer's end."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool
    seconds: float


class Heard(msgspec.Struct):
    """What a client in this dialect understands. ``ended``: as its protocol says. ``error``: type or code, of a body or an event."""

    text: str = ""
    ended: bool = False
    error: str | None = None
    message: str = ""
    sound: bool = True


def question(model: str, *, stream: bool) -> dict[str, Any]:
    """A body that both dialects understand; it names its cell for the provider's sake."""
    asked = {
        "model": model,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": f"Please count to four, of cell {model}."}],
    }
    return {**asked, "stream": True} if stream else asked


async def ask(port: int, front: Dialect, model: str, *, stream: bool) -> Answer:
    """One request on a connection of its own."""
    body = json.dumps(question(model, stream=stream)).encode()
    head = f"POST {PATHS[front]} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    async with asyncio.timeout(WITHIN):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
            return await _read(reader, time.monotonic())
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader, began: float) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body, seconds, complete = bytearray(), 0.0, False
    try:
        if "content-length" in headers:
            body += await reader.readexactly(int(headers["content-length"]))
        else:
            assert headers["transfer-encoding"] == "chunked", headers
            while length := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(length + 2))[:-2]
                if not seconds and (b"[DONE]" in body or b"event: message_stop" in body):
                    seconds = time.monotonic() - began
            assert await reader.readexactly(2) == b"\r\n"
        complete = await reader.read() == b""
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    return Answer(int(first.split()[1]), headers, bytes(body), complete, seconds or time.monotonic() - began)


def hear(front: Dialect, answer: Answer) -> Heard:
    """Read it as an SDK does: an error event ends it, and so does the end mark."""
    heard = Heard()
    try:
        text = answer.body.decode()
    except UnicodeDecodeError:
        heard.sound, text = False, answer.body.decode("utf-8", "replace")
    if not answer.headers["content-type"].startswith("text/event-stream"):
        _hear_whole(front, json.loads(text), heard)
        heard.ended = answer.complete
        return heard
    for block in text.split("\n\n"):
        data = "".join(line.removeprefix("data: ") for line in block.split("\n") if line.startswith("data: "))
        if not data:
            continue
        if heard.error is not None:
            heard.sound = False  # nothing may follow an error
        if data == "[DONE]":
            heard.ended = True
            continue
        try:
            (_hear_openai if front == "openai-chat" else _hear_anthropic)(json.loads(data), heard)
        except ValueError:
            heard.sound = False
    return heard


def _fail(value: dict[str, Any], heard: Heard) -> None:
    error = value["error"]
    heard.error, heard.message = error.get("code") or error["type"], error["message"]


def _hear_whole(front: Dialect, value: dict[str, Any], heard: Heard) -> None:
    if "error" in value:
        _fail(value, heard)
    elif front == "openai-chat":
        heard.text = value["choices"][0]["message"]["content"]
    else:
        heard.text = "".join(block["text"] for block in value["content"])


def _hear_openai(value: dict[str, Any], heard: Heard) -> None:
    """Some providers leave [DONE] out: to the SDKs a finish reason will do."""
    if "error" in value:
        _fail(value, heard)
    for choice in value.get("choices", ()):
        heard.text += choice["delta"].get("content") or ""
        heard.ended |= bool(choice["finish_reason"]) if "finish_reason" in choice else False


def _hear_anthropic(value: dict[str, Any], heard: Heard) -> None:
    match value["type"]:
        case "error":
            _fail(value, heard)
        case "content_block_delta":
            heard.text += value["delta"]["text"]
        case "message_stop":
            heard.ended = True
