"""Which model of the catalog a log means: names carry prefixes, dates and versions that the catalog's do not."""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from turnout.catalog.load import Catalog
from turnout.catalog.near import near
from turnout.types.models import ModelFacts

How = Literal["exact", "dated", "elsewhere", "unknown"]

VENDOR: Mapping[str, str] = {
    "together_ai": "together", "fireworks_ai": "fireworks", "google": "gemini", "vertex_ai": "gemini", "google_ai_studio": "gemini",
    "mistralai": "mistral", "x-ai": "xai", "text-completion-openai": "openai", "chatgpt": "openai",
}  # fmt: skip
"""What others call a vendor of the catalog."""
ELSEWHERE = frozenset(
    {"azure", "azure_ai", "azure-openai", "bedrock", "bedrock_converse", "vertex_ai", "vertex_ai_beta", "sagemaker", "databricks"}
)
"""Places that serve other vendors' models: the model is known, its price there is not the vendor's for certain."""
MAKERS = (
    "openai",
    "anthropic",
    "gemini",
    "mistral",
    "deepseek",
    "xai",
    "groq",
    "perplexity",
    "together",
    "fireworks",
    "openrouter",
)
"""Where a bare name is looked for, in this order: its maker before those who resell it."""
_REGION = re.compile(r"^(us|eu|apac|global|au|jp|ca)\.(?=[a-z0-9]+\.)")
_MADE_BY = re.compile(r"^(anthropic|openai|mistral|deepseek|google|meta|qwen|cohere|amazon)\.")
_ENDS = re.compile(r"([-@]20\d{2}-?\d{2}-?\d{2}|-latest|-v\d+(:\d+)?|:\d+|@default|-\d{4}-preview|-preview)$")
_LENGTH = 200
MOST_REMEMBERED, MOST_NEAR = 10_000, 100


class Named(msgspec.Struct, frozen=True):
    """``facts`` None: the catalog does not know it, and ``near`` are the names it may mean. ``elsewhere``: served by another than its vendor."""

    facts: ModelFacts | None
    how: How
    near: tuple[str, ...] = ()


class Names:
    """Looks names up, each once. Near names take milliseconds to find, and a log may hold ever other names: only the first unknown ones get them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lower = {id_.lower(): facts for id_, facts in catalog.models.items()}
        self._known: dict[tuple[str, str | None], Named] = {}
        self._unknown = 0

    def find(self, model: str, provider: str | None) -> Named:
        """The model that a log names so, at a provider that it names so (None: it does not say)."""
        key = (model, provider)
        found = self._known.get(key)
        if found is None:
            found = self._find(model[:_LENGTH].strip().lower(), (provider or "").strip().lower())
            if len(self._known) < MOST_REMEMBERED:
                self._known[key] = found
        return found

    def _find(self, model: str, provider: str) -> Named:
        head, slash, rest = model.partition("/")
        place = provider or (head if slash else "")
        elsewhere = place in ELSEWHERE or head in ELSEWHERE
        stems = [model, *([rest] if slash else []), *([model.rpartition("/")[2]] if model.count("/") > 1 else [])]
        vendors = [VENDOR.get(place, place), VENDOR.get(head, head)]
        for stem in stems:
            for trimmed in _trimmed(stem):
                dated = trimmed != stem
                found = self._lower.get(trimmed) if "/" in trimmed else None
                for vendor in (*vendors, *MAKERS):
                    found = found or self._lower.get(f"{vendor}/{trimmed}")
                if found is not None:
                    return Named(found, "elsewhere" if elsewhere else "dated" if dated else "exact")
        self._unknown += 1
        return Named(None, "unknown", tuple(near(stems[-1], self._catalog.models)) if self._unknown <= MOST_NEAR else ())


def _trimmed(name: str) -> list[str]:
    """The name, and the name without what comes before and after: the longest first."""
    forms = [name]
    bare = _MADE_BY.sub("", _REGION.sub("", name))
    if bare != name:
        forms.append(bare)
    while (shorter := _ENDS.sub("", bare)) != bare:
        forms.append(shorter)
        bare = shorter
    return forms + [form.replace(".", "-") for form in forms if form.startswith("claude") and "." in form]
