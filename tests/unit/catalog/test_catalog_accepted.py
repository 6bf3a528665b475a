"""What refreshes left in the data directory, laid over what is shipped."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from turnout.catalog.accepted import POINTER, Accepted, Pointer, encoded, name_of
from turnout.catalog.load import Catalog, load_catalog
from turnout.catalog.vendors import names, undated, vendors_at, weights
from turnout.types.models import ModelFacts, PriceRow, Rate, Source
from turnout.types.money import PicoDollars

ID = "anthropic/claude-haiku-4-5"


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return load_catalog()


def _repriced(facts: ModelFacts, day: str) -> ModelFacts:
    row = PriceRow((Rate(PicoDollars(7), PicoDollars(8)),), Source("models.dev + litellm", day), date.fromisoformat(day))
    return msgspec.structs.replace(facts, prices=(*facts.prices, row), sources=facts.sources | {"prices": row.source})


def _store(directory: Path, *models: ModelFacts) -> str:
    content = encoded(Accepted(models))
    name = name_of(content)
    (directory / f"{name}.json").write_bytes(content)
    (directory / POINTER).write_bytes(msgspec.json.encode(Pointer(name, 1.0)))
    return name


def test_what_was_accepted_is_laid_over_what_is_shipped(tmp_path: Path, shipped: Catalog) -> None:
    """New models join their vendor, changed groups of facts are taken with their history, everything else is as shipped."""
    fresh = ModelFacts(id="anthropic/claude-9", provider="anthropic", upstream_id="claude-9", untried=True)
    name = _store(tmp_path, _repriced(shipped.models[ID], "2099-01-01"), fresh)

    catalog = load_catalog(accepted=tmp_path)

    assert catalog.refreshed == name
    assert catalog.hash != shipped.hash
    assert len(catalog.models[ID].prices) == len(shipped.models[ID].prices) + 1
    assert catalog.models[ID].context == shipped.models[ID].context
    assert catalog.models["anthropic/claude-9"] in catalog.by_vendor["anthropic"]
    assert catalog.by_vendor["openai"] == shipped.by_vendor["openai"]


def test_what_is_shipped_later_wins(tmp_path: Path, shipped: Catalog) -> None:
    """A program that ships newer facts is not held back by an older refresh."""
    _store(tmp_path, _repriced(shipped.models[ID], "2020-01-01"))

    assert load_catalog(accepted=tmp_path).models[ID] == shipped.models[ID]


DAMAGE = {"no pointer": (None, b""), "another hash": (b'{"hash":"ab","at":1}', b"{}"), "a way out": (b'{"hash":"../x","at":1}', b""), "no JSON": (b"x", b"")}  # fmt: skip


@pytest.mark.parametrize(("pointer", "content"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_file_that_cannot_be_read_is_as_if_it_were_not_there(
    pointer: bytes | None, content: bytes, tmp_path: Path, shipped: Catalog
) -> None:
    """What is shipped holds."""
    (tmp_path / "ab.json").write_bytes(content)
    if pointer is not None:
        (tmp_path / POINTER).write_bytes(pointer)

    assert load_catalog(accepted=tmp_path) == shipped


def test_every_shipped_vendor_has_a_name_in_every_catalog(shipped: Catalog) -> None:
    """Or a refresh would not find it there."""
    for vendor in shipped.by_vendor:
        row = names()[vendor]
        assert row.models_dev
        assert row.litellm
        assert row.genai_prices
    assert vendors_at("models_dev")["togetherai"] == "together"


def test_names_of_weights_and_days_are_seen_through() -> None:
    """The same weights at any host are one, and so are a model and its snapshot of a day."""
    assert weights("accounts/fireworks/models/glm-5p3") == weights("zai-org/GLM-5.3")
    assert [undated(name) for name in ("gpt-5-2025-08-07", "claude-haiku-4-5-20251001", "mistral-large-2512", "gpt-5.4")] == [
        "gpt-5", "claude-haiku-4-5", "mistral-large", "gpt-5.4",
    ]  # fmt: skip
