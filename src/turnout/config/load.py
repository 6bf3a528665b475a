"""turnout.yaml, or the environment alone, into settings and a policy."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from turnout.catalog.load import Catalog
from turnout.config.check import Checked, check, exposed
from turnout.config.document import Document, read
from turnout.config.schema import File, ProviderPart
from turnout.config.settings import Settings, overruled, settings
from turnout.config.shape import Shaped, shape
from turnout.errors import ConfigProblems, Problem
from turnout.providers.registry import vendors
from turnout.types.models import ModelFacts
from turnout.types.policy import Policy


class Loaded(msgspec.Struct, frozen=True):
    """A policy that may be served, what its models are, and what is worth saying about it."""

    settings: Settings
    policy: Policy
    models: tuple[ModelFacts, ...]
    warnings: tuple[Problem, ...]


def load(path: Path | None, env: Mapping[str, str], catalog: Catalog, today: date, served_on: str | None = None) -> Loaded:
    """Read and check ``path``; without one, a provider for each vendor whose key ``env`` holds and the default route.

    ``served_on``: the data plane's address where it is decided already, by the command line or by the file at the start.

    Raises:
        ConfigProblems: it cannot be served; holds every reason.
    """
    document, shaped = _from_environment(env) if path is None else _from_file(path)
    checked = check(
        document, shaped, env, catalog, today, secrets_needed=True, served_on=served_on, base=path.parent if path else None
    )
    if checked.problems:
        raise ConfigProblems(checked.problems, file=path.name if path else None)
    return Loaded(settings(shaped.file), checked.policy, checked.models, checked.warnings)


def settings_of(path: Path | None, env: Mapping[str, str], overrides: Mapping[str, Any]) -> Settings:
    """The settings alone, quickly, with the command line's :func:`overruled` ones; the rest of the file is not looked at.

    Raises:
        ConfigProblems: the file cannot be read, or the address would be open to others without keys.
    """
    _, shaped = _from_environment(env) if path is None else _from_file(path)
    wanted = overruled(settings(shaped.file), overrides)
    if "host" in overrides and (found := exposed(wanted.server.host, shaped.file.auth.keys)):
        raise ConfigProblems((Problem("--host", None, found.message, found.suggestion),))
    return wanted


def places_of(path: Path | None, overrides: Mapping[str, Any]) -> Settings:
    """The settings of what is looked at and not served: no provider and no key is needed for it.

    Raises:
        ConfigProblems: the file cannot be read.
    """
    return overruled(settings(File() if path is None else _from_file(path)[1].file), overrides)


def inspect(path: Path, env: Mapping[str, str], catalog: Catalog, today: date, *, secrets_needed: bool) -> Checked:
    """The same look at a file, without refusing it.

    Raises:
        ConfigProblems: it cannot even be read.
    """
    document, shaped = _from_file(path)
    return check(document, shaped, env, catalog, today, secrets_needed=secrets_needed, base=path.parent)


def inspect_text(text: str, base: Path, env: Mapping[str, str], catalog: Catalog, today: date) -> Checked:
    """The same of a text that is not in a file yet, its own paths seen from ``base``."""
    document = read(text)
    return check(document, shape(document.tree), env, catalog, today, secrets_needed=False, base=base)


def _from_file(path: Path) -> tuple[Document, Shaped]:
    try:
        document = read(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigProblems((Problem("", None, f"cannot be read: {reason}"),), file=path.name) from error
    if not document.tree and document.findings:  # what would follow from an unreadable file is no news
        problems = (Problem("", document.line(each.path), each.message, each.suggestion) for each in document.findings)
        raise ConfigProblems(problems, file=path.name)
    return document, shape(document.tree)


def _from_environment(env: Mapping[str, str]) -> tuple[Document, Shaped]:
    found = {
        name: ProviderPart()
        for name, vendor in vendors().items()
        if vendor.env and env.get(vendor.env, "").strip() and not vendor.needs_base_url and not vendor.local
    }
    if not found:
        known = ", ".join(vendor.env for vendor in list(vendors().values())[:3] if vendor.env)
        raise ConfigProblems(
            (
                Problem(
                    "", None, "no turnout.yaml, and no provider's key in the environment",
                    f"set one ({known} ...), write a turnout.yaml, or try `turnout demo`: it needs neither",
                ),
            )
        )  # fmt: skip
    return Document({}, {}, ()), Shaped(File(providers=found), (), frozenset())
