"""Each format of a catalog is read into the catalog's own units, and what is odd in it is named and left out."""

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices.data import providers
from genai_prices.types import ConditionalPrice, ModelPrice, TieredPrices

from tests.shared_data import SHARED
from tests.support.catalogs import dev_model, lite_model, litellm, models_dev
from turnout.types.models import Feature, Modality
from turnout.watch.sheet import means
from turnout.watch.sources import Unreadable, read
from turnout.watch.sources.genai_prices import PRICES
from turnout.watch.sources.news import named


def test_models_dev_is_read_with_its_tiers() -> None:
    """USD per million become pico-dollars per token; a vendor goes by our name; silence is no claim."""
    tiers = [{"tier": {"size": 200_000}, "input": 2.5, "output": 15.0}]
    entry = dev_model(cost={"input": 1.25, "output": 10.0, "cache_read": 0.125, "tiers": tiers}, status="beta")
    del entry["structured_output"]

    sheet = read(models_dev({"google/gemini-9": entry}))

    stated = sheet.stated["gemini/gemini-9"]
    low, high = stated.prices[0].tiers
    assert sheet.source == "models.dev"
    assert (low.input, low.output, low.cache_read) == (1_250_000, 10_000_000, 125_000)
    assert (high.above, high.input) == (200_000, 2_500_000)
    assert (stated.context, stated.max_output, stated.released, stated.preview) == (200_000, 64_000, date(2026, 1, 15), True)
    assert stated.features.yes == Feature.TOOLS
    assert stated.features.no == Feature.REASONING
    assert stated.input.yes == Modality.TEXT | Modality.IMAGE | Modality.DOCUMENT
    assert stated.input.no == Modality.AUDIO | Modality.VIDEO


def test_the_older_step_of_models_dev_is_read_too() -> None:
    """``context_over_200k`` is a tier from 200,000 tokens on."""
    cost = {"input": 3, "output": 15, "context_over_200k": {"input": 6, "output": 22.5}}

    (prices,) = read(models_dev({"anthropic/x": dev_model(cost=cost)})).stated["anthropic/x"].prices

    assert [(tier.above, tier.output) for tier in prices.tiers] == [(0, 15_000_000), (200_000, 22_500_000)]


def test_litellm_is_read_with_steps_ends_and_batches() -> None:
    """USD per token; a price without a step of its own keeps its value; the key's prefix is the provider."""
    entry = lite_model(
        "together_ai", input_cost_per_token_above_200k_tokens=2e-06, deprecation_date="2027-03-31", supports_audio_input=False
    )

    sheet = read(
        litellm(
            {"together_ai/zai-org/GLM-9": entry, "embed": lite_model("openai", mode="embedding"), "gpt-9": lite_model("openai")}
        )
    )

    stated = sheet.stated["together/zai-org/GLM-9"]
    low, high = stated.prices[0].tiers
    assert set(sheet.stated) == {"together/zai-org/GLM-9", "openai/gpt-9"}
    assert (low.input, low.cache_read, stated.prices[0].batch) == (1_000_000, 100_000, 0.5)
    assert (high.above, high.input, high.output) == (200_000, 2_000_000, 5_000_000)
    assert (stated.context, stated.max_input, stated.retires) == (None, 200_000, date(2027, 3, 31))
    assert stated.input.no == Modality.AUDIO


def test_openrouter_states_its_own_models_at_its_own_prices() -> None:
    """Prices are text per token; what a router passes on has none; the slug is what the name stands for now."""
    entry = {
        "id": "anthropic/claude-9",
        "canonical_slug": "anthropic/claude-9-20260101",
        "created": 1_767_225_600,
        "context_length": 1_000_000,
        "architecture": {"input_modalities": ["text", "image", "file"], "output_modalities": ["text"]},
        "pricing": {"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003", "internal_reasoning": "0"},
        "top_provider": {"context_length": 1_000_000, "max_completion_tokens": 64_000},
        "supported_parameters": ["tools", "tool_choice", "structured_outputs", "stop"],
        "expiration_date": "2027-01-01",
    }
    auto = entry | {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}}

    sheet = read(json.dumps({"data": [entry, auto]}).encode())

    stated = sheet.stated["openrouter/anthropic/claude-9"]
    rate = stated.prices[0].tiers[0]
    assert sheet.own == "openrouter"
    assert (rate.input, rate.output, rate.cache_read, rate.reasoning) == (3_000_000, 15_000_000, 300_000, None)
    assert (stated.released, stated.retires) == (date(2026, 1, 1), date(2027, 1, 1))
    assert stated.stands_for == "openrouter/anthropic/claude-9-20260101"
    assert stated.features.no & Feature.SEED
    assert sheet.skipped == ("openrouter/'openrouter/auto': its price depends on the model that it is passed on to",)


