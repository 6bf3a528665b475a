"""How much room is left: of one credential, whatever the model, or of one model behind it. `turnout.live` has the rules."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from turnout.live import buckets, concurrency
from turnout.live.ratelimit_headers import read_told
from turnout.types.health import Limit
from turnout.types.policy import Credential
from turnout.types.reply import Usage
from turnout.types.resilience import QuotaRules

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds without calls after a refusal that names no time; doubled with each that follows."""

LONGEST_TOLD = 600.0
"""Seconds for which a provider's own word is taken, before one call asks again: some name the end of the day."""

FEW = 2
"""Calls at once that no refusal is put down to: then it was their number per minute."""

FULL = 0.05
"""Seconds until who found no free place may ask again: places become free without notice."""


class Need(msgspec.Struct, frozen=True):
    """What a request asks room for: the tokens it is expected to read and write."""

    stream: bool
    read: int = 0
    written: int = 0

    @property
    def claim(self) -> buckets.Claim:
        return buckets.Claim(self.read, self.written)


class Room:
    """``limits`` are the policy's for this credential, of which this worker has its part; None: only what the provider tells counts.

    With ``shadow`` rules everything is counted and nobody held back. ``held_back`` counts those who were, or would have been.
    """

    __slots__ = ("_crowd", "_in_row", "_paused_until", "_quota", "_rules", "held_back")

    def __init__(self, limits: Credential | None, rules: QuotaRules, workers: int) -> None:
        if rules.concurrency is not None:
            rules = replace(rules, concurrency=max(1, rules.concurrency // workers))
        self._rules = rules
        self._quota = buckets.UNLIMITED
        if limits is not None and (limits.rpm or limits.tpm or limits.input_tpm or limits.output_tpm):
            parts = (limits.rpm, limits.tpm, limits.input_tpm, limits.output_tpm)
            rpm, tpm, read, written = (limit / workers if limit else None for limit in parts)
            self._quota = buckets.configured(0.0, rpm=rpm, tpm=tpm, input_tpm=read, output_tpm=written)
        self._crowd = concurrency.Concurrency()
        self._paused_until = 0.0
        self._in_row = 0
        self.held_back = 0

    def is_boundless(self, now: float) -> bool:
        """Nobody needs to ask."""
        return (
            self._quota is buckets.UNLIMITED
            and now >= self._paused_until
            and concurrency.limit(self._crowd, self._rules, now) is None
        )

    def ready(self, now: float, need: Need, in_flight: int) -> float:
        """When there is room for this; ``now``, or before, if there is. ``in_flight`` are the calls under way."""
        ready = max(self._paused_until, now + buckets.wait_for(self._quota, need.claim, now))
        if not concurrency.has_room(self._crowd, self._rules, now, in_flight):
            ready = max(ready, now + FULL)
        if ready <= now:
            return now
        self.held_back += 1
        return now if self._rules.shadow else ready

    def left(self, now: float) -> dict[str, Limit]:
        """Of what is known to be limited per minute: requests, tokens, and tokens of either way."""
        known = {name: getattr(self._quota, name) for name in self._quota.__struct_fields__}
        return {
            name: Limit(bucket.capacity, round(buckets.level(bucket, now), 1))
            for name, bucket in known.items()
            if bucket is not None and (bucket.told_at is None or now - bucket.told_at <= buckets.BELIEVED)
        }

    def at_once(self, now: float) -> int | None:
        """Calls it is believed to bear at once; None: nobody knows of a limit."""
        return concurrency.limit(self._crowd, self._rules, now)

    @property
    def paused_until(self) -> float:
        """Steady second until which the provider wants no calls, as far as it said so or was guessed; past: it takes them."""
        return self._paused_until

    def take(self, now: float, need: Need) -> None:
        """Set it aside."""
        self._quota = buckets.reserve(self._quota, need.claim, now)

    def settle(self, now: float, need: Need, usage: Usage | None) -> None:
        """What it came to; unknown usage stays at what was expected."""
        if usage is not None and usage.complete:
            self._quota = buckets.settle(self._quota, need.claim, buckets.Claim(usage.total_input, usage.total_output), now)

    def served(self, now: float, in_flight: int) -> None:
        """It bore one more; ``in_flight`` with this one."""
        self._in_row = 0
        self._crowd = concurrency.succeeded(self._crowd, now, in_flight)

    def refused(self, now: float, retry_after: float | None, in_flight: int) -> None:
        """429, 529: it has no room for this many, and says when to come back, or not."""
        self._in_row += 1
        pause = (
            min(retry_after, LONGEST_TOLD)
            if retry_after is not None
            else min(FIRST_PAUSE * 2.0 ** min(self._in_row - 1, 10), LONGEST_PAUSE)
        )
        self._paused_until = max(self._paused_until, now + pause)
        if in_flight > FEW:
            self._crowd = concurrency.refused(self._crowd, now, in_flight)

    def hear(self, headers: Sequence[tuple[bytes, bytes]], now: float, unix: float) -> None:
        """What an answer's headers say is left."""
        told = read_told(headers, unix)
        if told is not None:
            self._quota = buckets.learn(self._quota, told, now)
