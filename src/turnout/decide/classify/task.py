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

UNKNOWN = Trait(None, "none")


def infer_task(sketch: Sketch, found: Found) -> Trait:
    """The task with the strongest case, or unknown."""
    user, scores = sketch.last_user, found.scores
    votes = {task: scores[task] for task in TASKS if task in scores}
    louder: dict[str, str] = {}  # what speaks for a task more strongly than its words
    if sketch.tools:
        strength = TOOLS_OFFERED + scores.get(ACT, 0.0) + TOOL_RESULTS * sketch.has_tool_results
        _vote(votes, louder, "agentic", strength, "tools")
    if GREETING in scores and len(user) <= SMALL_TALK:
        _vote(votes, louder, "conversation", scores[GREETING], found.sources[GREETING])
    if QUANTITY in scores:
        task = "math" if _counts(user) else "qa"
        _vote(votes, louder, task, scores[QUANTITY] * (2.0 if task == "math" else 0.5), found.sources[QUANTITY])
    if EXAM in scores:
        task = "math" if votes.get("math", 0.0) >= RECKONING else "qa"
        _vote(votes, louder, task, scores[EXAM], found.sources[EXAM])
    if "?" in user or "\uff1f" in user or "\u061f" in user:
        _vote(votes, louder, "qa", QUESTION, "structure:question")
    if not votes:
        return UNKNOWN
    task = max(votes, key=votes.__getitem__)
    return Trait(task, louder.get(task) or found.sources[task]) if votes[task] >= ENOUGH else UNKNOWN


def _vote(votes: dict[str, float], louder: dict[str, str], task: str, strength: float, source: str) -> None:
    before = votes.get(task, 0.0)
    if strength > before:
        louder[task] = source
    votes[task] = before + strength


def _counts(user: str) -> bool:
    """Whether the question itself, not its possible answers, brings numbers to reckon with."""
    return len(NUMBER.findall(user[:LOOKED_AT].partition("\nA")[0])) >= NUMBERS
