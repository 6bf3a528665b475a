"""Messages usage: ``input_tokens`` already leaves the cached ones out; thinking is part of ``output_tokens``.

In a stream the figures are cumulative over message_start and message_delta, and the later one holds.
"""

from typing import Any

import msgspec

from turnout.dialects.body import Billed, given
from turnout.types.reply import Usage


class CacheCreation(msgspec.Struct, gc=False):
    ephemeral_5m_input_tokens: Billed | None = None
    ephemeral_1h_input_tokens: Billed | None = None


class OutputDetails(msgspec.Struct, gc=False):
    thinking_tokens: Billed | None = None


class WireUsage(msgspec.Struct, gc=False):
    input_tokens: Billed | None = None
    output_tokens: Billed | None = None
    cache_creation_input_tokens: Billed | None = None
    cache_read_input_tokens: Billed | None = None
    cache_creation: CacheCreation | None = None
    output_tokens_details: OutputDetails | None = None


_USAGE = msgspec.json.Decoder(WireUsage | None, strict=False)


class Tally:
    """Usage as it comes in, piece by piece."""

    def __init__(self) -> None:
        self._known = WireUsage()
        self._readable = True

    def add(self, raw: msgspec.Raw) -> Usage | None:
        """The buckets with this piece taken in; None when it says nothing."""
        if not given(raw):
            return None
        try:
            wire = _USAGE.decode(raw)
        except msgspec.DecodeError:
            self._readable, wire = False, WireUsage()
        if wire is None:
            return None
        for name in WireUsage.__struct_fields__:
            value = getattr(wire, name)
            if value is not None:
                setattr(self._known, name, value)
        return self._buckets()

    def _buckets(self) -> Usage:
        wire = self._known
        written = wire.cache_creation_input_tokens or 0
        hourly = (wire.cache_creation.ephemeral_1h_input_tokens or 0) if wire.cache_creation is not None else 0
        thought = (wire.output_tokens_details.thinking_tokens or 0) if wire.output_tokens_details is not None else 0
        output = wire.output_tokens or 0
        known = wire.input_tokens is not None and wire.output_tokens is not None
        return Usage(
            input=wire.input_tokens or 0,
            cache_read=wire.cache_read_input_tokens or 0,
            cache_write=max(written - hourly, 0),
            cache_write_1h=hourly,
            output=max(output - thought, 0),
            reasoning=min(thought, output),
            complete=self._readable and known and hourly <= written and thought <= output,
        )


def read_usage(raw: msgspec.Raw) -> Usage | None:
    """Of a whole answer. ``complete`` False when the figures cannot be trusted for a bill."""
    return Tally().add(raw)


def write_usage(usage: Usage) -> dict[str, Any]:
    """Anthropic's own way: media tokens have no figures of their own there and count as text."""
    fields: dict[str, Any] = {
        "input_tokens": usage.input + usage.input_audio + usage.input_image,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.total_output,
        "service_tier": "standard",
    }
    if usage.reasoning:
        fields["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return fields
