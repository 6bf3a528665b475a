"""Which answers of a route may be given again, and where they are kept."""

from typing import Literal

import msgspec

Match = Literal["exact", "similar"]
Age = Literal["fresh", "stale", "kept"]


class Caching(msgspec.Struct, frozen=True):
    """A route's cache, in seconds.

    An answer is fresh for ``ttl``, for ``stale`` more it is given while it is made anew, and for ``keep`` more it is there for a
    chain's end. ``threshold`` is how alike (0..1) two questions must be for ``match: similar``.
    """

    ttl: float = 3600.0
    stale: float = 0.0
    keep: float = 0.0
    match: Match = "exact"
    threshold: float = 0.9

    @property
    def lifetime(self) -> float:
        """Seconds after which an answer is of no use to anybody."""
        return self.ttl + self.stale + self.keep

    def age(self, seconds: float) -> Age | None:
        """What an answer made so long ago is good for; None: nothing. One from the future is of a clock that was set back: fresh."""
        if seconds < self.ttl:
            return "fresh"
        if seconds < self.ttl + self.stale:
            return "stale"
        return "kept" if seconds < self.lifetime else None


class CacheStore(msgspec.Struct, frozen=True):
    """Where answers are kept.

    ``memory`` (of each worker), ``sqlite`` (a file in the data directory, shared by its workers) or ``redis://...`` (shared by
    many replicas; its server bounds it). Sizes in bytes; ``timeout`` in seconds is what a call of a shared store may take.
    """

    url: str = "memory"
    max_bytes: int = 64_000_000
    max_entry: int = 1_000_000
    timeout: float = 0.05
