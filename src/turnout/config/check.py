"""Every problem of a policy file at once, each with its path, its line and what to do about it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from turnout.catalog.load import Catalog
from turnout.config import resolve
from turnout.config.check_alerts import check_alerts, check_people
from turnout.config.check_content import check_content
from turnout.config.check_online import check_online
from turnout.config.check_providers import check_models, check_providers, did_you_mean
from turnout.config.check_release import check_release, check_segments, check_sources, check_suites
from turnout.config.check_routes import check_routes
from turnout.config.document import Document, Finding
from turnout.config.schema import File
from turnout.config.shape import Shaped
from turnout.config.store import check_store
from turnout.decide.conditions import forced
from turnout.errors import Problem
from turnout.hosts import is_loopback
from turnout.types.models import ModelFacts
from turnout.types.policy import Policy

TAG_VALUES: Mapping[str, tuple[str, ...]] = {
    "complexity": ("simple", "moderate", "high"),
    "latency": ("realtime", "standard", "batch"),
    "cost": ("critical", "standard", "flexible"),
    "quality": ("acceptable", "balanced", "critical"),
}
"""What the reserved tags may say (PRODUCT C2..C5)."""


_ANY_ADDRESS = frozenset(("0.0.0.0", "::"))  # noqa: S104  # compared, not bound


class Checked(msgspec.Struct, frozen=True):
    """What the file resolves to, and what is wrong with it. With problems, policy and models are what could be made of the rest."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    policy: Policy
    models: tuple[ModelFacts, ...]


def check(
    document: Document,
    shaped: Shaped,
    env: Mapping[str, str],
    catalog: Catalog,
    today: date,
    *,
    secrets_needed: bool,
    served_on: str | None = None,
    base: Path | None = None,
) -> Checked:
    """Look at everything. ``secrets_needed``: a secret that is not there is a problem, otherwise a warning.

    ``served_on`` is the address that is open already, whatever the file says: what would leave it open to all is refused.
    ``base`` is the folder that the file's own paths are seen from.
    """
    file = shaped.file
    providers = resolve.providers(file)
    facts = resolve.models(file, providers, catalog, today)
    policy = resolve.policy(file, providers, catalog)
    findings = [
        *document.findings,
        *shaped.findings,
        *_meaning(shaped, policy, facts, env, catalog, today, base, secrets_needed=secrets_needed),
        *_open_to_all(shaped, served_on),
    ]
    return Checked(
        problems=_located(document, (finding for finding in findings if not finding.warning)),
        warnings=_located(document, (finding for finding in findings if finding.warning)),
        policy=policy,
        models=tuple(facts.values()),
    )


def _located(document: Document, findings: Iterator[Finding]) -> tuple[Problem, ...]:
    """In the file's order, one for each path and message."""
    problems = {(_dotted(each.path), each.message): each for each in findings}
    found = [Problem(path, document.line(each.path), each.message, each.suggestion) for (path, _), each in problems.items()]
    return tuple(sorted(found, key=lambda problem: (problem.line or 0, problem.path)))