def test_genai_prices_has_history_steps_and_clauses() -> None:
    """Tariffs ascend by their day, whole tiers come of single steps, hours count at their dearest, and a name is meant by a clause."""
    prices = [
        {"prices": {"input_mtok": {"base": 5, "tiers": [{"start": 200_000, "price": 10}]}, "output_mtok": 25}},
        {"constraint": {"start_date": "2026-03-13"}, "prices": {"input_mtok": 5, "output_mtok": 25}},
        {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 8, "output_mtok": 40}},
    ]
    match = {"or": [{"starts_with": "claude-opus-9"}, {"equals": "claude-9-opus"}, {"regex": "(a+)+$"}]}
    model = {"id": "claude-opus-9", "match": match, "prices": prices}

    sheet = read(json.dumps([{"id": "anthropic", "models": [model]}]).encode())

    stated = sheet.stated["anthropic/claude-opus-9"]
    first, second = stated.prices
    assert [(tier.above, tier.input, tier.output) for tier in first.tiers] == [
        (0, 5_000_000, 25_000_000),
        (200_000, 10_000_000, 25_000_000),
    ]
    assert (second.start, second.tiers[0].input) == (date(2026, 3, 13), 8_000_000)
    assert not stated.listed
    assert [means(match, name) for name in ("claude-opus-9-20260101", "claude-9-opus", "a" * 64, "gpt-9")] == [
        True,
        True,
        False,
        False,
    ]


