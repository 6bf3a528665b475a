"""A simulated model that judges answers: it sees what is wrong as often as it would have known better itself."""

import re

from turnout.sim import cases
from turnout.sim.profile import SimModel, draw

_MATERIAL = re.compile(r"^([^\n]+) CONVERSATION\n(.*)\n\1 ANSWER\n(.*)\n\1 END$", re.DOTALL | re.MULTILINE)
_PAIR = re.compile(r"^([^\n]+) CONVERSATION\n(.*)\n\1 ANSWER 1\n(.*)\n\1 ANSWER 2\n(.*)\n\1 END$", re.DOTALL | re.MULTILINE)
_WANTED, _WANTED_OF_PAIR = '{"score":', '{"better":'
GOOD, BAD, UNDECIDED = (8.0, 2.0), (1.0, 2.0), (6.0, 2.0)
"""The lowest score and how many points it may be more: of what it finds right, finds wrong, and cannot tell."""


def judged(name: str, model: SimModel, rubric: str, material: str, *, seed: int) -> str | None:
    """Its verdict as the rubric wants it written; None: it is not asked for one."""
    pair = _PAIR.search(material) if _WANTED_OF_PAIR in rubric else None
    if pair is not None:
        return _better(name, model, pair[2], pair[3], pair[4], seed)
    found = _MATERIAL.search(material)
    if _WANTED not in rubric or found is None:
        return None
    conversation, answer = found[2], found[3]
    known = cases.find(conversation)
    low, more = UNDECIDED
    if known is not None:
        low, more = GOOD if _finds_right(name, model, known, answer, seed) else BAD
    score = low + more * draw(seed, name, "score", answer[:200])
    return f'{{"score": {score:.1f}}}'


def _better(name: str, model: SimModel, conversation: str, first: str, second: str, seed: int) -> str:
    """Which it finds right where it finds the other wrong, whatever their order; else, and of a question it does not know, neither."""
    known = cases.find(conversation)
    one, other = (known is not None and _finds_right(name, model, known, answer, seed) for answer in (first, second))
    better = "tie" if one == other else "1" if one else "2"
    return f'{{"better": "{better}"}}'


def _finds_right(name: str, model: SimModel, known: cases.Case, answer: str, seed: int) -> bool:
    sees = draw(seed, name, "judge", known.id, answer[:200]) < model.chance(known.task, known.band)
    return cases.is_right(known, answer) == sees
