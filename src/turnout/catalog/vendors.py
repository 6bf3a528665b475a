"""What the public catalogs call our vendors, and what the same weights are called at any host."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

_FILE = Path(__file__).parent / "data" / "vendors.toml"
_DATED = re.compile(r"[-@](\d{8}|\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{4})$")

Publisher = Literal["models_dev", "litellm", "genai_prices"]


class Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One vendor's; ``families`` are the words that the names of its own models begin with."""

    models_dev: str | None = None
    litellm: str | None = None
    genai_prices: str | None = None
    families: tuple[str, ...] = ()


@cache
def names() -> Mapping[str, Names]:
    """By our vendor's name. Read on first use, not at import."""
    return {vendor: msgspec.convert(row, Names) for vendor, row in tomllib.loads(_FILE.read_text("utf-8")).items()}


@cache
def vendors_at(publisher: Publisher) -> Mapping[str, str]:
    """The publisher's name of a vendor -> ours."""
    return {theirs: ours for ours, row in names().items() if (theirs := getattr(row, publisher))}


def weights(model: str) -> str:
    """The name that the same weights go by at any host: ``accounts/fireworks/models/glm-5p3`` and ``zai-org/GLM-5.3`` are one."""
    name = model.rsplit("/", 1)[-1].lower()
    name = re.sub(r"(\d)p(\d)", r"\1.\2", name)
    return re.sub(r"-(instruct|turbo|fast|it|fp8)\b", "", name)


def undated(model: str) -> str:
    """``gpt-5-2025-08-07`` -> ``gpt-5``: the name whose snapshot of a day it is; itself where it names no day."""
    return _DATED.sub("", model)
