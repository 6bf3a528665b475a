"""Conditions of routes, compiled once per view into closures over traits."""

from collections.abc import Callable, Mapping
from typing import assert_never

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
)
from turnout.types.traits import Traits

Test = Callable[[Traits], bool]


def compiled(condition: Condition) -> Test:
    """The condition as a function. What is unknown satisfies nothing but a ``not``."""
    match condition:
        case All(conditions):
            tests = tuple(compiled(part) for part in conditions)
            return lambda traits: all(test(traits) for test in tests)
        case AnyOf(conditions):
            tests = tuple(compiled(part) for part in conditions)
            return lambda traits: any(test(traits) for test in tests)
        case Not(part):
            test = compiled(part)
            return lambda traits: not test(traits)
        case TaskIs(values):
            return lambda traits: traits.task.value in values
        case ComplexityIs():
            return _complexity(condition)
        case TagIs(key, values):
            return lambda traits: traits.tags.get(key) in values
        case HeaderIs(name, values):
            return lambda traits: traits.headers.get(name) in values
        case HasFeatures(bits):
            return lambda traits: traits.features & bits == bits
        case HasModality(bits):
            return lambda traits: traits.input & bits == bits
        case TokensAre(at_least, below):
            low, high = at_least or 0, below if below is not None else float("inf")
            return lambda traits: low <= traits.tokens < high
        case _:
            assert_never(condition)


def _complexity(condition: ComplexityIs) -> Test:
    if condition.bands:
        bands = condition.bands
        return lambda traits: traits.band in bands
    low = condition.at_least or 0.0
    high = condition.below if condition.below is not None else float("inf")
    return lambda traits: traits.complexity is not None and low <= traits.complexity < high


def forced(condition: Condition, bound: Mapping[str, str]) -> bool:
    """True if tags bound to the caller's key alone make the condition hold, whatever the rest of the request says.

    Such a route governs every request of that key: an audited tenant cannot leave it by naming another route or model.
    """
    match condition:
        case TagIs(key, values):
            return bound.get(key) in values
        case All(conditions):
            return all(forced(part, bound) for part in conditions)
        case AnyOf(conditions):
            return any(forced(part, bound) for part in conditions)
        case Not(TagIs(key, values)):
            return key in bound and bound[key] not in values
        case _:
            return False


def headers_read(condition: Condition | None) -> frozenset[str]:
    """Names of the request headers a condition looks at: only those are kept in the traits."""
    match condition:
        case HeaderIs(name):
            return frozenset({name})
        case All(conditions) | AnyOf(conditions):
            return frozenset().union(*(headers_read(part) for part in conditions))
        case Not(part):
            return headers_read(part)
        case _:
            return frozenset()
