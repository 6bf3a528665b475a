"""One alert to every channel that wants it and has not had it: what is done, what is to be tried again."""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from turnout.alerts.message import as_json, as_mail, as_slack, readers, signed, wants
from turnout.alerts.send import Unsent, mail, post
from turnout.types.alert import Alert, Alerting, Mailing, Webhook
from turnout.types.seconds import HOUR

Secrets = Callable[[str], str | None]
"""What a reference (``env:NAME``, ``file:PATH``) stands for; None: it cannot be found."""
MOST_TRIES = 8
FIRST_WAIT, LONGEST_WAIT = 10.0, float(HOUR)
"""Seconds before a channel that failed is tried again: the first time, and at most. Twice as long each time."""


class Delivered(msgspec.Struct, frozen=True):
    """``done`` names the channels that have it, or will never; ``failed`` says of the others why not."""

    done: frozenset[str]
    failed: Mapping[str, str]


def deliver(alert: Alert, alerting: Alerting, done: frozenset[str], secrets: Secrets, dashboard: str, now: float) -> Delivered:
    """Sends; takes as long as the receivers do."""
    failed: dict[str, str] = {}
    finished = set(done)
    for name, send in _channels(alert, alerting, secrets, dashboard, now):
        if name in done:
            continue
        try:
            send()
        except Unsent as reason:
            failed[name] = str(reason)
            if reason.for_good:
                finished.add(name)
        else:
            finished.add(name)
    return Delivered(frozenset(finished), failed)


def wait(tries: int) -> float | None:
    """Seconds until the next round after so many; None: it is given up."""
    return None if tries + 1 >= MOST_TRIES else min(FIRST_WAIT * 2.0**tries, LONGEST_WAIT)


def _channels(
    alert: Alert, alerting: Alerting, secrets: Secrets, dashboard: str, now: float
) -> Iterator[tuple[str, Callable[[], None]]]:
    for hook in alerting.webhooks:
        if wants(hook, alert):
            yield hook.name, lambda hook=hook: _post(hook, alert, secrets, dashboard, now)  # type: ignore[misc]  # the default binds it
    mailing = alerting.mail
    if mailing is not None and wants(mailing, alert) and readers(alert, mailing):
        yield "mail", lambda: _mail(mailing, alert, secrets, dashboard)


def _post(hook: Webhook, alert: Alert, secrets: Secrets, dashboard: str, now: float) -> None:
    body = as_slack(alert, dashboard) if hook.format == "slack" else as_json(alert, dashboard)
    try:
        headers = signed(body, alert.id, int(now), _found(hook.secret, secrets))
    except ValueError:
        raise Unsent("its secret begins with whsec_ and is no base64", for_good=True) from None
    post(_found(hook.url, secrets) or "", body, headers)


def _mail(mailing: Mailing, alert: Alert, secrets: Secrets, dashboard: str) -> None:
    mail(as_mail(alert, mailing, dashboard), mailing, _found(mailing.password, secrets))


def _found(ref: str | None, secrets: Secrets) -> str | None:
    """A secret, or what is written as it stands. Raises Unsent: a reference that leads nowhere may lead somewhere tomorrow."""
    if ref is None or not ref.startswith(("env:", "file:")):
        return ref
    found = secrets(ref)
    if found is None:
        raise Unsent(f"{ref} is not set")
    return found