def test_each_providers_own_list_is_known_by_its_shape() -> None:
    """Anthropic, Gemini and Mistral say whose list it is; OpenAI's shape is everybody's, and needs to be told."""
    anthropic = {
        "data": [
            {
                "type": "model", "id": "claude-9", "display_name": "Claude 9", "created_at": "2026-10-01T00:00:00Z", "max_input_tokens": 200_000,
                "max_tokens": 64_000, "lifecycle": "deprecated",
                "capabilities": {"image_input": {"supported": True}, "pdf_input": {"supported": False}, "structured_outputs": {"supported": True}},
            }
        ]
    }  # fmt: skip
    gemini = {"models": [{"name": "models/gemini-9", "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536, "supportedGenerationMethods": ["generateContent"], "thinking": True}]}  # fmt: skip
    mistral = {
        "data": [
            {
                "id": "mistral-large-latest", "name": "mistral-large-2512", "created": 1, "max_context_length": 262_144, "deprecation": "2027-02-28T00:00:00Z",
                "capabilities": {"completion_chat": True, "function_calling": True, "vision": True},
            },
            {"id": "mistral-embed", "capabilities": {"completion_chat": False}, "max_context_length": 8_192},
        ]
    }  # fmt: skip
    openai = {
        "data": [
            {"id": "gpt-9", "created": 1_790_000_000},
            {"id": "whisper-1"},
            {"id": "text-embedding-9"},
            {"id": "gpt-9-realtime"},
        ]
    }

    claude = read(json.dumps(anthropic).encode()).stated["anthropic/claude-9"]
    nine = read(json.dumps(gemini).encode()).stated["gemini/gemini-9"]
    large = read(json.dumps(mistral).encode())

    assert (claude.max_input, claude.max_output, claude.deprecated, claude.released) == (200_000, 64_000, True, date(2026, 10, 1))
    assert (claude.input.yes & Modality.IMAGE, claude.input.no & Modality.DOCUMENT) == (Modality.IMAGE, Modality.DOCUMENT)
    assert (nine.max_input, nine.features.yes) == (1_048_576, Feature.REASONING)
    assert set(large.stated) == {"mistral/mistral-large-latest"}
    assert large.stated["mistral/mistral-large-latest"].stands_for == "mistral/mistral-large-2512"
    assert large.stated["mistral/mistral-large-latest"].retires == date(2027, 2, 28)
    assert set(read(json.dumps(openai).encode(), "openai").stated) == {"openai/gpt-9"}
    with pytest.raises(Unreadable, match="vendor:NAME"):
        read(json.dumps(openai).encode())


RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>
<item><title>Introducing Claude Opus 9</title></item><item><title>We are retiring gpt-4.1-mini on 1 March</title></item>
<item><title>Our offices move</title></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>Gemini 9 Flash is here</title></entry></feed>"""


def test_feeds_and_changelogs_name_models_and_nothing_else() -> None:
    """Titles that name a vendor's model come out as headlines; none of them is a fact."""
    rss, atom, log = (
        read(RSS),
        read(ATOM),
        read(b"# Changelog\n\n## Grok 9 is out\n- mistral-large-9 is deprecated\n- faster pages\n"),
    )

    assert [(each.model, each.ends) for each in rss.news] == [("anthropic/claude-opus-9", False), ("openai/gpt-4.1-mini", True)]
    assert [each.model for each in atom.news] == ["gemini/gemini-9-flash"]
    assert [(each.model, each.ends) for each in log.news] == [("xai/grok-9", False), ("mistral/mistral-large-9", True)]
    assert not rss.stated
    assert list(named("Nothing to see")) == []


ODD = {
    "a price in words": {"cost": {"input": "cheap", "output": 1}},
    "a price below nothing": {"cost": {"input": -1, "output": 1}},
    "a price nobody asks": {"cost": {"input": 1e300, "output": 1}},
    "a window in words": {"limit": {"context": "large"}},
    "half a token": {"limit": {"context": 0.5}},
    "a list for a table": {"limit": []},
    "a tier of no size": {"cost": {"input": 1, "output": 1, "tiers": [{"input": 2, "output": 2}]}},
    "a window of true": {"limit": {"context": True}},
}


@pytest.mark.parametrize("changed", ODD.values(), ids=ODD.keys())
def test_an_odd_entry_is_named_and_left_out(changed: dict[str, object]) -> None:
    """The others are read."""
    sheet = read(models_dev({"openai/odd": dev_model(**changed), "openai/fine": dev_model()}))

    assert set(sheet.stated) == {"openai/fine"}
    (why,) = sheet.skipped
    assert why.startswith("openai/'odd': ")


def test_a_name_that_is_an_escape_sequence_is_never_repeated() -> None:
    """What a source calls a model is printed on terminals and pages."""
    sheet = read(models_dev({"openai/\x1b[31mred": dev_model(), "openai/<b>": dev_model(), "openai/fine": dev_model()}))

    assert set(sheet.stated) == {"openai/fine"}
    assert not any("\x1b" in why for why in sheet.skipped)


BAD = {
    b"": "empty",
    b"<!DOCTYPE html><html><body>blocked</body></html>": "a web page",
    b"{": "not JSON",
    b"[" * 100_000: "nested too deeply",
    b'{"error": {"message": "rate limited"}}': "not known",
    b"[]": "not known",
    b'{"openai": {"models": {}}}': "names no model",
    b'{"data": []}': "not known",
    b"\xff\xfe\x00": "neither JSON",
    b"Too many requests": "neither JSON",
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">]><rss/>': "entities",
    b"<?xml version='1.0'?><html/>": "no feed",
    b"<?xml version='1.0'?><rss>": "not XML",
    b'{"a": 1' + b"0" * 400 + b"}": "not",
}


@pytest.mark.parametrize("data", BAD, ids=range(len(BAD)))
def test_what_is_no_catalog_says_what_it_is(data: bytes) -> None:
    """An error in words, whatever the bytes."""
    with pytest.raises(Unreadable, match=BAD[data]):
        read(data)


@pytest.mark.skipif(not (SHARED / "catalog").exists(), reason="needs ../shared/catalog")
def test_the_real_catalogs_are_read_nearly_whole() -> None:
    """Thousands of entries, of which next to none is odd."""
    for name, least in (("models.dev.json.gz", 4_000), ("litellm-prices.json.gz", 2_500)):
        sheet = read(gzip.decompress((SHARED / "catalog" / name).read_bytes()))
        assert len(sheet.stated) >= least
        assert len(sheet.skipped) < len(sheet.stated) / 50


def _tariff(price: ModelPrice) -> dict[str, Any]:
    """As data.json writes it."""
    stated = {name: getattr(price, name, None) for name in PRICES.values()}
    return {name: _amount(value) for name, value in stated.items() if value is not None}


def _amount(value: Decimal | TieredPrices) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return {"base": float(value.base), "tiers": [{"start": tier.start, "price": float(tier.price)} for tier in value.tiers]}


def _constraint(constraint: object) -> dict[str, str]:
    return {key: value.isoformat() for key, value in vars(constraint).items()} if constraint else {}


def _prices(prices: ModelPrice | list[ConditionalPrice]) -> Any:
    if isinstance(prices, ModelPrice):
        return _tariff(prices)
    return [{"constraint": _constraint(each.constraint), "prices": _tariff(each.prices)} for each in prices]


def test_the_real_genai_prices_are_read_as_that_package_reads_them() -> None:
    """Written out in its v2 shape and read back: today's input and output of each vendor's models agree with its own."""
    wanted = [each for each in providers if each.id in {"anthropic", "openai", "google", "mistral"}]
    raw = [{"id": each.id, "models": [{"id": m.id, "prices": _prices(m.prices)} for m in each.models]} for each in wanted]
    sheet = read(json.dumps(raw).encode())
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    compared = 0
    for provider in wanted:
        vendor = "gemini" if provider.id == "google" else provider.id
        for model in provider.models:
            theirs = model.get_prices(now)
            if theirs.input_mtok is None or theirs.output_mtok is None:
                continue
            stated = sheet.stated[f"{vendor}/{model.id}"]
            current = [each for each in stated.prices if each.start is None or each.start <= now.date()][-1].tiers[0]
            for price, ours in ((theirs.input_mtok, current.input), (theirs.output_mtok, current.output)):
                assert ours == (price.base if isinstance(price, TieredPrices) else price) * 1_000_000, model.id
                compared += 1
    assert compared > 200
