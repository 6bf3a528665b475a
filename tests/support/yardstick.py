"""What real providers counted: the recorded chat-completions and messages exchanges whose reply states its usage."""

import gzip
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.shared_data import SHARED
from turnout.dialects.dialect import Dialect
from turnout.dialects.registry import DIALECTS
from turnout.errors import ProviderFault, TurnoutError
from turnout.types.models import Modality
from turnout.types.reply import Usage
from turnout.types.traits import Sketch

CORPUS = SHARED / "corpus"
ENDPOINTS = {"chat.completions": "openai-chat", "messages": "anthropic-messages"}
CJK_SHARE = 0.2
MARKS_OF_CODE = ("```", "def ", "import ", "function ", "</")
# Products that search or call models before they answer, and bill what they read then.
SERVER_SIDE_MODELS = ("compound",)
SERVER_SIDE_FIELDS = ("mcp_servers", "web_search_options", "plugins", "container", "search_parameters")


class Counted(NamedTuple):
    """One recorded exchange. ``kind``: prose, code, cjk; tools; images; media; server_side (what was read is not in the request)."""

    id: str
    model: str
    kind: str
    sketch: Sketch
    input: int
    output: int


def counted() -> Iterator[Counted]:
    """Every row that can serve as a yardstick; nothing when the corpus is not there."""
    for path in sorted(CORPUS.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row["endpoint"] in ENDPOINTS and row["request"] and row["response"]["status"] == 200:
                    yield from _counted(row)


def _counted(row: dict[str, Any]) -> Iterator[Counted]:
    body = row["request"].get("body")
    if not isinstance(body, dict):
        return
    dialect = DIALECTS[ENDPOINTS[row["endpoint"]]]
    try:
        usage, sketch = _usage(dialect, body, row["response"]["body"])
    except (TurnoutError, ProviderFault):
        return
    if usage is not None and usage.total_input:
        yield Counted(row["id"], body.get("model", ""), _kind(body, sketch), sketch, usage.total_input, usage.total_output)


def _usage(dialect: Dialect, request: dict[str, Any], response: str) -> tuple[Usage | None, Sketch]:
    asked = dialect.ask(json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode())
    delivery = dialect.relay_reply(asked)
    delivery.feed(response.encode())
    delivery.end()
    return delivery.seen.usage, asked.sketch


def _kind(body: dict[str, Any], sketch: Sketch) -> str:
    text = "".join(sketch.texts)
    if (
        any(name in body for name in SERVER_SIDE_FIELDS)
        or any(word in sketch.model for word in SERVER_SIDE_MODELS)
        or any(tool.get("type") not in {"function", "custom", None} for tool in body.get("tools") or ())
    ):
        return "server_side"
    if sketch.images:
        return "images"
    if sketch.input != int(Modality.TEXT):
        return "media"
    if sketch.tool_bytes:
        return "tools"
    if sum(char >= "\u2e80" for char in text) > CJK_SHARE * len(text):
        return "cjk"
    return "code" if any(mark in text for mark in MARKS_OF_CODE) else "prose"
