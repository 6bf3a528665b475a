"""Who the money of some slices went to, or came from: one row for each provider, model, route, task, caller, or value of a tag. Pure."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from turnout.control.pages.seen import name_of
from turnout.store.rollups import sums
from turnout.store.rollups.cells import Slice

By = Literal["provider", "model", "route", "task", "caller", "tag"]
OF_CALLS = ("provider", "model")


class Part(NamedTuple):
    """``n`` requests, or upstream calls; ``cost`` in pico-dollars, of those that are not ``unpriced``."""

    n: int = 0
    cost: int = 0
    unpriced: int = 0
    tokens: int | None = 0


def is_of_calls(by: By, where: dict[str, str]) -> bool:
    """Calls tell to a provider what it billed, failed attempts' too; but they know no task."""
    return by in OF_CALLS and "task" not in where


def spending(slices: Sequence[Slice], by: By, *, of_calls: bool, tag: str) -> dict[str, Part]:
    """By name. ``tag`` is the key whose values are told apart."""
    if by == "tag":
        return {
            name.partition("=")[2]: Part(found.requests, found.cost, found.unpriced, None)
            for name, found in sums.tags(slices).items()
            if name.partition("=")[0] == tag
        }
    if of_calls:
        return {
            name_of(group[0]): Part(
                calls.calls,
                calls.cost,
                calls.unpriced,
                calls.input + calls.cache_read + calls.cache_write + calls.output + calls.reasoning,
            )
            for group, calls in sums.calls(slices, by).items()
        }
    return {
        name_of(group[0]): Part(cell.requests, cell.cost, cell.unpriced, cell.tokens_in + cell.tokens_out)
        for group, cell in sums.cells(slices, by).items()
    }


def tag_keys(slices: Sequence[Slice]) -> list[str]:
    """The keys of the tags that requests carried, the most frequent first."""
    counts: dict[str, int] = {}
    for name, found in sums.tags(slices).items():
        key, equals, _ = name.partition("=")
        if equals:
            counts[key] = counts.get(key, 0) + found.requests
    return sorted(counts, key=lambda key: (-counts[key], key))
