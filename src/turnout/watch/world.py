"""What is known of all models at one moment: the catalog as accepted, and what a look at the sources would make of it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from turnout.catalog.accepted import Accepted, Conflict, End, differing, encoded, name_of, overlaid
from turnout.catalog.load import Catalog
from turnout.types.models import ModelFacts


class Said(msgspec.Struct, frozen=True):
    """Who says a fact; ``confirmed`` when two of them do not copy from each other."""

    sources: tuple[str, ...]
    confirmed: bool


class World(msgspec.Struct, frozen=True):
    """As :class:`Accepted`, with every model's facts."""

    models: Mapping[str, ModelFacts]
    ended: Mapping[str, End] = {}
    aliases: Mapping[str, str] = {}
    stated_by: Mapping[str, tuple[str, ...]] = {}
    conflicts: Mapping[str, tuple[Conflict, ...]] = {}


class Offer(msgspec.Struct, frozen=True):
    """What one source says of one fact. ``group`` is who it copies from: two offers of one group are one voice. ``own``: the vendor's word."""

    source: str
    group: str
    own: bool
    value: Any


def world_of(shipped: Catalog, accepted: Accepted | None, today: date) -> World:
    """The shipped catalog with what was accepted. Before the first refresh, models whose day has come have ended already."""
    if accepted is None:
        past: dict[str, End] = {
            name: "retired" for name, facts in shipped.models.items() if facts.retires and facts.retires <= today
        }
        return World(shipped.models, ended=past, conflicts=shipped.conflicts)
    return World(
        overlaid(shipped.models, accepted.models), accepted.ended, accepted.aliases, accepted.stated_by,
        {**shipped.conflicts, **accepted.conflicts},
    )  # fmt: skip


def accepted_of(world: World, shipped: Catalog) -> Accepted:
    """What has to be stored of it."""
    return Accepted(
        differing(world.models, shipped.models),
        dict(world.ended),
        dict(world.aliases),
        dict(world.stated_by),
        {model: found for model, found in world.conflicts.items() if shipped.conflicts.get(model, ()) != found},
    )


def hash_of(world: World, shipped: Catalog) -> str:
    return name_of(encoded(accepted_of(world, shipped)))
