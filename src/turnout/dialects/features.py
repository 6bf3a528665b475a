"""What a dialect can carry of a conversation that began in another one, as data. Pure: deciding imports it.

A sketch's ``carries`` holds a name for each thing that not every dialect has a place for. A name that the other dialect
carries costs nothing; a *hint* may be left out, and the answer says so (``x-turnout-warnings``); anything else would change
what was asked for, so it makes the candidate a rejection (``lossy``). ``field:PATH`` is a field this program does not know.
"""

from collections.abc import Mapping

CARRIES: Mapping[str, frozenset[str]] = {
    "openai-chat": frozenset({
        "audio", "file_reference", "functions", "image_detail", "json_mode", "late_system", "late_tool_reasoning", "logprobs",
        "loose_json_schema", "media_output", "message_name", "metadata", "n", "penalties", "reasoning_small_output",
        "reasoning_temperature", "reasoning_text", "reasoning_tool_choice", "refusal", "seed", "temperature_over_1",
        "trailing_assistant", "unnamed_tool_call", "video", "whitespace_stop",
    }),
    "anthropic-messages": frozenset({
        "cache_control", "citations", "document_context", "document_url", "many_stops", "prefill", "reasoning_budget",
        "reasoning_display", "reasoning_off", "reasoning_signature", "stop_sequence", "tool_error", "tool_result_media", "top_k",
    }),
}  # fmt: skip
"""Names a dialect has a place for, beside what every dialect has: text, images, PDF documents, tools, JSON schema, stop, usage ..."""

HINTS: frozenset[str] = frozenset({
    "cache_control",  # a cache breakpoint: changes the price, never the answer
    "image_detail",
    "late_tool_reasoning",  # thinking is off for the rest of a tool loop whose earlier thinking the client does not hold
    "loose_json_schema",  # the schema is held strictly although only best effort was asked for
    "metadata",
    "reasoning_budget",  # a token budget becomes the nearest effort word
    "reasoning_display",
    "reasoning_off",  # the other dialect has no word for it that every model takes
    "refusal",  # an earlier refusal is told as plain text
    "stop_sequence",  # the answer ends where it should, but which sequence ended it is not said
    "tool_error",  # is_error has no place; the result's own words stay
    "field:anthropic-beta",  # headers: a beta that changes the answer shows in the body too, by a field or a tool's type
    "field:openai-beta",
    "field:prediction",
    "field:prompt_cache_key",
    "field:prompt_cache_options",
    "field:prompt_cache_retention",
    "field:safety_identifier",
    "field:service_tier",
    "field:store",
    "field:usage",  # OpenRouter's switch for cost figures
    "field:messages.content.prompt_cache_breakpoint",
})  # fmt: skip
"""What may be left out with a word about it: it bears on price, speed or book-keeping, not on what the answer says."""

_NONE: frozenset[str] = frozenset()


def lossy(carries: frozenset[str], front: str, back: str) -> frozenset[str]:
    """What of the conversation ``back`` cannot carry: not empty makes the candidate a rejection."""
    if front == back or not carries:
        return _NONE
    return carries - CARRIES.get(back, _NONE) - HINTS


def changes(carries: frozenset[str], front: str, back: str) -> tuple[str, ...]:
    """What is left out on the way to ``back``, in the words of ``x-turnout-warnings``."""
    if front == back or not carries:
        return ()
    return tuple(sorted(name.removeprefix("field:") for name in (carries & HINTS) - CARRIES.get(back, _NONE)))
