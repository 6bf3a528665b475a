"""Known vendors, as data: one row of endpoints.toml each. Knows no credentials and calls nobody."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec

from turnout.types.policy import Provider

AUTH_HEADERS: Mapping[str, tuple[str, str] | None] = {
    "bearer": ("authorization", "Bearer {secret}"),
    "x-api-key": ("x-api-key", "{secret}"),
    "api-key": ("api-key", "{secret}"),
    "none": None,
}
"""Auth style -> header name and template. Adding a style is adding a line."""

DIALECT_HOME: Mapping[str, str] = {"openai-chat": "openai", "anthropic-messages": "anthropic"}
"""Dialect -> the vendor it comes from: an endpoint of one's own takes auth style and headers from there."""


class Vendor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The facts of one vendor; the meaning of each field stands at the top of endpoints.toml."""

    dialect: str
    auth: str
    base_url: str | None = None
    base_path: str = ""
    env: str | None = None
    key_optional: bool = False
    local: bool = False
    headers: dict[str, str] = {}
    quirks: frozenset[str] = frozenset()
    check: str | None = None

    @property
    def needs_base_url(self) -> bool:
        """Whether a policy must say where it is."""
        return self.base_url is None

    @property
    def needs_key(self) -> bool:
        """Whether it refuses requests without a credential."""
        return self.auth != "none" and not self.key_optional


@cache
def vendors() -> Mapping[str, Vendor]:
    """Every known vendor by name. Read on first use, not at import."""
    rows = tomllib.loads(resources.files("turnout.providers").joinpath("endpoints.toml").read_text("utf-8"))
    return {name: msgspec.convert(row, Vendor) for name, row in rows.items()}


def filed_under(provider: Provider) -> str:
    """Whose models it serves, as catalogs are filed: the vendor's, or its own where what is served is what somebody installed."""
    known = vendors().get(provider.vendor or "")
    return provider.id if known is None or known.local or provider.vendor is None else provider.vendor
