"""Which task a request is: the words' votes, settled with what the request brings beside its words."""

import re

from turnout.decide.classify.scan import Found
from turnout.decide.classify.words import ACT, EXAM, GREETING, QUANTITY, TASKS
from turnout.types.traits import Sketch, Trait

ENOUGH = 1.5  # strength below which nothing is claimed
TOOLS_OFFERED = 1.6  # a request with tools is an agent's, unless its words say otherwise
TOOL_RESULTS = 1.5
QUESTION = 1.0
RECKONING = 2.0  # a case for math that makes a question with numbered answers a sum to be done
SMALL_TALK = 60  # characters: a greeting longer than this has a request behind it
NUMBERS = 2  # a quantity asked for beside so many numbers is arithmetic
LOOKED_AT = 600  # characters searched for numbers
NUMBER = re.compile(r"\d+")
QUESTION_MARKS = ("?", "\uff1f", "\u061f")

UNKNOWN = Trait(None, "none")


def infer_task(sketch: Sketch, found: Found) -> Trait:
    """The task with the strongest case, or unknown."""
    user, scores = sketch.last_user, found.scores
    votes = {task: scores[task] for task in TASKS if task in scores}
    sources = dict(found.sources)

    def vote(task: str, strength: float, source: str) -> None:
        if strength > votes.get(task, 0.0):
            sources[task] = source
        votes[task] = votes.get(task, 0.0) + strength

    if sketch.tools:
        vote("agentic", TOOLS_OFFERED + scores.get(ACT, 0.0) + TOOL_RESULTS * sketch.has_tool_results, "tools")
    if GREETING in scores and len(user) <= SMALL_TALK:
        vote("conversation", scores[GREETING], sources[GREETING])
    if QUANTITY in scores:
        task = "math" if _counts(user) else "qa"
        vote(task, scores[QUANTITY] * (2.0 if task == "math" else 0.5), sources[QUANTITY])
    if EXAM in scores:
        vote("math" if votes.get("math", 0.0) >= RECKONING else "qa", scores[EXAM], sources[EXAM])
    if any(mark in user for mark in QUESTION_MARKS):
        vote("qa", QUESTION, "structure:question")
    if not votes:
        return UNKNOWN
    task = max(votes, key=votes.__getitem__)
    return Trait(task, sources[task]) if votes[task] >= ENOUGH else UNKNOWN


def _counts(user: str) -> bool:
    """Whether the question itself, not its possible answers, brings numbers to reckon with."""
    return len(NUMBER.findall(user[:LOOKED_AT].partition("\nA")[0])) >= NUMBERS
