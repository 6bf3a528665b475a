"""An alert as its readers want it: JSON, a chat's blocks, a mail. Pure; nothing here sends anything."""

import base64
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from hashlib import sha256
from typing import Any

import msgspec

from turnout.types.alert import Alert, Mailing, Severity, Webhook

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""From the mildest on."""
_MARKS: dict[Severity, str] = {
    "info": "\N{INFORMATION SOURCE}",
    "warning": "\N{WARNING SIGN}",
    "critical": "\N{POLICE CARS REVOLVING LIGHT}",
}
_LONGEST = 2_900
"""Characters that a chat's block takes, with room to spare."""


def wants(channel: Webhook | Mailing, alert: Alert) -> bool:
    """Whether it is one of the kinds the channel asks for (none named: all), and grave enough for it."""
    grave = SEVERITIES.index(alert.severity) >= SEVERITIES.index(channel.severity)
    return grave and (not channel.kinds or alert.kind in channel.kinds)


def as_json(alert: Alert, dashboard: str) -> bytes:
    """What a webhook of format ``json`` gets. ``dashboard`` is where links begin, empty where it is not known."""
    said = {"type": f"turnout.{alert.kind}", "timestamp": _day(alert.at), "data": _data(alert, dashboard)}
    return msgspec.json.encode(said)


def as_slack(alert: Alert, dashboard: str) -> bytes:
    """What Slack's incoming webhooks take, and Mattermost's and Rocket.Chat's."""
    title = f"{_MARKS[alert.severity]} {alert.title}"
    more = f"\n<{dashboard}{alert.link}|Look at it>" if dashboard and alert.link else ""
    section = {
        "type": "section",
        "text": {"type": "mrkdwn", "text": f"*{_escaped(title)}*\n{_escaped(alert.text)[:_LONGEST]}{more}"},
    }
    return msgspec.json.encode({"text": _escaped(title), "blocks": [section]})


def as_mail(alert: Alert, mailing: Mailing, dashboard: str) -> EmailMessage:
    """To those the mailing names, and to owners that are addresses."""
    message = EmailMessage()
    message["Subject"] = _one_line(f"[turnout] {alert.title}")
    message["From"] = mailing.sender
    message["To"] = ", ".join(readers(alert, mailing))
    message["Date"] = datetime.fromtimestamp(alert.at, UTC)
    message["Message-ID"] = f"<{alert.id}@turnout>"
    message.set_content("\n".join(_lines(alert, dashboard)))
    return message


def readers(alert: Alert, mailing: Mailing) -> tuple[str, ...]:
    """Each once, in a stable order."""
    owners = (owner for owner in alert.to if "@" in owner and not set(owner) & set(" \r\n,;<>[]"))
    return tuple(dict.fromkeys((*mailing.to, *owners)))


def signed(body: bytes, alert_id: str, at: int, secret: str | None) -> dict[str, str]:
    """Headers of the Standard Webhooks specification: id, time of sending (unix seconds), and HMAC-SHA-256 over both and the body.

    A secret written ``whsec_...`` is base64, any other is taken as it stands.
    """
    headers = {"webhook-id": alert_id, "webhook-timestamp": str(at)}
    if secret is not None:
        key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
        mark = hmac.new(key, b".".join((alert_id.encode(), str(at).encode(), body)), sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(mark).decode()}"
    return headers


def _data(alert: Alert, dashboard: str) -> dict[str, Any]:
    said = msgspec.structs.asdict(alert)
    return {**said, "at": _day(alert.at), "link": f"{dashboard}{alert.link}" if dashboard and alert.link else None}


def _lines(alert: Alert, dashboard: str) -> Iterator[str]:
    yield from (alert.text, "")
    for name, value in alert.figures.items():
        yield f"{name}: {'unknown' if value is None else value}"
    if dashboard and alert.link:
        yield f"\n{dashboard}{alert.link}"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _escaped(text: str) -> str:
    """Slack's three: whatever a model's name holds makes no link and no mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
