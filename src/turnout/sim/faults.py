"""Scripted faults, as data: what goes wrong, for which model, and when. Choosing is a function of the script and the request."""

from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from turnout.sim.profile import draw

Kind = Literal[
    "rate_limited", "server_error", "unavailable", "overloaded", "denied", "missing", "slow_first_token", "stall", "cut", "truncated",
    "broken_json", "error_in_200", "reset", "wrong_usage", "no_usage", "quality_drop",
]  # fmt: skip
STATUS: dict[Kind, int] = {
    "rate_limited": 429, "server_error": 500, "unavailable": 503, "overloaded": 529, "denied": 401, "missing": 404,
}  # fmt: skip


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong.

    ``cut`` loses the connection, ``truncated`` ends the body properly but too early. ``after`` is how many content events
    come first (streams; a whole answer counts as one) and None means before the answer's headers; it matters to ``stall``,
    ``cut``, ``truncated``, ``broken_json``, ``error_in_200`` and ``reset``. ``seconds`` is the wait of ``stall`` and
    ``slow_first_token``, not scaled. ``retry_after`` (seconds) goes with the refusals. ``factor`` multiplies the
    probability of a right answer (``quality_drop``) or the figures (``wrong_usage``).
    """

    kind: Kind
    after: int | None = 0
    seconds: float = 3600.0
    retry_after: float | None = None
    factor: float = 0.5


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a fault strikes: ``model`` is a pattern (``sim-openai/*``), ``since``/``until`` seconds since the script was set.

    ``probability`` is decided by a hash of the request's number, ``count`` bounds how often the rule strikes at all.
    """

    fault: Fault
    model: str = "*"
    probability: float = 1.0
    since: float = 0.0
    until: float | None = None
    count: int | None = None


class Script:
    """The rules in force and how often each has struck."""

    def __init__(self, rules: tuple[Rule, ...] = (), *, seed: int = 0, now: float = 0.0) -> None:
        self._rules = rules
        self._seed = seed
        self._start = now
        self._struck = [0] * len(rules)

    def choose(self, model: str, serial: int, now: float) -> Fault | None:
        """The first rule that strikes this request; ``serial`` is the request's number, ``now`` on the clock the script was set by."""
        for i, rule in enumerate(self._rules):
            if self._applies(i, rule, model, serial, now - self._start):
                self._struck[i] += 1
                return rule.fault
        return None

    def _applies(self, i: int, rule: Rule, model: str, serial: int, elapsed: float) -> bool:
        in_time = rule.since <= elapsed and (rule.until is None or elapsed < rule.until)
        has_left = rule.count is None or self._struck[i] < rule.count
        return (
            in_time
            and has_left
            and fnmatchcase(model, rule.model)
            and (rule.probability >= 1 or draw(self._seed, "fault", i, model, serial) < rule.probability)
        )


def parse_rules(text: bytes | str) -> tuple[Rule, ...]:
    """A JSON list of rules. Raises msgspec.ValidationError naming the field at fault."""
    return msgspec.json.decode(text, type=tuple[Rule, ...])


def parse_header(value: str) -> Fault:
    """The header ``x-sim-fault``: ``stall;after=2;seconds=5``. Raises msgspec.ValidationError."""
    kind, *options = value.split(";")
    fields: dict[str, object] = {"kind": kind.strip()}
    for option in options:
        name, _, text = option.strip().partition("=")
        fields[name] = None if text == "none" else text
    return msgspec.convert(fields, Fault, strict=False)
