"""Priors for what no source measured on equal terms: skills and latency. They are guesses by rule, and marked as such.

Skills, method ``class-2026``. An index from public facts that go with ability, on the 0..10 scale:

    index = 3.2 + 1.35 * log10(blended price / $0.05) + 0.75 * (release year - 2024.0) + 0.6 * (is a reasoning model)

blended price is 3:1 input:output per million tokens, held to $0.03..$30. Models with open weights are one model wherever
they run: the geometric mean of the price over the picked hosts, the earliest release date. A model of unknown release date that
models.dev (July 2026) did not know yet counts as of September 2026. Skills are lines through the index (SKILLS below):
extraction and writing fall off slower for small models, math and reasoning need a reasoning model, a model sold for code gains there.
Method ``class-2026+benchmarks``: coding is the mean of that and of the public coding benchmarks that models.dev quotes, each mapped
linearly (BENCHMARKS below). Every figure is held to 1..9.5: no prior may claim certainty at either end.

Latency, method ``class-2026``: output speed by price class (cheap is small is fast) and by host; first token by class; a model that
thinks unasked adds 500 tokens of thinking. The typical request is 300 tokens of answer; p95 is 2.2 times the median.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

# skill: (constant, share of the index, taken off a model that does not reason)
SKILLS: dict[str, tuple[float, float, float]] = {
    "reasoning": (-0.1, 1.0, 0.7),
    "coding": (-0.3, 1.0, 0.2),
    "writing": (2.0, 0.75, 0.0),
    "extraction": (3.6, 0.62, 0.0),
    "math": (-0.1, 1.0, 0.9),
    "tools": (-0.2, 1.0, 0.2),
    "multilingual": (2.2, 0.72, 0.0),
}
CODE_BONUS = 0.8
CODE_MODEL = re.compile(r"cod(e|er|ex|estral)\b|code-|devstral|grok-build", re.IGNORECASE)
# benchmark: (score that maps to 3, score that maps to 9)
BENCHMARKS: dict[str, tuple[float, float]] = {
    "SWE-Bench Verified": (20, 85),
    "Aider Polyglot": (10, 92),
    "Artificial Analysis Coding Index": (10, 60),
}
UNSEEN_RELEASE = date(2026, 9, 1)
FLOOR, CEILING = 1.0, 9.5
ANSWER_TOKENS, THINKING_TOKENS, TAIL = 300, 500, 2.2
FAST_HOSTS = {"groq": (420.0, 180.0)}
# blended USD per million below which a model is of this class: (tokens/s, ms to first token)
SPEED_CLASSES = ((0.3, 150.0, 350.0), (1.0, 110.0, 450.0), (4.0, 80.0, 650.0), (10.0, 60.0, 900.0), (math.inf, 42.0, 1300.0))


@dataclass(frozen=True)
class Known:
    """What the priors of one model rest on. ``price`` is the blended one in USD per million tokens, None when unknown."""

    vendor: str
    model: str
    price: float | None
    released: date | None
    reasoning: bool
    tools: bool | None
    thinks: bool


def blended(prices: Mapping[str, Decimal]) -> float:
    """3:1 input:output, USD per million tokens."""
    return float((3 * prices["input"] + prices["output"]) / 4)


def skills(known: Known, family: Iterable[Known], benchmarks: Iterable[Mapping[str, Any]]) -> tuple[dict[str, float], str]:
    """Prior per skill and the method's name; nothing when no price is known, as the index rests on it."""
    family = list(family)
    prices = [member.price for member in family if member.price]
    if not prices:
        return {}, ""
    price = math.exp(sum(math.log(p) for p in prices) / len(prices))
    released = min((member.released for member in family if member.released), default=UNSEEN_RELEASE)
    reasoning = any(member.reasoning or member.thinks for member in family)
    index = 3.2 + 1.35 * math.log10(min(max(price, 0.03), 30.0) / 0.05) + 0.75 * (_year(released) - 2024.0) + 0.6 * reasoning
    found = {name: constant + share * index - (0.0 if reasoning else lost) for name, (constant, share, lost) in SKILLS.items()}
    if CODE_MODEL.search(known.model):
        found["coding"] += CODE_BONUS
    if known.tools is False:
        del found["tools"]
    measured = list(_scores(benchmarks))
    if measured:
        found["coding"] = (found["coding"] + sum(measured) / len(measured)) / 2
    method = "prior:class-2026" + ("+benchmarks" if measured else "")
    return {name: round(min(max(value, FLOOR), CEILING), 1) for name, value in found.items()}, method


def _year(day: date) -> float:
    return day.year + (day.timetuple().tm_yday - 1) / 365.25


def _scores(benchmarks: Iterable[Mapping[str, Any]]) -> Iterable[float]:
    """One score per benchmark: the best run quoted, as runs differ in harness and effort."""
    best: dict[str, float] = {}
    for run in benchmarks:
        if run["name"] in BENCHMARKS:
            best[run["name"]] = max(run["score"], best.get(run["name"], 0.0))
    for name, score in sorted(best.items()):
        low, high = BENCHMARKS[name]
        yield min(max(3 + 6 * (score - low) / (high - low), FLOOR), CEILING)


def latency(known: Known) -> dict[str, int]:
    """Milliseconds and tokens per second of the typical request; an unknown price counts as the middle class."""
    price = 2.0 if known.price is None else known.price
    speed, first = next((speed, first) for below, speed, first in SPEED_CLASSES if price < below)
    speed, first = FAST_HOSTS.get(known.vendor, (speed, first))
    thinking = THINKING_TOKENS / speed * 1000 if known.thinks else 0.0
    median = first + thinking + ANSWER_TOKENS / speed * 1000
    return {
        "p50_ms": _round(median),
        "p95_ms": _round(median * TAIL),
        "ttft_ms": _round(first + thinking),
        "tokens_per_s": round(speed),
    }


def _round(ms: float) -> int:
    return round(ms / 10) * 10
