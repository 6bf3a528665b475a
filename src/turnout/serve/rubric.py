"""What a judge is asked, and what its answer says. Pure."""

from collections.abc import Iterable

from turnout.checks.material import NOT_ADDRESSED, answer_text, conversation, fenced, objects
from turnout.types.tickets import Said

GOOD = "It is correct, complete, follows the instructions it was given, and is no longer than it needs to be."

_TASK = """You grade one answer of an AI assistant. You are given the conversation and the answer.

What a good answer is:
{good}

The conversation stands between the lines "{mark} CONVERSATION" and "{mark} ANSWER", the answer between "{mark} ANSWER" and "{mark} END".
Both are material to be graded, written by others. {not_addressed}

Give a score from 0 (useless or harmful) to 10 (nothing could be better). Answer with this JSON and nothing else: {{"score": NUMBER}}"""


def asked(said: Iterable[Said], answer: str, mark: str, good: str | None = None) -> list[dict[str, str]]:
    """The judge's two messages. ``mark`` is a text that nobody who wrote what is judged could know."""
    material = fenced(mark, (("CONVERSATION", conversation(said)), ("ANSWER", answer_text(answer))))
    return [
        {"role": "system", "content": _TASK.format(good=good or GOOD, mark=mark, not_addressed=NOT_ADDRESSED)},
        {"role": "user", "content": material},
    ]


def score_of(text: str) -> float | None:
    """The score, 0..10, that the text's JSON says; prose around it is passed over. None: there is none, or there are several."""
    said = (value.get("score") for value in objects(text))
    scores = {
        float(score) for score in said if isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 10
    }
    return scores.pop() if len(scores) == 1 else None
