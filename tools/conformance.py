"""Writes docs/reference/conformance.md: how much of the recorded traffic of real providers passes, relayed and translated.

``python tools/conformance.py`` where ../shared/corpus is; tests/docs says when it is due. No row is treated apart from the others.
"""

import gzip
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from turnout.dialects.collect import read_answer
from turnout.dialects.delivery import deliver
from turnout.dialects.dialect import Ask, Dialect
from turnout.dialects.features import lossy
from turnout.dialects.registry import DIALECTS
from turnout.errors import ProviderFault, TurnoutError
from turnout.types.reply import Choice, Reply
from turnout.types.request import Reasoning, Refusal, Text, ToolCall

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT.parent / "shared" / "corpus"
PAGE = ROOT / "docs" / "reference" / "conformance.md"
PIECE = 97
"""Bytes that an answer comes in: no divisor of anything, so that cuts fall into characters, line ends and frames alike."""

SPEAKS: Mapping[str, str] = {
    "chat.completions": "openai-chat",
    "responses": "openai-responses",
    "messages": "anthropic-messages",
    "generateContent": "gemini",
    "streamGenerateContent": "gemini",
    "converse": "bedrock-converse",
    "converse-stream": "bedrock-converse",
    "cohere.chat": "cohere-chat",
    "ollama.chat": "ollama-chat",
}
"""What was asked for -> the dialect that asks so."""

HEAD = """# Conformance: recorded traffic of real providers

Made by `python tools/conformance.py`; do not edit.

Each recorded exchange is sent through Turnout as if its provider had just answered, its bytes cut into pieces of {piece}. *Relayed*: the
request reaches a provider of its own dialect with every field as it was sent, but for what Turnout owns, and the answer comes back byte for
byte. A column named after a dialect says for how many of the answers a client of that dialect is told the same: text, thinking, tool calls with
ids and arguments, the reason to stop, each bucket of tokens that the dialect can tell, citations. What is missing to all has a reason below. A reason
that is a name of [the feature table](features.md) means that the candidate is refused before it is called, so nothing is lost by it.
"""


class Row(msgspec.Struct, frozen=True):
    """One recorded exchange. ``endpoint`` is what was asked for; ``body`` None where only the answer was recorded."""

    provider: str
    endpoint: str
    path: str
    model: str
    body: dict[str, Any] | None
    streamed: bool
    status: int
    answer: bytes
    framing: str


def rows() -> Iterator[Row]:
    """All that was recorded, provider by provider."""
    for file in sorted(CORPUS.glob("*.jsonl.gz")):
        for line in gzip.decompress(file.read_bytes()).splitlines():
            yield _row(file.name.removesuffix(".jsonl.gz"), msgspec.json.decode(line))


def _row(provider: str, row: dict[str, Any]) -> Row:
    request, response = row["request"] or {}, row["response"]
    path = str(request.get("url") or "").partition("?")[0].partition("://")[2].partition("/")[2]
    answer = response["body"].encode()
    if response["body_encoding"] == "base64":
        answer = msgspec.json.decode(msgspec.json.encode(response["body"]), type=bytes)
    body = request.get("body")
    return Row(
        provider, row["endpoint"], f"/{path}", row["model"] or "unknown", body if isinstance(body, dict) else None,
        row["stream"] != "no", response["status"], answer, row["stream"],
    )  # fmt: skip


def asked(dialect: Dialect, row: Row) -> Ask:
    """As a client sends it: with the model in its body, unless the dialect names it in the path."""
    if "{model}" in dialect.path:
        return dialect.ask(msgspec.json.encode(row.body or {}), path=row.path)
    return dialect.ask(msgspec.json.encode({"model": row.model, **(row.body or {"messages": [], "stream": row.streamed})}))


def plain(dialect: Dialect, *, stream: bool) -> Ask:
    """Any request of the dialect, for the form of its answer."""
    path = dialect.front + (dialect.stream_path if stream else dialect.path).partition("?")[0].replace("{model}", "m")
    body = {"model": "m", "messages": [], "input": "hi", "contents": [], "max_tokens": 9, "stream": stream}
    wanted = _FIELDS[dialect.name]
    return dialect.ask(msgspec.json.encode({name: body[name] for name in wanted} | _USAGE.get(dialect.name, {})), path=path)


_CHAT = ("model", "messages", "stream")
_FIELDS: Mapping[str, tuple[str, ...]] = defaultdict(
    lambda: _CHAT,
    {
        "openai-responses": ("model", "input", "stream"),
        "gemini": ("contents",),
        "bedrock-converse": ("messages",),
        "anthropic-messages": (*_CHAT, "max_tokens"),
    },
)
_USAGE: Mapping[str, dict[str, Any]] = {"openai-chat": {"stream_options": {"include_usage": True}}}


def passes(front: Dialect, back: Dialect, ask: Ask, answer: bytes) -> bytes:
    """What the client is given. Raises ProviderFault."""
    delivery = deliver(front, back, ask)
    return b"".join([*(delivery.feed(answer[at : at + PIECE]) for at in range(0, len(answer), PIECE)), delivery.end()])


