"""Request and token rates of one model at one provider: leaky allowances that answer with a true wait."""

import msgspec


class Refused(msgspec.Struct, frozen=True):
    """``wait`` seconds until there is room; ``what`` ran out: ``requests`` or ``tokens``."""

    what: str
    wait: float


class Allowance:
    """``per_minute`` units, refilled evenly, at most one minute's worth saved up. Times in seconds on the caller's clock."""

    def __init__(self, per_minute: int, now: float) -> None:
        self.per_minute = per_minute
        self._left = float(per_minute)
        self._at = now

    def left(self, now: float) -> float:
        """Units left; negative after an overdraft (tokens are only known once they are written)."""
        self._left = min(self.per_minute, self._left + (now - self._at) * self.per_minute / 60)
        self._at = now
        return self._left

    def take(self, units: float, now: float) -> None:
        self._left = self.left(now) - units

    def wait(self, units: float, now: float) -> float:
        """Seconds until ``units`` fit."""
        return max(0.0, (units - self.left(now)) * 60 / self.per_minute)


class Limits:
    """A model's RPM and TPM; either may be None, for no limit."""

    def __init__(self, rpm: int | None, tpm: int | None, now: float) -> None:
        self._requests = Allowance(rpm, now) if rpm else None
        self._tokens = Allowance(tpm, now) if tpm else None

    def admit(self, tokens: int, now: float) -> Refused | None:
        """Take one request of about ``tokens`` input tokens, or say why not."""
        if self._requests and (wait := self._requests.wait(1, now)):
            return Refused("requests", wait)
        if self._tokens and (wait := self._tokens.wait(min(tokens, self._tokens.per_minute), now)):
            return Refused("tokens", wait)
        if self._requests:
            self._requests.take(1, now)
        if self._tokens:
            self._tokens.take(tokens, now)
        return None

    def wrote(self, tokens: int, now: float) -> None:
        """Count output tokens after the fact."""
        if self._tokens:
            self._tokens.take(tokens, now)

    def headers(self, dialect: str, now: float) -> list[tuple[str, str]]:
        """What the vendor of this dialect tells its clients."""
        found: list[tuple[str, str]] = []
        for what, allowance in (("requests", self._requests), ("tokens", self._tokens)):
            if allowance is None:
                continue
            pattern = "anthropic-ratelimit-{what}-{part}" if dialect == "anthropic-messages" else "x-ratelimit-{part}-{what}"
            left = max(0, int(allowance.left(now)))
            found.append((pattern.format(what=what, part="limit"), str(allowance.per_minute)))
            found.append((pattern.format(what=what, part="remaining"), str(left)))
        return found
