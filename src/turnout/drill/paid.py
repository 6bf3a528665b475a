"""What the requests of a drill cost: calls that it struck reached nobody, so nobody bills them, though no answer said so."""

from collections.abc import Callable, Iterable

from turnout.types.money import PicoDollars
from turnout.types.record import Attempt


def paid(attempts: Iterable[Attempt], is_made_up: Callable[[str], bool]) -> PicoDollars | None:
    """``is_made_up`` says of a model whether what it answers is the drill's. None: a call of another's cost something unknown."""
    total = 0
    for attempt in attempts:
        if attempt.cost is not None:
            total += attempt.cost
        elif not is_made_up(attempt.model):
            return None
    return PicoDollars(total)
