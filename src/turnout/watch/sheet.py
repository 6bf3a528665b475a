"""What one source states: typed, optional, in the catalog's units. Reading it is the source's file; believing it is merge.py."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from turnout.types.models import Rate


class Unreadable(Exception):
    """A source's content is not what it should be, as a whole. The message says what it is."""


class Claims(msgspec.Struct, frozen=True):
    """Bits that a source says are there, and bits that it says are not; in neither: it does not say."""

    yes: int = 0
    no: int = 0


class Prices(msgspec.Struct, frozen=True):
    """A tariff from ``start`` on (None: as long as is known), tiers ascending; ``batch`` is the factor that batches pay."""

    tiers: tuple[Rate, ...]
    start: date | None = None
    batch: float | None = None


class Stated(msgspec.Struct, frozen=True):
    """What a source says of one model; None and empty mean that it does not say.

    ``prices`` ascend by start. ``stands_for`` is the model that this name is another name of. ``listed`` False: the entry prices names, and
    is not itself one that can be called. ``matches`` is a clause of genai-prices for the names it means.
    """

    prices: tuple[Prices, ...] = ()
    context: int | None = None
    max_input: int | None = None
    max_output: int | None = None
    input: Claims = Claims()
    output: Claims = Claims()
    features: Claims = Claims()
    preview: bool = False
    deprecated: bool = False
    retired: bool = False
    released: date | None = None
    retires: date | None = None
    stands_for: str | None = None
    listed: bool = True
    matches: Mapping[str, Any] | None = None


class Headline(msgspec.Struct, frozen=True):
    """A line of a feed that names a vendor's model: nobody's word for anything, but a reason to look."""

    model: str
    title: str
    ends: bool = False


class Sheet(msgspec.Struct, frozen=True):
    """All that one source states, by ``vendor/model``. ``source`` names its publisher: two sheets of one publisher are one voice.

    ``skipped`` names the entries that were odd, and why. ``own`` is the vendor whose own list it is.
    """

    source: str
    stated: dict[str, Stated] = {}
    skipped: tuple[str, ...] = ()
    news: tuple[Headline, ...] = ()
    own: str | None = None


def speaker(sheet: Sheet) -> Callable[[str], Stated | None]:
    """What a sheet says of a model: by its name, else by the first clause of the same vendor that means it."""
    clauses: dict[str, list[tuple[Mapping[str, Any], Stated]]] = {}
    for name, stated in sheet.stated.items():
        if stated.matches is not None:
            clauses.setdefault(name.partition("/")[0], []).append((stated.matches, stated))

    def of(model: str) -> Stated | None:
        found = sheet.stated.get(model)
        if found is not None:
            return found
        vendor, _, name = model.partition("/")
        return next((stated for clause, stated in clauses.get(vendor, ()) if means(clause, name.lower())), None)

    return of


def means(clause: Mapping[str, Any], name: str) -> bool:
    """Whether a clause of genai-prices means this name. Patterns are never run: a hostile one could take for ever."""
    for operator, operand in clause.items():
        match operator, operand:
            case "equals", str():
                return name == operand.lower()
            case "starts_with", str():
                return name.startswith(operand.lower())
            case "ends_with", str():
                return name.endswith(operand.lower())
            case "contains", str():
                return operand.lower() in name
            case "or", list():
                return any(means(each, name) for each in _clauses(operand))
            case "and", list():
                return bool(operand) and all(means(each, name) for each in _clauses(operand))
            case _:
                return False
    return False


def _clauses(operand: list[Any]) -> Iterator[Mapping[str, Any]]:
    return (each if isinstance(each, dict) else {} for each in operand)
