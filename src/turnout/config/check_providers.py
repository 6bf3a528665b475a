"""What can be wrong with providers and with the models declared for them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from turnout.catalog.load import Catalog
from turnout.catalog.near import near
from turnout.config.document import Finding
from turnout.config.resolve import credentials, same_as_chain, vendor_name
from turnout.config.schema import File, ProviderPart
from turnout.config.secret import REFERENCE, resolve
from turnout.errors import Misconfigured, Problem
from turnout.hosts import is_loopback
from turnout.providers.registry import vendors
from turnout.providers.transport.target import parse_proxy, parse_target
from turnout.types.models import ModelFacts
from turnout.types.policy import Provider

_SECRETIVE = re.compile("key|token|secret|auth|cookie|password|credential|signature", re.IGNORECASE)
"""A header or query parameter called like this holds a secret, or may: better asked for once too often than stored once."""
_LOOKS_SECRET = re.compile(r"(Bearer|Basic)\s|sk-|AIza|ghp_|gsk_|xai-|hf_|eyJ", re.IGNORECASE)
"""How vendors' keys begin: a value like this is a secret under whatever name."""


def check_providers(
    file: File, resolved: Mapping[str, Provider], env: Mapping[str, str], *, secrets_needed: bool
) -> Iterator[Finding]:
    """``secrets_needed``: a missing secret is a problem (serving) or a warning (checking, perhaps on another machine)."""
    for name, part in file.providers.items():
        at = ("providers", name)
        yield from _identity(at, name, part)
        yield from _credentials(at, name, part, env, secrets_needed=secrets_needed)
        yield from _way_out(at, part, resolved.get(name))


