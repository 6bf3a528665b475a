"""A simulated model that grades an answer: it sees what is wrong as often as it would have known better itself."""

import re

from turnout.sim import cases
from turnout.sim.profile import SimModel, draw

_MATERIAL = re.compile(r"^([^\n]+) CONVERSATION\n(.*)\n\1 ANSWER\n(.*)\n\1 END$", re.DOTALL | re.MULTILINE)
_WANTED = '{"score":'
GOOD, BAD, UNDECIDED = (8.0, 2.0), (1.0, 2.0), (6.0, 2.0)
"""The lowest score and how many points it may be more: of what it finds right, finds wrong, and cannot tell."""


def judged(name: str, model: SimModel, rubric: str, material: str, *, seed: int) -> str | None:
    """Its verdict as the rubric wants it written; None: it is not asked for one."""
    found = _MATERIAL.search(material)
    if _WANTED not in rubric or found is None:
        return None
    conversation, answer = found[2], found[3]
    known = cases.find(conversation)
    low, more = UNDECIDED
    if known is not None:
        sees = draw(seed, name, "judge", known.id, answer[:200]) < model.chance(known.task, known.band)
        low, more = GOOD if cases.is_right(known, answer) == sees else BAD
    score = low + more * draw(seed, name, "score", answer[:200])
    return f'{{"score": {score:.1f}}}'
