"""From all that was said of one answer to its one verdict."""

from collections.abc import Iterable
from math import fsum

import msgspec

from turnout.types.feedback import Feedback, Source

RANK: dict[Source, int] = {"user": 3, "import": 3, "judge": 2, "check": 1, "implicit": 0}
"""Who knows better is heard; the others then are not."""
_NAMED_FIRST: tuple[Source, ...] = ("user", "import", "judge", "check", "implicit")


class Verdict(msgspec.Struct, frozen=True):
    """0..1, and who said it; both None when nobody did."""

    verdict: float | None = None
    by: Source | None = None


def weigh(own: Iterable[Feedback], of_session: Iterable[Feedback] = ()) -> Verdict:
    """The mean of what those of the highest rank say of this request, or else of its session.

    Each opinion is the latest of its key. The order they come in changes nothing, not even the last bit.
    """
    levels: dict[tuple[int, bool], list[Feedback]] = {}
    for is_own, opinions in ((True, own), (False, of_session)):
        for opinion in opinions:
            if opinion.verdict is not None:
                levels.setdefault((RANK[opinion.source], is_own), []).append(opinion)
    if not levels:
        return Verdict()
    heard = levels[max(levels)]
    sources = {opinion.source for opinion in heard}
    mean = fsum([opinion.verdict or 0.0 for opinion in heard]) / len(heard)
    return Verdict(mean, next(source for source in _NAMED_FIRST if source in sources))


def may_judge(feedback: Feedback, caller: str | None) -> bool:
    """Whether this is about a request of its own tenant; an administrator's, and Turnout's own, may be about anybody's."""
    return feedback.tenant == caller or (feedback.tenant is None and feedback.source != "user")
