"""What a simulated model answers. A function of the model, the request and the seed: same question, same answer, right or wrong."""

import base64
import binascii
import re
import struct
from typing import Any

import msgspec

from turnout.sim import cases
from turnout.sim.judge import judged
from turnout.sim.profile import SimModel, draw
from turnout.sim.schema import Instance
from turnout.sim.stats import Topic
from turnout.sim.tokens import clip, count, count_message, count_tools
from turnout.types.models import Feature, Modality, names
from turnout.types.reply import Choice, Finish, Usage
from turnout.types.request import Media, Reasoning, Request, Text, Tool, ToolCall, ToolResult
from turnout.types.traits import Band

THINKING = {"simple": 60, "moderate": 180, "high": 420}
MUSING = "Let me look at what is asked and check it step by step. "


class Thought(msgspec.Struct, frozen=True):
    """One answer and its bill. ``usage`` counts hidden thinking too."""

    choice: Choice
    usage: Usage
    topic: Topic


def think(name: str, model: SimModel, request: Request, *, seed: int, factor: float = 1.0, cached: int = 0) -> Thought:
    """Answer. ``name`` is ``provider/model``, ``factor`` scales the chance of being right, ``cached`` input tokens were read before."""
    prompt = _last_user(request)
    verdict = judged(name, model, _system(request), prompt, seed=seed)
    known = cases.find(prompt) if verdict is None else None
    topic = _topic(name, model, known, seed=seed, factor=factor)
    thinking = _thinking(model, request, topic.band)
    calls = _calls(model, request, prompt, seed)
    said: tuple[Text | Reasoning | ToolCall, ...]
    finish: Finish
    stopped: str | None = None
    if calls:
        said, finish = calls, "tool_calls"
    else:
        text = verdict or _text(request, prompt, known, topic, seed)
        text, finish, stopped = _bounded(text, request, thinking)
        said = (Text(text),) if text else ()
    written = sum(count(part.text if isinstance(part, Text) else part.name + part.arguments) for part in said)
    if thinking and request.reasoning is not None:
        musing = clip(MUSING * (thinking * 4 // len(MUSING) + 1), thinking)
        said = (Reasoning(musing, signature=f"sim-{int(draw(seed, name, musing) * 1e12):x}"), *said)
    read = sum(map(count_message, request.messages)) + count_tools(request)
    usage = Usage(input=read - cached, cache_read=cached, output=written * (request.n or 1), reasoning=thinking)
    return Thought(Choice(said, finish, stopped), usage, topic)


def unfit(model: SimModel, features: int, brought: int) -> str | None:
    """What a request needs that this model has not (:class:`Feature` and :class:`Modality` bits), in words; a router should never ask for it."""
    if missing := Modality(brought & ~model.input):
        return f"{model.id} does not accept this kind of input: {', '.join(names(missing))}"
    if missing_features := Feature(features & ~model.features & ~Feature.STREAMING):
        return f"{model.id} does not support: {', '.join(names(missing_features))}"
    return None


def _topic(name: str, model: SimModel, known: cases.Case | None, *, seed: int, factor: float) -> Topic:
    if known is None:
        return Topic("other", "moderate", None)
    right = draw(seed, name, known.task, known.id) < model.chance(known.task, known.band) * factor
    return Topic(known.task, known.band, right)


def _system(request: Request) -> str:
    return " ".join(
        part.text for message in request.messages if message.role == "system" for part in message.parts if isinstance(part, Text)
    )


def _last_user(request: Request) -> str:
    for message in reversed(request.messages):
        text = " ".join(part.text for part in message.parts if isinstance(part, Text))
        if message.role == "user" and text:
            return text
    return ""


def _thinking(model: SimModel, request: Request, band: Band) -> int:
    """Tokens of thinking; more for harder questions, within the caller's budget."""
    wish = request.reasoning
    if not (model.thinks or (wish and model.features & Feature.REASONING)) or (wish and not wish.enabled):
        return 0
    tokens = THINKING[band]
    if wish and wish.effort:
        tokens = {"none": 0, "minimal": 20, "low": tokens // 2, "high": tokens * 2, "xhigh": tokens * 3}.get(wish.effort, tokens)
    return min(tokens, wish.budget_tokens) if wish and wish.budget_tokens else tokens


# Words.


def _text(request: Request, prompt: str, known: cases.Case | None, topic: Topic, seed: int) -> str:
    results = _tool_results(request)
    if results and known is None:
        return f"According to the tools: {results}"
    answer = _known_text(known, topic) or _free_text(request, prompt, seed)
    wanted = request.response_format
    if wanted is None or wanted.kind == "text":
        return answer
    if wanted.kind == "json_object" or wanted.schema is None:
        return answer if _object_of(answer) is not None else _json({"answer": answer})
    fields = Instance(msgspec.json.decode(wanted.schema), prompt, _names_in(prompt)).build()
    if isinstance(fields, dict) and (own := _object_of(answer)):
        fields |= {key: value for key, value in own.items() if key in fields}
    return _json(fields)


def _known_text(known: cases.Case | None, topic: Topic) -> str | None:
    return None if known is None else known.right if topic.right else known.wrong


def _free_text(request: Request, prompt: str, seed: int) -> str:
    """A question nobody prepared: say something of a plausible length."""
    if seen := [describe(part) for message in request.messages for part in message.parts if isinstance(part, Media)]:
        return " ".join(seen)
    words = re.findall(r"\w+", prompt[:400])[:12] or ["nothing"]
    length = 2 + int(draw(seed, "length", prompt[:400]) * 8)
    return f"About {' '.join(words[:4])}: " + " ".join(
        f"{word.capitalize()} matters here, and it leads to the next point." for word in (words * 8)[:length]
    )


def _bounded(text: str, request: Request, thinking: int) -> tuple[str, Finish, str | None]:
    """Cut at the first stop sequence and at the output limit, thinking included."""
    stopped: str | None = None
    for stop in request.stop:
        at = text.find(stop) if stop else -1
        if at >= 0:
            text, stopped = text[:at], stop
    if request.max_output is not None and thinking + count(text) > request.max_output:
        return clip(text, request.max_output - thinking), "length", None
    return text, "stop", stopped


def describe(media: Media) -> str:
    """Type and size of an image or file, as far as it can be read."""
    if media.data is None:
        return f"The {media.kind} is at {media.url}."
    try:
        data = base64.b64decode(media.data, validate=True)
    except binascii.Error:
        return f"The {media.kind} could not be read."
    size = f"{len(data)} bytes"
    if data.startswith(b"\x89PNG") and len(data) >= 24:
        size = "{}x{} pixels, ".format(*struct.unpack(">II", data[16:24])) + size
    return f"The {media.kind} is {media.media_type or 'of unknown type'}, {size}."


# Tools.


def _calls(model: SimModel, request: Request, prompt: str, seed: int) -> tuple[ToolCall, ...]:
    choice = request.tool_choice
    if not request.tools or (choice and choice.mode == "none") or (_answered(request) and not (choice and choice.mode == "tool")):
        return ()
    named = [tool for tool in request.tools if _mentions(prompt, tool)]
    if choice and choice.mode == "tool":
        named = [tool for tool in request.tools if tool.name == choice.name]
    elif choice and choice.mode == "required":
        named = named or [request.tools[0]]
    if len(named) == 1 and re.search(r"\b(parallel|both|each)\b", prompt, re.IGNORECASE):
        named *= 2
    if request.parallel_tools is False or not model.features & Feature.PARALLEL_TOOLS:
        named = named[:1]
    return tuple(_call(tool, slot, prompt, seed) for slot, tool in enumerate(named))


def _call(tool: Tool, slot: int, prompt: str, seed: int) -> ToolCall:
    names = _names_in(prompt)
    turned = names[slot % len(names) :] + names[: slot % len(names)] if names else ()
    fields = Instance(msgspec.json.decode(tool.schema), f"{seed}-{prompt[-200:]}-{slot}", turned[:1] or ()).build()
    return ToolCall(f"call_{int(draw(seed, prompt, tool.name, slot) * 2**52):013x}", tool.name, _json(fields or {}))


def _mentions(prompt: str, tool: Tool) -> bool:
    return re.search(rf"\b{re.escape(tool.name).replace('_', '[_ ]')}\b", prompt, re.IGNORECASE) is not None


def _answered(request: Request) -> bool:
    last = request.messages[-1] if request.messages else None
    return last is not None and any(isinstance(part, ToolResult) for part in last.parts)


def _tool_results(request: Request) -> str:
    """What the tools said since the last answer, briefly."""
    found: list[str] = []
    for message in reversed(request.messages):
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        if not results:
            break
        found[:0] = [" ".join(part.text for part in result.parts if isinstance(part, Text))[:200] for result in results]
    return "; ".join(found)


def _names_in(prompt: str) -> tuple[str, ...]:
    """Capitalised words inside sentences: what a caller most likely wants as arguments."""
    return tuple(dict.fromkeys(re.findall(r"(?<=[a-z,] )[A-Z][a-z]{2,}", prompt[:2000])))


def _object_of(text: str) -> dict[str, Any] | None:
    try:
        decoded = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return decoded if isinstance(decoded, dict) else None


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
