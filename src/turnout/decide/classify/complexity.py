"""How hard a request is: 0..1, from features each of which can only push one way; and the band the number falls in."""

from math import exp

import msgspec

from turnout.decide.classify.scan import Found
from turnout.decide.classify.words import CONSTRAINT, EASE, EXPERT, REASONING
from turnout.types.traits import Band, Sketch

MODERATE, HIGH = 0.35, 0.65  # where the bands begin

# Where a task starts before anything else is known of the request.
START = {
    "agentic": 0.17,
    "analysis": 0.35,
    "classification": 0.1,
    "code_generation": 0.22,
    "conversation": 0.08,
    "creative_writing": 0.22,
    "customer_support": 0.12,
    "extraction": 0.12,
    "math": 0.22,
    "qa": 0.14,
    "summarization": 0.08,
    "translation": 0.08,
}
START_OF_UNKNOWN = MODERATE  # unknown is never treated as simple

# Weights, and the amount at which about two thirds of a feature's weight are reached. Fitted on the tuned half of tests/data/prompts.jsonl.
MESSAGE = (0.34, 240)  # characters of the last user message
CONVERSATION = (0.15, 20_000)  # input tokens in all
REASONING_WORDS = (0.13, 3)
EXPERT_WORDS = (0.36, 3)
CONSTRAINT_WORDS = (0.07, 4)
COMMAS = (0.16, 6)  # enumerated demands
TOOLS = (0.13, 3)
TURNS = (0.05, 20)
EASE_WORDS = (-0.03, 2)

TOO_LITTLE = 48  # characters: shorter, without a task or a telling word, says nothing


class Complexity(msgspec.Struct, frozen=True, gc=False):
    """``value`` and ``band`` are None together: too little to go by."""

    value: float | None
    band: Band | None
    source: str


def infer_complexity(sketch: Sketch, found: Found, task: str | None, tokens: int) -> Complexity:
    """Start of the task plus what each feature adds."""
    user, score = sketch.last_user, found.scores.get
    if task is None and len(user) < TOO_LITTLE and not (score(REASONING) or score(EXPERT)):
        return Complexity(None, None, "none")
    value = largest = START_OF_UNKNOWN if task is None else START.get(task, START_OF_UNKNOWN)
    source = "task"
    for part, name in (
        (_part(MESSAGE, len(user)) + _part(CONVERSATION, tokens), "length"),
        (_part(REASONING_WORDS, score(REASONING)), "words:reasoning"),
        (_part(EXPERT_WORDS, score(EXPERT)), "words:expert"),
        (_part(CONSTRAINT_WORDS, score(CONSTRAINT)) + _part(COMMAS, user.count(",")), "words:constraints"),
        (_part(TOOLS, sketch.tools), "tools"),
        (_part(TURNS, sketch.turns), "turns"),
        (_part(EASE_WORDS, score(EASE)), "words:ease"),
    ):
        value += part
        if part > largest:
            largest, source = part, name
    value = min(1.0, round(value * 1000) / 1000)  # to three places; quicker than round(value, 3)
    return Complexity(value, band_of(value), source)


def band_of(value: float) -> Band:
    return "simple" if value < MODERATE else "moderate" if value < HIGH else "high"


def _part(feature: tuple[float, float], amount: float | None) -> float:
    if not amount:
        return 0.0
    weight, scale = feature
    return weight * (1.0 - exp(-amount / scale))
