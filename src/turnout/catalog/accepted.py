"""What refreshes found and was accepted: a file beside the shipped data, named by its hash, laid over it (ADR 10, "The catalog")."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec

from turnout.types.models import ModelFacts, Source

DIRECTORY = "catalog"
"""Where it all is in the data directory."""
POINTER = "accepted"
_BITS_OF = {
    "prices": ("prices",),
    "context": ("context",),
    "max_input": ("max_input",),
    "max_output": ("max_output",),
    "modalities": ("input", "output"),
    "features": ("features", "unknown_features"),
    "retires": ("retires",),
    "status": ("status",),
}
"""A group of facts as :attr:`ModelFacts.sources` names it -> the facts in it."""
_WHOLE = dict.fromkeys(("context", "max_input", "max_output"), "limits")
"""Limits are shipped with one source for all of them; a refresh changes one, and names its own."""

End = Literal["gone", "retired"]


class Conflict(msgspec.Struct, frozen=True):
    """Sources that name different prices for one thing, USD per million tokens, and whose word was taken."""

    field: str
    prices: dict[str, float]
    kept: str
    why: str


class Accepted(msgspec.Struct, frozen=True):
    """Models that differ from what was shipped, or are new.

    ``ended``: the sources list it no more, or its day has come. ``aliases`` map a name to the model that it stands for.
    ``stated_by`` are the sources that listed a model last: one that none of them lists any more is gone.
    """

    models: tuple[ModelFacts, ...] = ()
    ended: dict[str, End] = {}
    aliases: dict[str, str] = {}
    stated_by: dict[str, tuple[str, ...]] = {}
    conflicts: dict[str, tuple[Conflict, ...]] = {}


class Seen(msgspec.Struct, frozen=True):
    """How a source is doing: when its content was got, when it was last asked (unix seconds), and what was wrong then."""

    fetched_at: float | None
    asked_at: float
    error: str | None = None
    publisher: str = ""
    skipped: int = 0


class Pointer(msgspec.Struct, frozen=True):
    """Which file is in force, since when (unix seconds), and what it rests on, by source as it is named in the policy."""

    hash: str | None
    at: float
    sources: dict[str, Seen] = {}


def encoded(accepted: Accepted) -> bytes:
    return msgspec.json.encode(accepted, order="deterministic")


def name_of(content: bytes) -> str:
    return sha256(content).hexdigest()[:32]


def read_pointer(directory: Path) -> Pointer | None:
    """None before the first refresh, and where the file is damaged: the next refresh writes it anew."""
    try:
        return msgspec.json.decode((directory / POINTER).read_bytes(), type=Pointer)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return None


def read_accepted(directory: Path) -> tuple[Accepted, str | None]:
    """What is in force and its hash; nothing at all where there is none, or where its file is not what its name says."""
    pointer = read_pointer(directory)
    if pointer is None or pointer.hash is None or not pointer.hash.isalnum():
        return Accepted(), None
    try:
        content = (directory / f"{pointer.hash}.json").read_bytes()
        if name_of(content) != pointer.hash:
            return Accepted(), None
        return msgspec.json.decode(content, type=Accepted), pointer.hash
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return Accepted(), None


def overlaid(shipped: Mapping[str, ModelFacts], accepted: Iterable[ModelFacts]) -> dict[str, ModelFacts]:
    """The shipped facts with the accepted ones on top, each group only where it is not older: a new program may ship newer ones."""
    merged = dict(shipped)
    for facts in accepted:
        base = shipped.get(facts.id)
        merged[facts.id] = facts if base is None else _newer(base, facts)
    return merged


def _newer(base: ModelFacts, facts: ModelFacts) -> ModelFacts:
    taken: dict[str, object] = {}
    sources = dict(base.sources)
    for group, fields in _BITS_OF.items():
        source = facts.sources.get(group)
        if source is not None and not _older(source, base.sources.get(group) or base.sources.get(_WHOLE.get(group, ""))):
            taken |= {field: getattr(facts, field) for field in fields}
            sources[group] = source
    return msgspec.structs.replace(base, **taken, sources=sources)


def _older(source: Source, than: Source | None) -> bool:
    return than is not None and source.date < than.date


def differing(models: Mapping[str, ModelFacts], shipped: Mapping[str, ModelFacts]) -> tuple[ModelFacts, ...]:
    """What has to be kept of ``models`` to get them again from what is shipped."""
    return tuple(facts for name, facts in sorted(models.items()) if shipped.get(name) != facts)
