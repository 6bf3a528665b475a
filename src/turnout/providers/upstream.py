"""Everything needed to call one model, put together once per policy so that a request only adds its body."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from turnout import __version__
from turnout.dialects.dialect import MODEL, Ask, Dialect
from turnout.dialects.headers import merged
from turnout.dialects.registry import DIALECTS
from turnout.errors import ProviderFault
from turnout.ports import Outgoing
from turnout.providers.proxies import proxy_for
from turnout.providers.registry import AUTH_HEADERS, vendors
from turnout.types.models import ModelFacts
from turnout.types.policy import Policy, Provider

Secrets = Callable[[str], str | None]
"""``env:NAME`` or ``file:PATH`` -> the secret, None when it is not there."""


_PUBLIC = frozenset({b"content-type", b"user-agent"})
_SHORTEST_SECRET = 8
"""Characters: a shorter header value is a switch, and masking it would spoil messages."""


class Upstream(msgspec.Struct, frozen=True):
    """One model at one provider behind one credential. ``headers`` hold the credential itself: a repr never shows them.

    ``credential`` is where it was found (``env:NAME``), which may be told.
    """

    model: str
    dialect: Dialect
    url: str
    headers: tuple[tuple[bytes, bytes], ...]
    upstream_model: str
    max_output: int | None = None
    quirks: frozenset[str] = frozenset()
    proxy: str | None = None
    ca_file: str | None = None
    thinks: bool = False
    credential: str = ""
    check_url: str = ""
    stream_url: str = ""

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderFault:
        """Classify an error answer. Some providers repeat what they were sent: what was secret of it is masked, in whatever form it has."""
        fault = self.dialect.read_error(status, headers, body)
        for name, value in self.headers:
            secret = value.decode("latin-1").rpartition(" ")[2]
            if name not in _PUBLIC and len(secret) >= _SHORTEST_SECRET:
                fault.message = fault.message.replace(secret, "***")
        return fault

    def check(self) -> Outgoing | None:
        """A GET that costs nothing and tells whether it can be reached with this credential."""
        return (
            Outgoing("GET", self.check_url, self.headers, b"", self.proxy, self.ca_file, self.model) if self.check_url else None
        )

    def outgoing(self, ask: Ask, front: Dialect) -> Outgoing:
        """The request as this provider wants it: relayed when it speaks the client's dialect, translated when not.

        Raises:
            TurnoutError: ``invalid_request`` when the request cannot be translated.
        """
        if self.dialect.name == front.name:
            body = self.dialect.relay(ask, self.upstream_model, self.quirks)
            headers = merged(self.headers, ask.headers)
        else:
            body = self.dialect.from_hub(front.to_hub(ask), self.upstream_model, max_output=self.max_output, quirks=self.quirks)
            headers = self.headers
        url = self.stream_url if ask.sketch.stream and self.stream_url else self.url
        return Outgoing("POST", url, headers, body, self.proxy, self.ca_file, self.model)

    def __repr__(self) -> str:
        return f"Upstream({self.model} -> {self.dialect.name} {self.url})"


def connect(
    policy: Policy, models: Iterable[ModelFacts], secrets: Secrets, env: Mapping[str, str]
) -> Mapping[str, tuple[Upstream, ...]]:
    """For each model whose provider is in the policy, by ``provider/model``, an upstream per credential.

    ``env`` is read for proxies only.
    """
    ways = {provider.id: tuple(_ways(provider, secrets, env)) for provider in policy.providers}
    return {
        facts.id: tuple(way.upstream(facts) for way in ways[facts.provider]) for facts in models if facts.provider in ways
    }  # fmt: skip


def listing(provider: Provider, secrets: Secrets, env: Mapping[str, str]) -> Outgoing:
    """A GET of the provider's own list of models, with its first credential. ``env`` is read for proxies only."""
    way = next(iter(_ways(provider, secrets, env)))
    vendor = vendors().get(provider.vendor or "")
    url = endpoint(provider.base_url, way.dialect.listing, vendor.base_path if vendor else "")
    return Outgoing("GET", url, way.headers, b"", way.proxy, way.ca_file)