def _dotted(path: tuple[str | int, ...]) -> str:
    """``routes.code.fallback[0].model``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _meaning(
    shaped: Shaped, policy: Policy, facts: Mapping[str, ModelFacts], env: Mapping[str, str], catalog: Catalog, today: date,
    base: Path | None, *, secrets_needed: bool,
) -> Iterator[Finding]:  # fmt: skip
    """What is wrong although each part has its shape; nothing that follows only from what was left out."""
    file, providers = shaped.file, {provider.id: provider for provider in policy.providers}
    found = (
        *_server(shaped),
        *_auth(file),
        *_bound_routes(file, policy),
        *_cache(file, serving=secrets_needed),
        *check_store(file.store.url, env, serving=secrets_needed),
        *check_providers(file, providers, env, secrets_needed=secrets_needed),
        *check_models(file, providers, facts, catalog),
        *check_routes(shaped, policy, facts, catalog, today),
        *check_content(shaped, env, serving=secrets_needed),
        *check_online(shaped, policy, facts, today),
        *check_segments(shaped),
        *check_release(shaped, facts, today),
        *check_sources(shaped, base),
        *check_suites(shaped, facts, today, base),
        *check_alerts(shaped, env, serving=secrets_needed),
        *check_people(shaped),
    )
    if not file.providers and shaped.is_whole("providers"):
        yield Finding(("providers",), "no provider", "add one, for example `openai: {}`, or try `turnout demo`")
    reported = {finding.path for finding in shaped.findings}
    yield from (finding for finding in found if finding.path not in reported)


def exposed(host: str, keys: Sequence[object]) -> Finding | None:
    """Other machines may reach it, so callers must show a key."""
    if is_loopback(host) or keys:
        return None
    return Finding(
        ("server", "host"), f"{host} can be reached from other machines and auth.keys is empty",
        "make a key with `turnout keys new NAME`, or listen on 127.0.0.1",
    )  # fmt: skip


def _open_to_all(shaped: Shaped, served_on: str | None) -> Iterator[Finding]:
    """On the address of the file, and on the one that is served on now."""
    if shaped.is_whole("auth"):
        for host in dict.fromkeys((shaped.file.server.host, served_on or shaped.file.server.host)):
            if (found := exposed(host, shaped.file.auth.keys)) is not None:
                yield found


def _server(shaped: Shaped) -> Iterator[Finding]:
    server, control = shaped.file.server, shaped.file.control
    if server.port == control.port != 0 and (
        server.host == control.host or _ANY_ADDRESS.intersection((server.host, control.host))
    ):
        yield Finding(("control", "port"), f"port {control.port} is the data plane's", "give the control plane another one")


def _cache(file: File, *, serving: bool) -> Iterator[Finding]:
    """What would keep a worker from opening it. Where nothing is served the client may be missing, as secrets may."""
    at, url = ("cache", "store"), file.cache.store
    if not url.startswith("redis"):
        return
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        yield Finding(at, f"no address: {error}", "write redis://HOST:PORT/DB")
    if find_spec("redis") is None:
        yield Finding(at, "the client for Redis is not installed", "pip install 'turnout[redis]'", warning=not serving)


def _auth(file: File) -> Iterator[Finding]:
    names: set[str] = set()
    hashes: set[str] = set()
    for index, key in enumerate(file.auth.keys):
        at = ("auth", "keys", index)
        if key.name in names:
            yield Finding((*at, "name"), f'two keys are called "{key.name}"', "records could not tell them apart")
        if key.hash in hashes:
            yield Finding((*at, "hash"), "two entries are the same key", "make one of them anew with `turnout keys new NAME`")
        names.add(key.name)
        hashes.add(key.hash)
        for place, route in enumerate(key.routes or ()):
            if route not in file.routes and route != resolve.DEFAULT_ROUTE:
                yield Finding((*at, "routes", place), f'no route "{route}"', did_you_mean(route, file.routes))
        for tag, value in key.tags.items():
            if value not in TAG_VALUES.get(tag, (value,)):
                yield Finding(
                    (*at, "tags", tag),
                    f'"{value}" is not one of {", ".join(TAG_VALUES[tag])}',
                    did_you_mean(value, TAG_VALUES[tag]),
                )


def _bound_routes(file: File, policy: Policy) -> Iterator[Finding]:
    """A route that a key's own tags force on it is taken even if `routes` does not list it: worth a word."""
    for index, key in enumerate(file.auth.keys):
        governing = (route.name for route in policy.routes if route.when is not None and forced(route.when, key.tags))
        name = next(governing, None)
        if key.routes is not None and name is not None and name not in key.routes:
            yield Finding(
                ("auth", "keys", index, "routes"),
                f'the key\'s tags send all it asks for to route "{name}", which is not listed here',
                f'add "{name}", or change the tags',
                warning=True,
            )
