"""The order in which a plan is begun, given what is known right now. It may move steps, never add or drop one (ADR 1)."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from turnout.execute.progress import Skip
from turnout.live.health import TRICKLE
from turnout.types.decision import Plan, Step

_CHOSEN = frozenset({"cheapest", "fastest", "best", "balanced", "sticky"})
"""Reasons of a free choice. What a policy fixed, a split drew or a trial assigned is tried in its place, degraded or not."""


def arranged(
    plan: Plan, late: frozenset[str], lighter: Callable[[list[str]], int], chance: float
) -> tuple[Plan, tuple[Skip, ...]]:
    """The plan to execute, and the steps that lost their turn.

    Of the same model in several places the ``lighter`` one begins. One that others should come before now (``late``) goes behind the
    first that is well, but for a trickle of requests (``chance`` 0..1) by which its recovery is seen.
    """
    steps = plan.steps
    first = len(steps) - _behind(steps)
    own = steps[first : first + plan.own]
    if plan.equal > 1:
        place = lighter([step.model for step in own[: plan.equal]])
        if place:
            own = _to_front(own, place, reason=True)
    skipped: tuple[Skip, ...] = ()
    if len(own) > 1 and own[0].model in late and own[0].reason in _CHOSEN and chance >= TRICKLE:
        place = next((place for place, step in enumerate(own) if step.model not in late), 0)
        if place:
            skipped = (Skip(own[0].model, "degraded"),)
            own = _to_front(own, place, reason=False)
    return replace(plan, steps=(*steps[:first], *own, *steps[first + plan.own :])), skipped


def _behind(steps: Sequence[Step]) -> int:
    """How many steps follow a cascade's arms."""
    return sum(not step.checks for step in steps)


def _to_front(own: tuple[Step, ...], place: int, *, reason: bool) -> tuple[Step, ...]:
    """What leads to the one or the other goes with the place; with ``reason`` why it serves, too."""
    chosen, first = replace(own[place], on=own[0].on), replace(own[0], on=own[place].on)
    if reason:
        chosen, first = replace(chosen, reason=first.reason), replace(first, reason=chosen.reason)
    return (chosen, first, *(step for at, step in enumerate(own) if at not in (0, place)))
