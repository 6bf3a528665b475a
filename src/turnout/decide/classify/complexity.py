"""How hard a request is: 0..1, from features each of which can only push one way; and the band the number falls in."""

from math import exp
from typing import NamedTuple

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


class Complexity(NamedTuple):
    """``value`` and ``band`` are None together: too little to go by."""

    value: float | None
    band: Band | None
    source: str


def infer_complexity(sketch: Sketch, found: Found, task: str | None, tokens: int) -> Complexity:
    """Start of the task plus what each feature adds."""
    user, scores = sketch.last_user, found.scores
    telling = scores.get(REASONING, 0.0) + scores.get(EXPERT, 0.0)
    if task is None and len(user) < TOO_LITTLE and not telling:
        return Complexity(None, None, "none")
    parts = (
        (_part(MESSAGE, len(user)) + _part(CONVERSATION, tokens), "length"),
        (_part(REASONING_WORDS, scores.get(REASONING, 0.0)), "words:reasoning"),
        (_part(EXPERT_WORDS, scores.get(EXPERT, 0.0)), "words:expert"),
        (_part(CONSTRAINT_WORDS, scores.get(CONSTRAINT, 0.0)) + _part(COMMAS, user.count(",")), "words:constraints"),
        (_part(TOOLS, sketch.tools), "tools"),
        (_part(TURNS, sketch.turns), "turns"),
        (_part(EASE_WORDS, scores.get(EASE, 0.0)), "words:ease"),
        (START_OF_UNKNOWN if task is None else START.get(task, START_OF_UNKNOWN), "task"),
    )
    value = round(min(1.0, max(0.0, sum([part for part, _ in parts]))), 3)
    return Complexity(value, band_of(value), max(parts)[1])


def band_of(value: float) -> Band:
    return "simple" if value < MODERATE else "moderate" if value < HIGH else "high"


def _part(feature: tuple[float, float], amount: float) -> float:
    weight, scale = feature
    return weight * (1.0 - exp(-amount / scale)) if amount else 0.0