def check_models(
    file: File, resolved: Mapping[str, Provider], facts: Mapping[str, ModelFacts], catalog: Catalog
) -> Iterator[Finding]:
    """Declared models, and providers that end up serving none."""
    for name, part in file.models.items():
        at = ("models", name)
        provider = name.partition("/")[0]
        if provider not in file.providers:
            yield Finding(
                at,
                f'no provider "{provider}"',
                did_you_mean(provider, file.providers) or "add it under providers, or call the model otherwise",
            )
        chain = same_as_chain(file.models, name)
        if len(set(chain)) < len(chain):
            yield Finding((*at, "same_as"), f"goes in a circle: {' -> '.join(chain)}", "state the facts of one of them")
        elif (
            part.same_as and part.same_as not in facts and part.same_as not in catalog.models and part.same_as not in file.models
        ):
            yield Finding((*at, "same_as"), f'no model "{part.same_as}"', did_you_mean(part.same_as, (*catalog.models, *facts)))
    serving = {model.provider for model in facts.values()}
    for name in resolved:
        if name not in serving:
            yield Finding(
                ("providers", name),
                "serves no known model",
                f"declare what it serves: models: {{{name}/NAME: ...}}",
                warning=True,
            )


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Near names as a suggestion."""
    close = near(name, dict.fromkeys(known), limit=2)
    return "did you mean " + " or ".join(f'"{match}"' for match in close) + "?" if close else None


def _identity(at: tuple[str, str], name: str, part: ProviderPart) -> Iterator[Finding]:
    known = vendors()
    if part.vendor and part.vendor not in known:
        yield Finding((*at, "vendor"), f'no vendor "{part.vendor}"', did_you_mean(part.vendor, known) or _own_endpoint())
        return
    vendor = known.get(vendor_name(name, part) or "")
    if vendor is None and not (part.dialect and part.base_url):
        yield Finding(
            at,
            f'"{name}" is no known vendor, and its dialect or base_url is missing',
            did_you_mean(name, known) or _own_endpoint(),
        )
    elif vendor is not None and vendor.needs_base_url and not part.base_url:
        yield Finding(at, "base_url is missing", f"where {vendor_name(name, part)} is differs for everybody")
    elif vendor is not None and part.dialect not in (None, vendor.dialect) and not part.base_url:
        yield Finding(
            at,
            f"{vendor_name(name, part)} speaks {vendor.dialect} at its usual place",
            f"name the base_url that speaks {part.dialect}",
        )


def _own_endpoint() -> str:
    return "name a vendor, or dialect and base_url of an endpoint of your own"


def _credentials(
    at: tuple[str, str], name: str, part: ProviderPart, env: Mapping[str, str], *, secrets_needed: bool
) -> Iterator[Finding]:
    if part.api_key and part.keys:
        yield Finding((*at, "keys"), "api_key and keys are both given", "keep one of them")
    for index, key in enumerate(part.keys):
        if (key.env is None) == (key.file is None):
            yield Finding((*at, "keys", index), "needs one of env and file", "write {env: NAME}")
        if (key.env, key.file) in ((other.env, other.file) for other in part.keys[:index]):
            yield Finding((*at, "keys", index), "the same credential twice: there is no load to be spread", "keep one")
    vendor = vendors().get(vendor_name(name, part) or "")
    needed = bool(part.api_key or part.keys) or (vendor is not None and vendor.needs_key and part.auth != "none")
    if needed and all(key.env or key.file for key in part.keys):
        for credential in credentials(part, vendor):
            field = "api_key" if part.api_key else "keys" if part.keys else None
            yield from _resolvable((*at, field) if field else at, credential.ref or "", env, secrets_needed=secrets_needed)
    for header, value in part.headers.items():
        where = (*at, "headers", header)
        if REFERENCE.fullmatch(value):
            yield from _resolvable(where, value, env, secrets_needed=secrets_needed)
        elif _SECRETIVE.search(header) or _LOOKS_SECRET.match(value):
            yield Finding(where, "a secret may not stand in the file", "put it in an environment variable and write env:NAME")
        elif not (header.isascii() and header.isprintable() and value.isprintable() and ":" not in header and " " not in header):
            yield Finding(where, "not a header that can be sent", "one line of plain text")


def _resolvable(at: tuple[str | int, ...], ref: str, env: Mapping[str, str], *, secrets_needed: bool) -> Iterator[Finding]:
    found = resolve(ref, env)
    if isinstance(found, Problem):
        yield Finding(at, found.message, found.suggestion, warning=not secrets_needed)


def _way_out(at: tuple[str, str], part: ProviderPart, resolved: Provider | None) -> Iterator[Finding]:
    if part.proxy and part.proxy != "none" and not REFERENCE.fullmatch(part.proxy):
        proxy = _split(part.proxy)
        if proxy is not None and proxy[2]:
            yield Finding(
                (*at, "proxy"),
                "a secret may not stand in the file",
                "put the proxy's URL in an environment variable and write env:NAME",
            )
        elif _refused(parse_proxy, part.proxy):
            yield Finding((*at, "proxy"), "not a proxy's URL", "write http://HOST:PORT, env:NAME or none")
    if part.ca_file and not Path(part.ca_file).expanduser().is_file():
        yield Finding((*at, "ca_file"), f"no file {part.ca_file}", "name a PEM file that this process can read")
    if part.base_url:
        base = _split(part.base_url)
        if base is None or not base[1]:
            yield Finding((*at, "base_url"), "not a URL with a host")
        elif base[2]:
            yield Finding(
                (*at, "base_url"), "a secret may not stand in the file", "remove user and password; use api_key: env:NAME"
            )
        elif secretive := [name for name, _ in parse_qsl(urlsplit(part.base_url).query, True) if _SECRETIVE.search(name)]:
            yield Finding(
                (*at, "base_url"),
                "a secret may not stand in the file",
                f"send {secretive[0]} as a header: api_key or headers, with env:NAME",
            )
        elif _refused(parse_target, part.base_url, None, None):
            yield Finding((*at, "base_url"), "not a URL that can be called", "look at the host's name and the port")
        elif base[0] == "http" and not is_loopback(base[1]) and resolved is not None and resolved.keys:
            yield Finding((*at, "base_url"), "the credential would travel unencrypted", "use https", warning=True)


def _refused(parse: Callable[..., object], *given: str | None) -> bool:
    """Whether every call would fail on it."""
    try:
        parse(*given)
    except Misconfigured:
        return True
    return False


def _split(url: str) -> tuple[str, str, bool] | None:
    """Scheme, host and whether there is a user in it; None when it is no URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", parts.username is not None
