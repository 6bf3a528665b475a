"""What was asked, outlined for classification: from a request body in a known dialect, read by that dialect."""

from typing import Any

import msgspec

from turnout.dialects.anthropic_messages import ask as anthropic
from turnout.dialects.anthropic_messages.usage import read_usage as anthropic_usage
from turnout.dialects.openai_chat import ask as openai
from turnout.dialects.openai_chat.usage import read_usage as openai_usage
from turnout.errors import TurnoutError
from turnout.reports.logs.fields import Bad, Row, count, details, inner
from turnout.types.reply import Usage
from turnout.types.traits import Sketch

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_FRONTS = (openai.ask, anthropic.ask)


def sketch(body: Row) -> Sketch | None:
    """Of a request body; None where there is none, or no dialect can read it."""
    messages = inner(body.get("messages"))
    if not isinstance(messages, list) or not messages:
        return None
    whole = _ENCODER.encode(
        {"model": "auto", **{name: value for name, value in body.items() if value is not None}, "messages": messages}
    )
    for front in _FRONTS:
        try:
            return front(whole).sketch
        except TurnoutError:
            continue
    return None


def conversation(asked: Any, model: str) -> Sketch | None:
    """Of whatever a tracer kept as the input: a body, messages, or a text."""
    found = inner(asked)
    if isinstance(found, dict):
        if "messages" not in found and "role" in found and "content" in found:
            found = {"messages": [found]}
        return sketch({"max_tokens": 4_096, **found, "model": model} if "system" in found else {**found, "model": model})
    if isinstance(found, str) and found.strip():
        found = [{"role": "user", "content": found}]
    return sketch({"model": model, "messages": found}) if isinstance(found, list) else None


def usage(value: Any) -> Usage | None:
    """A provider's usage object, taken apart as its dialect does. Raises Bad on figures that are none."""
    found = details(value, "usage")
    if not found:
        return None
    for name in ("prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens"):
        count(found.get(name), f"usage.{name}")
    raw = msgspec.Raw(_ENCODER.encode(found))
    if "prompt_tokens" not in found and "input_tokens" in found:
        return anthropic_usage(raw) if "input_tokens_details" not in found else _responses(found)
    return openai_usage(raw)


def _responses(found: Row) -> Usage | None:
    """OpenAI's Responses API has the same figures as Chat Completions under other names."""
    names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens", "input_tokens_details": "prompt_tokens_details",
             "output_tokens_details": "completion_tokens_details", "total_tokens": "total_tokens"}  # fmt: skip
    return openai_usage(msgspec.Raw(_ENCODER.encode({new: found[old] for old, new in names.items() if old in found})))


def counted(
    prompt: int | None,
    completion: int | None,
    *,
    cached: int | None = None,
    reasoning: int | None = None,
    total: int | None = None,
) -> Usage | None:
    """From plain counts, in which cached and thinking tokens are parts of the sums. Raises Bad where they contradict each other."""
    if prompt is None and completion is None:
        return None if total is None else Usage(input=total, complete=False)
    if total is not None and prompt is not None and completion is not None and total < prompt + completion:
        raise Bad(f"total tokens {total} are fewer than the {prompt} read and {completion} written")
    read, written = min(cached or 0, prompt or 0), min(reasoning or 0, completion or 0)
    return Usage(
        input=(prompt or 0) - read, cache_read=read, output=(completion or 0) - written, reasoning=written,
        complete=prompt is not None and completion is not None,
    )  # fmt: skip
