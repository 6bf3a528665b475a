"""What most pages are asked with: a window, the viewer's zone, and which requests."""

from functools import cache
from typing import Any, Literal, get_args, get_type_hints
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec

from turnout.control.pages.blocks import Field

WindowName = Literal["15m", "1h", "6h", "24h", "7d", "30d", "90d", "400d"]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``zone`` is an IANA name: where the viewer's days begin. None: any route, model, task."""

    window: WindowName = "24h"
    zone: str = "UTC"
    route: str | None = None
    model: str | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        zone_of(self.zone)

    @property
    def where(self) -> dict[str, str]:
        """The filters that are set, by name."""
        return {name: value for name in ("route", "model", "task") if (value := getattr(self, name))}


def choice(asked: Asked, name: str, label: str) -> Field:
    """The field of a parameter that has a closed set of values."""
    options: tuple[str, ...] = get_args(_hints(type(asked))[name])
    return Field(name, label, getattr(asked, name), options)


def any_of(asked: Asked, name: str, label: str, there: set[str | None]) -> Field:
    """The field of a filter: what there is, and what is asked for now."""
    chosen = getattr(asked, name)
    return Field(name, label, chosen or "", ("", *sorted({one for one in {*there, chosen} if one})))


@cache
def _hints(kind: type[Asked]) -> dict[str, Any]:
    return get_type_hints(kind)


def zone_of(name: str) -> ZoneInfo:
    """Raises ValueError for what is no zone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: a name that is a directory of zones, or too long
        raise ValueError(f"`zone`: there is no time zone {name!r}; write one as Europe/Berlin or UTC") from None


def calls_link(asked: Asked, **where: str) -> str:
    """Where the requests are listed whose upstream calls a figure is made of, copies' too; the model asked for is then whom a call went to."""
    of_calls = {"called" if name == "model" else name: value for name, value in asked.where.items()}
    return "/decisions?" + urlencode({"window": asked.window, "copies": "with", **of_calls, **where})


def requests_link(asked: Asked, **where: str | None) -> str:
    """Where the requests are listed that a figure of this page is made of."""
    return "/decisions?" + urlencode({"window": asked.window, **asked.where, **{k: v for k, v in where.items() if v is not None}})
