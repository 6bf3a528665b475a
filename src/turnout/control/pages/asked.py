"""What most pages are asked with: a window, the viewer's zone, and which requests."""

from typing import Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec

WindowName = Literal["15m", "1h", "6h", "24h", "7d", "30d", "90d", "365d"]


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


def zone_of(name: str) -> ZoneInfo:
    """Raises ValueError for what is no zone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: a name that is a directory of zones, or too long
        raise ValueError(f"`zone`: there is no time zone {name!r}; write one as Europe/Berlin or UTC") from None


def requests_link(asked: Asked, **where: str | None) -> str:
    """Where the requests are listed that a figure of this page is made of."""
    return "/decisions?" + urlencode({"window": asked.window, **asked.where, **{k: v for k, v in where.items() if v is not None}})
