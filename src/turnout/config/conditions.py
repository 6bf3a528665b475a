"""``when:`` as written -> the policy's condition."""

from collections.abc import Iterator, Mapping
from typing import Any

from turnout.config.document import tree_of
from turnout.config.schema_routes import When
from turnout.types.models import Feature, Modality, bits
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


def condition(when: When) -> Condition:
    """All keys of one mapping must hold; an empty mapping always holds."""
    parts = tuple(_parts(when))
    return parts[0] if len(parts) == 1 else All(parts)


def condition_of(written: Mapping[str, Any]) -> Condition:
    """The same of a mapping, as releases keep it. Raises pydantic.ValidationError."""
    return condition(When.model_validate(tree_of(written)))


def _parts(when: When) -> Iterator[Condition]:
    if when.task is not None:
        yield TaskIs(frozenset(when.task))
    if when.complexity is not None:
        yield ComplexityIs(frozenset(when.complexity.bands), when.complexity.at_least, when.complexity.below)
    for key, values in (when.tags or {}).items():
        yield TagIs(key, frozenset(values))
    for name, values in (when.headers or {}).items():
        yield HeaderIs(name.lower(), frozenset(values))
    if when.features is not None:
        yield _any(HasFeatures(int(bits(Feature, (name,)))) for name in when.features)
    if when.modalities is not None:
        yield _any(HasModality(int(bits(Modality, (name,)))) for name in when.modalities)
    if when.tokens is not None:
        yield TokensAre(when.tokens.at_least, when.tokens.below)
    if when.any is not None:
        yield _any(condition(part) for part in when.any)
    if when.all is not None:
        yield All(tuple(condition(part) for part in when.all))
    if when.not_ is not None:
        yield Not(condition(when.not_))


def _any(conditions: Iterator[Condition]) -> Condition:
    parts = tuple(conditions)
    return parts[0] if len(parts) == 1 else AnyOf(parts)