def endpoint(base_url: str, path: str, base_path: str = "") -> str:
    """``base_url`` with the dialect's path; a query in it (``?api-version=``) stays, a doubled ``/v1`` does not.

    ``base_path`` stands in where the base URL has no path of its own.
    """
    scheme, netloc, base, query, _ = urlsplit(base_url)
    base = base.rstrip("/") or base_path
    if path.startswith("/v1/"):  # people write a base URL with and without the version that this path brings along
        base = base.removesuffix("/v1")
    path, _, own = path.partition("?")
    return urlunsplit((scheme, netloc, base + path, "&".join(filter(None, (query, own))), ""))


class _Way(msgspec.Struct, frozen=True):
    """What all models of one provider share behind one credential."""

    credential: str
    dialect: Dialect
    url: str
    stream_url: str
    check_url: str
    headers: tuple[tuple[bytes, bytes], ...]
    quirks: frozenset[str]
    proxy: str | None
    ca_file: str | None

    def upstream(self, facts: ModelFacts) -> Upstream:
        url, stream_url = (_named(template, facts.upstream_id) for template in (self.url, self.stream_url))
        return Upstream(
            facts.id, self.dialect, url, self.headers, facts.upstream_id, facts.max_output,
            self.quirks, self.proxy, self.ca_file, facts.reasoning_by_default, self.credential,
            self.check_url, stream_url if stream_url != url else "",
        )  # fmt: skip


def _named(template: str, upstream_model: str) -> str:
    """The model's own URL, where dialects or base URLs name it there."""
    return template.replace(MODEL, quote(upstream_model, safe="")) if MODEL in template else template


def _ways(provider: Provider, secrets: Secrets, env: Mapping[str, str]) -> Iterator[_Way]:
    """One per credential that is there; one without any where none is: the provider's 401 then says so."""
    dialect = DIALECTS[provider.dialect]
    vendor = vendors().get(provider.vendor or "")
    base_path = vendor.base_path if vendor else ""
    url, stream_url = (endpoint(provider.base_url, path, base_path) for path in (dialect.path, dialect.stream_path))
    check_url = endpoint(provider.base_url, (vendor.check if vendor else None) or dialect.listing, base_path)
    proxy = _proxy(provider, url, secrets, env)
    found: list[tuple[str, str | None]] = [(key.ref, secret) for key in provider.keys if key.ref and (secret := secrets(key.ref))]
    for ref, secret in found or [("", None)]:
        headers = _headers(provider, secret, secrets)
        yield _Way(ref, dialect, url, stream_url, check_url, headers, provider.quirks, proxy, provider.ca_file)


def _headers(provider: Provider, secret: str | None, secrets: Secrets) -> tuple[tuple[bytes, bytes], ...]:
    """Ours, the vendor's, the policy's, and the credential."""
    named = {"content-type": "application/json", "user-agent": f"turnout/{__version__}"}
    for name, value in provider.headers.items():
        known = _reveal(value, secrets)
        if known is not None:
            named[name.lower()] = known
    template = AUTH_HEADERS[provider.auth]
    if template and secret:
        named[template[0]] = template[1].format(secret=secret)
    return tuple((name.encode("ascii"), value.encode("latin-1")) for name, value in named.items())


def _proxy(provider: Provider, url: str, secrets: Secrets, env: Mapping[str, str]) -> str | None:
    """The provider's own, ``none`` for a straight way out, else what the environment says."""
    if provider.proxy is None:
        return proxy_for(url, env)
    return None if provider.proxy == "none" else _reveal(provider.proxy, secrets)


def _reveal(value: str, secrets: Secrets) -> str | None:
    return secrets(value) if value.startswith(("env:", "file:")) else value
