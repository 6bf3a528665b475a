"""What people are told without asking (PRODUCT R7)."""

from typing import Literal

import msgspec

from turnout.types.money import PicoDollars

AlertKind = Literal[
    "release_found", "outperforms", "proposal", "approval_wanted", "trial_started", "stage", "adopted", "rolled_back", "inconclusive", "paused",
    "retiring", "price_conflict", "catalog_quarantined", "drift", "spend", "policy",
]  # fmt: skip
Severity = Literal["info", "warning", "critical"]


class Alert(msgspec.Struct, frozen=True):
    """``key`` names what it is about: the same one within a day is told once. ``link`` is a page of the dashboard, from its root.

    ``to`` are the owners of the routes it concerns; ``figures`` are for machines.
    """

    id: str
    at: float
    kind: AlertKind
    severity: Severity
    title: str
    text: str
    key: str
    link: str = ""
    to: tuple[str, ...] = ()
    figures: dict[str, float | str | None] = {}


class Webhook(msgspec.Struct, frozen=True):
    """Where alerts are posted. ``url`` and ``secret`` (signs the body) are references, ``env:NAME`` or ``file:PATH``, or the URL itself."""

    name: str
    url: str
    secret: str | None = None
    format: Literal["json", "slack"] = "json"
    kinds: frozenset[str] = frozenset()
    severity: Severity = "info"


class Mailing(msgspec.Struct, frozen=True):
    """A mail server and who is written to; owners of routes that are addresses are written to as well."""

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = None
    sender: str = "turnout@localhost"
    to: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset()
    severity: Severity = "warning"


class Alerting(msgspec.Struct, frozen=True):
    """Who is told. ``spend`` is what a day (UTC) may cost before somebody is, over all and by route; ``outperforms`` a relative gain."""

    webhooks: tuple[Webhook, ...] = ()
    mail: Mailing | None = None
    spend: PicoDollars | None = None
    spend_by_route: dict[str, PicoDollars] = {}
    outperforms: float = 0.2
