"""The shipped catalog, read once when asked for: models by ``vendor/model``, prices, what tasks ask of a model."""

from collections.abc import Mapping

import msgspec

from turnout.types.models import ModelFacts


class Conflict(msgspec.Struct, frozen=True):
    """Sources that name different prices for one thing, USD per million tokens, and whose word was taken."""

    field: str
    prices: dict[str, float]
    kept: str
    why: str


class Catalog(msgspec.Struct, frozen=True):
    """``tasks`` maps a task to its skills' weights, which sum to 1; ``hash`` names the data that all of it was read from."""

    models: Mapping[str, ModelFacts]
    by_vendor: Mapping[str, tuple[ModelFacts, ...]]
    tasks: Mapping[str, Mapping[str, float]]
    conflicts: Mapping[str, tuple[Conflict, ...]]
    hash: str


def load_catalog() -> Catalog:
    """Read the shipped data."""
    raise NotImplementedError