def relayed(row: Row, dialect: Dialect) -> str | None:
    """Why the row is not relayed with nothing lost; None: it is."""
    ask = asked(dialect, row)
    if row.body is not None:
        arrived = msgspec.json.decode(dialect.relay(ask, row.body.get("model", "")))
        if {**arrived, "stream_options": None} != {**row.body, "stream_options": None} | (
            {"model": ""} if "model" not in row.body and "model" in arrived else {}
        ):
            return "request changed"
    if row.status != 200:
        fault = dialect.read_error(row.status, {}, row.answer)
        return None if fault.message else "error without words"
    if ask.sketch.stream != row.streamed:
        return "recorded as a stream that was not asked for" if row.streamed else "recorded whole though a stream was asked for"
    try:
        out = passes(dialect, dialect, ask, row.answer)
    except ProviderFault as fault:
        return f"an error inside a 200: {fault.kind or type(fault).__name__}"
    return None if out == row.answer or _hides_usage(dialect, ask) else "answer changed"


def _hides_usage(dialect: Dialect, ask: Ask) -> bool:
    """The chunk of usage that comes because we ask for it stays with us, where the client did not."""
    return dialect.name == "openai-chat" and ask.sketch.stream and b'"include_usage"' not in ask.body


def translated(row: Row, back: Dialect, front: Dialect) -> str | None:
    """Why a client of ``front`` is not told the same; None: it is."""
    if row.body is not None:
        missing = lossy(asked(back, row).sketch.carries, back.name, front.name)
        if missing:
            return min(missing)
    try:
        said = read_answer(back, row.answer, stream=row.streamed)
        out = passes(front, back, plain(front, stream=row.streamed), row.answer)
        told = read_answer(front, out, stream=row.streamed)
    except ProviderFault as fault:
        return f"an error inside a 200: {fault.kind or type(fault).__name__}"
    before, after = essence(said), essence(told)
    if before["tokens"] is None:  # what was not told, or contradicts itself, is unknown and not lost
        after["tokens"] = None
    return next((f"lost: {name}" for name in before if after[name] != before[name]), None)


def essence(reply: Reply) -> dict[str, Any]:
    """What an answer says, in any dialect."""
    first = reply.choices[0] if reply.choices else Choice((), "other")
    usage = reply.usage if reply.usage is not None and reply.usage.complete else None
    return {
        "text": "".join(part.text for part in first.parts if isinstance(part, Text | Refusal)),
        "thinking": "".join(part.text for part in first.parts if isinstance(part, Reasoning)),
        "tool calls": [(part.id, part.name, _value(part.arguments)) for part in first.parts if isinstance(part, ToolCall)],
        "finish": _finish(first),
        "tokens": usage and (usage.total_input, usage.total_output, usage.cache_read),
        "citations": [cited.url or cited.quote for part in first.parts if isinstance(part, Text) for cited in part.citations],
    }


def _value(arguments: str) -> Any:
    try:
        return msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError:
        return arguments


def _finish(choice: Choice) -> str:
    """Dialects differ in whether a call, or declining, is a reason of its own."""
    if any(isinstance(part, ToolCall) for part in choice.parts) and choice.finish in {"stop", "tool_calls", "other"}:
        return "tool_calls"
    if any(isinstance(part, Refusal) for part in choice.parts) or choice.finish in {"refusal", "content_filter"}:
        return "refusal"
    return "stop" if choice.finish == "other" else choice.finish


class Tally:
    """One provider's rows."""

    def __init__(self) -> None:
        self.rows = self.spoken = self.relayed = self.answers = 0
        self.carried: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        self.rows += 1
        dialect = DIALECTS.get(SPEAKS.get(row.endpoint, ""))
        if dialect is None:
            self.reasons[f"`{row.endpoint}` is no dialect spoken here"] += 1
            return
        self.spoken += 1
        try:
            reason = relayed(row, dialect)
        except TurnoutError as error:
            reason = f"refused: {error.message[:60]}"
        if reason is not None:
            self.reasons[reason] += 1
            return
        self.relayed += 1
        if row.status != 200:
            return
        self.answers += 1
        for front in DIALECTS.values():
            reason = translated(row, dialect, front) if front.name != dialect.name else None
            self.carried[front.name] += reason is None
            if reason is not None:
                self.reasons[f"to {front.name}: {reason}"] += 1


def page(found: Mapping[str, Tally]) -> str:
    """The page as it should stand."""
    names = list(DIALECTS)
    lines = [HEAD.format(piece=PIECE), "", *_table(found, names), "", "## What is missing to all, and why", ""]
    for provider, tally in found.items():
        if tally.reasons:
            lines += [f"- **{provider}**: " + "; ".join(f"{reason} ({count})" for reason, count in sorted(tally.reasons.items()))]
    return "\n".join(lines) + "\n"


def _table(found: Mapping[str, Tally], names: list[str]) -> Iterable[str]:
    yield "| provider | exchanges | of a dialect | relayed | answers | " + " | ".join(names) + " |"
    yield "| --- " * (5 + len(names)) + "|"
    for provider, tally in found.items():
        shares = " | ".join(str(tally.carried[name]) for name in names)
        yield f"| {provider} | {tally.rows} | {tally.spoken} | {tally.relayed} | {tally.answers} | {shares} |"


def measure() -> dict[str, Tally]:
    """All rows, provider by provider."""
    found: dict[str, Tally] = defaultdict(Tally)
    for row in rows():
        found[row.provider].add(row)
    return dict(found)


if __name__ == "__main__":
    if not CORPUS.exists():
        sys.exit("the recorded traffic (../shared/corpus) is not here")
    PAGE.write_text(page(measure()))
    print(PAGE)
