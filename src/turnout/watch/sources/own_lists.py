"""What providers list themselves: the freshest word on what there is and what ends. None of them names a price.

Four shapes: OpenAI's (names and days, which most others copy), Anthropic's, Gemini's and Mistral's.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from turnout.types.models import Modality
from turnout.watch.sheet import Claims, Sheet, Stated, Unreadable
from turnout.watch.sources.capabilities import features
from turnout.watch.sources.shape import (
    Collector,
    Entry,
    answers_in_text,
    day,
    decoded,
    flag,
    part,
    table,
    tokens,
    words,
)

_ANTHROPIC = {"json_schema": "structured_outputs", "reasoning": "thinking"}


def fits(value: Any) -> bool:
    return _shape(value) is not None


def read(data: bytes, vendor: str | None = None) -> Sheet:
    """``vendor`` is whose list it is; the shapes of Anthropic, Gemini and Mistral say so themselves. Raises Unreadable."""
    value = decoded(data)
    shape = _shape(value)
    if shape is None:
        raise Unreadable("it is no provider's list of models")
    key, home, model = shape
    whose = vendor or home
    if whose is None:
        raise Unreadable("it does not say whose list it is; name the source as vendor:NAME")
    found = Collector(f"vendor:{whose}")
    for entry in value[key]:
        name = entry.get("name" if key == "models" else "id") if isinstance(entry, dict) else None
        bare = name.removeprefix("models/") if isinstance(name, str) else name
        found.take(whose, bare, partial(_one, bare, entry, whose, model))
    return found.sheet(own=whose)


def _one(name: object, value: object, vendor: str, model: Callable[[Entry, str], Stated | None]) -> Stated | None:
    return model(table(value), vendor) if answers_in_text(str(name)) else None


def _shape(value: Any) -> tuple[str, str | None, Callable[[Entry, str], Stated | None]] | None:
    """The key of the list, the vendor whose shape it is, the reader of an entry."""
    if not isinstance(value, dict):
        return None
    if _has(value.get("models"), {"name", "supportedGenerationMethods"}):
        return "models", "gemini", _gemini
    listed = value.get("data")
    if _has(listed, {"id", "capabilities", "max_context_length"}):
        return "data", "mistral", _mistral
    if _has(listed, {"id", "display_name", "created_at"}):
        return "data", "anthropic", _anthropic
    return ("data", None, _openai) if _has(listed, {"id"}) else None


def _has(listed: object, keys: set[str]) -> bool:
    return isinstance(listed, list) and any(isinstance(each, dict) and keys <= each.keys() for each in listed)


def _openai(entry: Entry, vendor: str) -> Stated:  # noqa: ARG001  the readers of the four shapes are called alike
    return Stated(released=day(entry, "created"))


def _anthropic(entry: Entry, vendor: str) -> Stated:  # noqa: ARG001  see above
    able = part(entry, "capabilities")
    said = {ours: _supported(able, theirs) for ours, theirs in _ANTHROPIC.items()}
    kinds = {Modality.IMAGE: _supported(able, "image_input"), Modality.DOCUMENT: _supported(able, "pdf_input")}
    return Stated(
        max_input=tokens(entry, "max_input_tokens"),
        max_output=tokens(entry, "max_tokens"),
        input=Claims(
            int(Modality.TEXT) | sum(int(kind) for kind, can in kinds.items() if can),
            sum(int(kind) for kind, can in kinds.items() if can is False),
        ),
        features=features(said),
        released=day(entry, "created_at"),
        retires=day(entry, "retires_at") or day(entry, "retirement_date"),
        deprecated=entry.get("lifecycle") == "deprecated",
        retired=entry.get("lifecycle") == "retired",
    )


def _supported(able: Entry, name: str) -> bool | None:
    """A capability is a table that says ``supported``, or the bare word."""
    value = able.get(name)
    return flag(value, "supported") if isinstance(value, dict) else flag(able, name)


def _gemini(entry: Entry, vendor: str) -> Stated | None:  # noqa: ARG001  see above
    if "generateContent" not in words(entry, "supportedGenerationMethods"):
        return None
    return Stated(
        max_input=tokens(entry, "inputTokenLimit"),
        max_output=tokens(entry, "outputTokenLimit"),
        features=features({"reasoning": flag(entry, "thinking")}),
    )


def _mistral(entry: Entry, vendor: str) -> Stated | None:
    able = part(entry, "capabilities")
    if flag(able, "completion_chat") is False:
        return None
    image = flag(able, "vision")
    retires, name = day(entry, "deprecation"), entry.get("name")
    return Stated(
        context=tokens(entry, "max_context_length"),
        input=Claims(int(Modality.TEXT) | (int(Modality.IMAGE) if image else 0), int(Modality.IMAGE) if image is False else 0),
        features=features({"tools": flag(able, "function_calling"), "reasoning": flag(able, "reasoning")}),
        retires=retires,  # `created` is the moment of the answer, and says nothing
        deprecated=retires is not None,
        stands_for=f"{vendor}/{name}" if isinstance(name, str) and name and name != entry["id"] and len(name) < 200 else None,
    )
