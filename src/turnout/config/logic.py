"""Can a condition ever hold, and does one imply another? Decides which routes are dead.

A condition becomes alternatives of plain literals (disjunctive normal form); each alternative is judged dimension by
dimension (task, one tag, tokens ...). "Can hold" is the answer whenever in doubt, so what is called dead really is.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, product
from typing import NamedTuple

from turnout.types.policy import (
    All,
    AnyOf,
    ComplexityIs,
    Condition,
    HasFeatures,
    HasModality,
    HeaderIs,
    Not,
    TagIs,
    TaskIs,
    TokensAre,
)  # fmt: skip

MAX_ALTERNATIVES = 2_000

_BANDS = frozenset(("simple", "moderate", "high"))
_INFINITY = float("inf")


class Literal(NamedTuple):
    """One plain statement on one dimension, or its denial. ``value`` is a set of words, a range, or bits."""

    dimension: tuple[str, ...]
    value: frozenset[str] | tuple[float, float] | int
    holds: bool


Alternative = tuple[Literal, ...]


class _TooManyError(Exception):
    """The condition has more alternatives than are worth looking at."""


def satisfiable(condition: Condition) -> bool:
    """Whether some request could meet it; True when in doubt."""
    try:
        return any(_consistent(alternative) for alternative in _alternatives(condition, holds=True))
    except _TooManyError:
        return True


def covered(condition: Condition, earlier: Iterable[Condition]) -> bool:
    """Whether every request that meets ``condition`` also meets one of ``earlier``; False when in doubt."""
    return not satisfiable(All((condition, *(Not(other) for other in earlier))))


def demanded(condition: Condition | None) -> tuple[int, int]:
    """Feature and input-modality bits of every request that meets it."""
    match condition:
        case HasFeatures(bits=bits):
            return bits, 0
        case HasModality(bits=bits):
            return 0, bits
        case All(conditions=parts):
            pairs = [demanded(part) for part in parts]
            return _fold((pair[0] for pair in pairs), union=True), _fold((pair[1] for pair in pairs), union=True)
        case AnyOf(conditions=parts):
            pairs = [demanded(part) for part in parts]
            return _fold((pair[0] for pair in pairs), union=False), _fold((pair[1] for pair in pairs), union=False)
        case _:
            return 0, 0


def _fold(bits: Iterable[int], *, union: bool) -> int:
    folded: int | None = None
    for each in bits:
        folded = each if folded is None else (folded | each if union else folded & each)
    return folded or 0


def _alternatives(condition: Condition, *, holds: bool) -> list[Alternative]:
    """Ways in which ``condition`` holds (or fails), each a conjunction."""
    match condition:
        case Not(condition=inner):
            return _alternatives(inner, holds=not holds)
        case All(conditions=parts) | AnyOf(conditions=parts):
            branches = [_alternatives(part, holds=holds) for part in parts]
            return _each(branches) if isinstance(condition, All) == holds else _either(branches)
        case _:
            literals: list[list[Alternative]] = [
                [(Literal(dimension, value, holds),)] for dimension, value in _literals(condition)
            ]
            return _each(literals) if holds else _either(literals)


def _each(branches: list[list[Alternative]]) -> list[Alternative]:
    """All branches at once: every combination of their alternatives. The impossible are dropped early to stay few."""
    joined: list[Alternative] = [()]
    for branch in branches:
        if len(joined) * len(branch) > MAX_ALTERNATIVES:
            raise _TooManyError
        joined = [both for left, right in product(joined, branch) if _consistent(both := (*left, *right))]
    return joined


def _either(branches: list[list[Alternative]]) -> list[Alternative]:
    joined = [alternative for branch in branches for alternative in branch]
    if len(joined) > MAX_ALTERNATIVES:
        raise _TooManyError
    return joined


def _literals(condition: Condition) -> Iterator[tuple[tuple[str, ...], frozenset[str] | tuple[float, float] | int]]:
    """What a leaf states, per dimension; a band and a number of one complexity are looked at apart (a doubt, so allowed)."""
    match condition:
        case TaskIs(values=values):
            yield ("task",), values
        case TagIs(key=key, values=values):
            yield ("tag", key), values
        case HeaderIs(name=name, values=values):
            yield ("header", name), values
        case HasFeatures(bits=bits):
            yield ("features",), bits
        case HasModality(bits=bits):
            yield ("modality",), bits
        case TokensAre(at_least=at_least, below=below):
            yield ("tokens",), _range(at_least, below)
        case ComplexityIs(bands=bands, at_least=at_least, below=below):
            if bands:
                yield ("band",), bands
            if at_least is not None or below is not None or not bands:
                yield ("complexity",), _range(at_least, below)
        case _:
            return


def _range(at_least: float | None, below: float | None) -> tuple[float, float]:
    return (at_least or 0.0, _INFINITY if below is None else below)


def _consistent(alternative: Alternative) -> bool:
    ordered = sorted(alternative, key=lambda literal: literal.dimension)
    return all(_possible(dimension, list(group)) for dimension, group in groupby(ordered, key=lambda literal: literal.dimension))


def _possible(dimension: tuple[str, ...], literals: list[Literal]) -> bool:
    asserted = [literal.value for literal in literals if literal.holds]
    denied = [literal.value for literal in literals if not literal.holds]
    match dimension[0]:
        case "tokens":
            return _some_number([(0.0, _INFINITY), *asserted], denied)  # tokens are always known
        case "complexity":
            return not asserted or _some_number([(0.0, 1.0000001), *asserted], denied)  # denials alone: unknown meets them
        case "features" | "modality":
            carried = _fold((bits for bits in asserted if isinstance(bits, int)), union=True)
            return not any(isinstance(bits, int) and bits & ~carried == 0 for bits in denied)
        case "band":
            return not asserted or _some_word([_BANDS, *asserted], denied)
        case _:
            return not asserted or _some_word(asserted, denied)


def _some_word(asserted: Sequence[object], denied: Sequence[object]) -> bool:
    sets = [words for words in asserted if isinstance(words, frozenset)]
    left = frozenset.intersection(*sets)
    return bool(left.difference(*(words for words in denied if isinstance(words, frozenset))))


def _some_number(asserted: Sequence[object], denied: Sequence[object]) -> bool:
    """Whether the common range of ``asserted`` has a point outside every range of ``denied``."""
    ranges = [each for each in asserted if isinstance(each, tuple)]
    low, high = max(each[0] for each in ranges), min(each[1] for each in ranges)
    for each in sorted(each for each in denied if isinstance(each, tuple)):
        if each[0] <= low < each[1]:
            low = each[1]
    return bool(low < high)
