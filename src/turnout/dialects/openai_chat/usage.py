"""Chat Completions usage, taken apart into disjoint buckets. Vendors overlap their figures in different ways; the total tells which."""

from typing import Any

import msgspec

from turnout.dialects.body import Billed
from turnout.types.reply import Usage


class _Details(msgspec.Struct, gc=False):
    cached_tokens: Billed | None = None
    cache_write_tokens: Billed | None = None
    audio_tokens: Billed | None = None
    image_tokens: Billed | None = None
    reasoning_tokens: Billed | None = None


class _Wire(msgspec.Struct, gc=False):
    prompt_tokens: Billed | None = None
    completion_tokens: Billed | None = None
    total_tokens: Billed | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    prompt_cache_hit_tokens: Billed | None = None  # DeepSeek
    cached_tokens: Billed | None = None  # Moonshot
    num_cached_tokens: Billed | None = None  # Mistral
    cache_read_input_tokens: Billed | None = None  # Anthropic models behind a gateway
    cache_creation_input_tokens: Billed | None = None
    reasoning_tokens: Billed | None = None


_USAGE = msgspec.json.Decoder(_Wire | None, strict=False)
_NONE = _Details()


def read_usage(raw: msgspec.Raw) -> Usage | None:
    """None when nothing was reported; ``complete`` False when it was, but not in a way that can be trusted for a bill."""
    if not raw:
        return None
    try:
        wire = _USAGE.decode(raw)
    except msgspec.DecodeError:
        return Usage(complete=False)
    return _apart(wire) if wire is not None else None


def _apart(wire: _Wire) -> Usage:
    """The reading whose sum is the total.

    OpenAI counts cached, audio and thinking tokens inside its two sums. xAI leaves thinking out of ``completion_tokens``,
    Mistral leaves audio out of ``prompt_tokens``, Gemini leaves thinking out and unnamed: in each case ``total_tokens``
    is the sum that holds.
    """
    read, written = wire.prompt_tokens_details or _NONE, wire.completion_tokens_details or _NONE
    prompt, completion = wire.prompt_tokens or 0, wire.completion_tokens or 0
    cached = (
        read.cached_tokens or wire.prompt_cache_hit_tokens or wire.cached_tokens or wire.num_cached_tokens
        or wire.cache_read_input_tokens or 0
    )  # fmt: skip
    cache_write = read.cache_write_tokens or wire.cache_creation_input_tokens or 0
    audio_in, image_in = read.audio_tokens or 0, read.image_tokens or 0
    reasoning = written.reasoning_tokens or wire.reasoning_tokens or 0
    audio_out, image_out = written.audio_tokens or 0, written.image_tokens or 0
    gap = 0 if wire.total_tokens is None else wire.total_tokens - prompt - completion
    complete = wire.prompt_tokens is not None and wire.completion_tokens is not None

    if gap > 0 and audio_in and gap in {audio_in, audio_in + reasoning}:
        prompt += audio_in
        gap -= audio_in
    if gap > 0 and reasoning in {gap, 0}:
        completion, reasoning, gap = completion + gap, gap, 0
    elif gap == 0 and reasoning > completion:  # the part is larger than its sum: it was counted beside it, and the total is wrong
        completion += reasoning
        complete = False

    fresh = prompt - cached - cache_write - audio_in - image_in
    output = completion - reasoning - audio_out - image_out
    if fresh < 0 or output < 0:
        fresh, output, complete = max(fresh, 0), max(output, 0), False
    return Usage(
        input=fresh, cache_read=cached, cache_write=cache_write, input_audio=audio_in, input_image=image_in,
        output=output, reasoning=reasoning, output_audio=audio_out, output_image=image_out,
        complete=complete and gap == 0,
    )  # fmt: skip


def write_usage(usage: Usage) -> dict[str, Any]:
    """OpenAI's own way: details are parts of the sums."""
    prompt = {"cached_tokens": usage.cache_read, "audio_tokens": usage.input_audio}
    if written := usage.cache_write + usage.cache_write_1h:
        prompt["cache_write_tokens"] = written
    if usage.input_image:
        prompt["image_tokens"] = usage.input_image
    completion = {
        "reasoning_tokens": usage.reasoning,
        "audio_tokens": usage.output_audio,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    }
    if usage.output_image:
        completion["image_tokens"] = usage.output_image
    return {
        "prompt_tokens": usage.total_input,
        "completion_tokens": usage.total_output,
        "total_tokens": usage.total_input + usage.total_output,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": completion,
    }
