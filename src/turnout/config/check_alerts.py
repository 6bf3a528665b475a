"""What can be wrong with who is told, and with who may decide."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from turnout.config.check_providers import did_you_mean
from turnout.config.document import Finding, Path
from turnout.config.resolve import DEFAULT_ROUTE
from turnout.config.schema import File
from turnout.config.schema_release import EmailPart
from turnout.config.secret import REFERENCE, resolve
from turnout.config.shape import Shaped
from turnout.errors import Problem

SELVES = ("admin", "schedule", "turnout")
"""What the history calls the program itself: no person may be called so."""
_IS_SECRET = frozenset(("hooks.slack.com", "discord.com", "hooks.zapier.com"))
"""Hosts whose webhooks need no other secret than their address."""


def check_alerts(shaped: Shaped, env: Mapping[str, str], *, serving: bool) -> Iterator[Finding]:
    """Where nothing is served a secret may be missing, as elsewhere."""
    alerts, file = shaped.file.alerts, shaped.file
    names: set[str] = set()
    for index, hook in enumerate(alerts.webhooks):
        at = ("alerts", "webhooks", index)
        if hook.name in names:
            yield Finding((*at, "name"), f'two webhooks are called "{hook.name}"', "call one of them otherwise")
        names.add(hook.name)
        if REFERENCE.fullmatch(hook.url):
            yield from _secret((*at, "url"), hook.url, env, serving=serving)
        elif urlsplit(hook.url).hostname in _IS_SECRET:
            yield Finding((*at, "url"), "whoever reads this address can post to it", "write env:NAME or file:PATH", warning=True)
        if hook.secret is not None:
            yield from _secret((*at, "secret"), hook.secret, env, serving=serving)
    if alerts.email is not None:
        yield from _email(("alerts", "email"), alerts.email, file, env, serving=serving)
    for route in alerts.spend.routes:
        if route not in file.routes and route != DEFAULT_ROUTE:
            yield Finding(("alerts", "spend", "routes", route), f'no route "{route}"', did_you_mean(route, file.routes))


def _secret(at: Path, ref: str, env: Mapping[str, str], *, serving: bool) -> Iterator[Finding]:
    found = resolve(ref, env)
    if isinstance(found, Problem):
        yield Finding(at, found.message, found.suggestion, warning=not serving)


def _email(at: Path, part: EmailPart, file: File, env: Mapping[str, str], *, serving: bool) -> Iterator[Finding]:
    if (part.user is None) != (part.password is None):
        yield Finding(at, "a login needs both user and password", "give both, or none")
    if part.password is not None:
        yield from _secret((*at, "password"), part.password, env, serving=serving)
        if part.security == "none":
            yield Finding((*at, "security"), "the password would go over the wire unprotected", "write starttls or tls")
    if not part.to and not any("@" in (route.owner or "") for route in file.routes.values()):
        yield Finding((*at, "to"), "nobody is written to: no route's owner is an address either", "name somebody", warning=True)


def check_people(shaped: Shaped) -> Iterator[Finding]:
    """Each a name and a key of their own: approvals by two are by two people."""
    names: set[str] = set()
    hashes: set[str] = set()
    callers = {key.hash: key.name for key in shaped.file.auth.keys}
    for index, person in enumerate(shaped.file.control.people):
        at = ("control", "people", index)
        if person.name in SELVES:
            yield Finding((*at, "name"), f'"{person.name}" is reserved', "the history would mix them up")
        if person.name in names:
            yield Finding((*at, "name"), f'two people are called "{person.name}"', "the history could not tell them apart")
        if person.hash in hashes:
            yield Finding((*at, "hash"), "two people have the same key", "make one of them anew with `turnout keys new NAME`")
        elif person.hash in callers:
            yield Finding(
                (*at, "hash"), f'is the virtual key "{callers[person.hash]}" of the data plane too', "give them a key of their own",
                warning=True,
            )  # fmt: skip
        names.add(person.name)
        hashes.add(person.hash)
