"""Which traces are kept. Pure; metrics and cost are never sampled."""

from typing import Literal

import msgspec

Root = Literal["all", "none", "ratio"]

SAMPLERS: dict[str, tuple[Root, bool]] = {
    "always_on": ("all", False),
    "always_off": ("none", False),
    "traceidratio": ("ratio", False),
    "parentbased_always_on": ("all", True),
    "parentbased_always_off": ("none", True),
    "parentbased_traceidratio": ("ratio", True),
}
"""Value of OTEL_TRACES_SAMPLER -> what is done with a trace that begins here, and whether a caller's own choice goes before it."""

_LOW_BITS = 2**64


class Sampler(msgspec.Struct, frozen=True):
    """``ratio`` 0..1 counts for root ``ratio`` only."""

    root: Root = "all"
    asks_parent: bool = True
    ratio: float = 1.0

    def keeps(self, trace_id: int, *, parent_sampled: bool | None, failed: bool) -> bool:
        """``parent_sampled`` None: the trace begins here.

        A ratio thins out what went well: a trace that begins here and ``failed`` is always kept, so that each failure can be looked at.
        The rule for the rest is OpenTelemetry's own, on the low 64 bits of the trace's id, so that services agree on a trace.
        """
        if self.asks_parent and parent_sampled is not None:
            return parent_sampled
        if self.root == "ratio":
            return (failed and parent_sampled is None) or trace_id % _LOW_BITS < round(self.ratio * _LOW_BITS)
        return self.root == "all"
