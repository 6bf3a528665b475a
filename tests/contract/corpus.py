"""Recorded exchanges of real providers, and hostile ways to cut their bytes."""

import gzip
import random
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from tests.shared_data import SHARED

DIALECT_OF = {"chat.completions": "openai-chat", "messages": "anthropic-messages"}


class Row(msgspec.Struct, frozen=True):
    """One recorded exchange. ``request`` is None where only the answer was recorded."""

    id: str
    dialect: str
    model: str
    request: dict[str, Any] | None
    streamed: bool
    status: int
    headers: dict[str, str]
    answer: bytes


@cache
def rows() -> tuple[Row, ...]:
    """Every exchange of the two dialects. Skips the test, saying so, where the recordings are not at hand."""
    files = sorted((SHARED / "corpus").glob("*.jsonl.gz"))
    if not files:
        pytest.skip("the recorded traffic (../shared/corpus) is not here")
    return tuple(
        _row(row) for file in files for line in gzip.open(file) if (row := msgspec.json.decode(line))["endpoint"] in DIALECT_OF
    )


def _row(row: dict[str, Any]) -> Row:
    response = row["response"]
    body = (row["request"] or {}).get("body")
    headers = {name.lower(): value for name, value in (response["headers"] or {}).items() if isinstance(value, str)}
    dialect, model = DIALECT_OF[row["endpoint"]], row["model"] or "unknown"
    return Row(row["id"], dialect, model, body, row["stream"] == "sse", response["status"], headers, response["body"].encode())


def request_of(row: Row) -> dict[str, Any]:
    """The request a client would send us for this row: with the model in its body, where Azure's deployments have it in the URL."""
    return {"model": row.model, **(row.request or {"messages": [], "stream": row.streamed})}


def data_of(stream: bytes) -> list[Any]:
    """What a stream says, read by other means than ours: the JSON of each event's data, its text where it is none."""
    text = stream.decode().replace("\r\n", "\n").replace("\r", "\n")
    found = []
    for event in re.split(r"\n\n+", text):
        data = "\n".join(line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:"))
        if data:
            found.append(data if data.startswith("[DONE]") else msgspec.json.decode(data))
    return found


def splits(body: bytes, seed: str) -> Iterator[tuple[str, list[bytes]]]:
    """The same bytes cut in hostile ways."""
    yield "at once", [body]
    yield "byte by byte", [body[i : i + 1] for i in range(min(len(body), 4000))] + ([body[4000:]] if len(body) > 4000 else [])
    yield "inside characters and line ends", _cut(body, [m.start() + 1 for m in re.finditer(rb"[\xc0-\xff\r]|\n\n", body)])
    chance = random.Random(seed)
    yield "anywhere", _cut(body, sorted(chance.sample(range(len(body) + 1), min(len(body), 200))))


def _cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *places, len(body)]
    return [body[a:b] for a, b in pairwise(edges) if a < b]
