"""The user's word over the catalog's."""

from datetime import date

import pytest

from turnout.catalog.overrides import Override, PriceOverride, apply, blank, rehome, resolve
from turnout.catalog.rates import charge, in_force
from turnout.types.models import Feature, LatencyFacts, Modality, ModelFacts, PriceRow, Rate, Source
from turnout.types.money import PicoDollars
from turnout.types.reply import Usage

TODAY = date(2026, 11, 23)
USER = Source("turnout.yaml", "2026-11-23")
KNOWN = ModelFacts(
    id="openai/gpt-5",
    provider="openai",
    upstream_id="gpt-5",
    context=400_000,
    max_output=128_000,
    input=int(Modality.TEXT | Modality.IMAGE),
    output=int(Modality.TEXT),
    features=int(Feature.TOOLS | Feature.JSON_SCHEMA),
    unknown_features=int(Feature.SEED | Feature.STOP),
    prices=(PriceRow((Rate(PicoDollars(1_250_000), PicoDollars(10_000_000)),), Source("list", "2026-01-01")),),
    skills={"coding": 7.9},
    latency=LatencyFacts(1_000.0, 2_000.0, 400.0, 100.0),
    region="us",
    data_policy=frozenset({"no_training"}),
    sources={"limits": Source("models.dev", "2026-07-02")},
)


def test_nothing_stated_changes_nothing() -> None:
    """An empty entry leaves every fact and every source as it was."""
    assert apply(KNOWN, Override(), TODAY) == KNOWN


def test_stated_facts_win_and_name_their_source() -> None:
    """What the user states replaces what the catalog says, and says so; what they do not mention stays."""
    result = apply(KNOWN, Override(context=100_000, region="eu", retires=date(2027, 1, 1), disabled=True), TODAY)

    assert (result.context, result.region, result.retires, result.disabled) == (100_000, "eu", date(2027, 1, 1), True)
    assert result.max_output == KNOWN.max_output
    assert result.sources == {
        "limits": Source("models.dev", "2026-07-02"), "context": USER, "region": USER, "retires": USER, "disabled": USER,
    }  # fmt: skip


def test_features_named_are_settled_and_the_others_kept() -> None:
    """Yes and no both end the unknown; a feature not named keeps its state."""
    result = apply(KNOWN, Override(features={"tools": False, "seed": True}), TODAY)

    assert Feature(result.features) == Feature.JSON_SCHEMA | Feature.SEED
    assert Feature(result.unknown_features) == Feature.STOP


def test_modalities_are_replaced_whole() -> None:
    """`input: [text]` means text and nothing else."""
    assert apply(KNOWN, Override(input=frozenset({"text"})), TODAY).input == Modality.TEXT


@pytest.mark.parametrize("override", [Override(features={"telepathy": True}), Override(input=frozenset({"smell"}))])
def test_names_that_do_not_exist_are_errors(override: Override) -> None:
    """An unknown feature or modality is never ignored."""
    with pytest.raises(KeyError):
        apply(KNOWN, override, TODAY)


def test_a_stated_price_replaces_the_whole_list() -> None:
    """The user's price is the price, on every day, to the pico-dollar."""
    stated = PriceOverride(input=0.1, output=0.2, cache_read=0.0075, per_request=0.001)
    tiers = in_force(apply(KNOWN, Override(price=stated), TODAY).prices, date(2020, 1, 1))

    assert tiers is not None
    assert charge(tiers, Usage(input=1, output=1, cache_read=1)) == 1_000_000_000 + 100_000 + 200_000 + 7_500


def test_free_local_models_cost_nothing() -> None:
    """A stated price of zero is known to be zero."""
    tiers = in_force(apply(KNOWN, Override(price=PriceOverride(input=0, output=0)), TODAY).prices, TODAY)

    assert tiers is not None
    assert charge(tiers, Usage(input=1_000_000)) == 0


def test_quality_is_merged_beside_the_priors() -> None:
    """The user's figures stand apart from the priors, which they do not erase."""
    result = apply(KNOWN, Override(quality={"coding": 6, "default": 5}), TODAY)

    assert result.quality == {"coding": 6, "default": 5}
    assert result.skills == KNOWN.skills


def test_a_stated_latency_scales_what_is_known() -> None:
    """p95 is the user's; the median, first token and speed keep their proportions to it."""
    assert apply(KNOWN, Override(latency_p95_ms=1_000.0), TODAY).latency == LatencyFacts(500.0, 1_000.0, 200.0, 200.0)


def test_a_stated_latency_of_an_unknown_model_is_filled_in() -> None:
    """With nothing to scale, the other figures are those of a typical model."""
    latency = apply(blank("local/x"), Override(latency_p95_ms=1_500.0), TODAY).latency

    assert latency is not None
    assert latency.ttft_ms < latency.p50_ms < latency.p95_ms == 1_500.0


def test_same_as_takes_the_facts_but_not_the_place() -> None:
    """A deployment has its model's abilities and prices, under its own name, without the other place's region and data policy."""
    override = Override(upstream_id="my-deployment", same_as="openai/gpt-5")
    result = resolve("azure-eu/chat", override, {"openai/gpt-5": KNOWN}, TODAY)

    assert (result.id, result.provider, result.upstream_id) == ("azure-eu/chat", "azure-eu", "my-deployment")
    assert (result.context, result.prices, result.features) == (KNOWN.context, KNOWN.prices, KNOWN.features)
    assert (result.region, result.data_policy) == (None, frozenset())


def test_same_as_something_unknown_is_an_error() -> None:
    """It names a model that must exist."""
    with pytest.raises(KeyError):
        resolve("azure-eu/chat", Override(same_as="openai/gpt-99"), {}, TODAY)


def test_an_entry_without_same_as_overrules_the_catalogs_own() -> None:
    """An entry for a model that the catalog has is laid over it."""
    assert resolve("openai/gpt-5", Override(context=1), {"openai/gpt-5": KNOWN}, TODAY).max_output == KNOWN.max_output


def test_a_model_nobody_knows_has_unknown_features_and_price() -> None:
    """Nothing is assumed but text: features are unknown, not absent; the price is unknown, not zero."""
    facts = resolve("local/llama-3.2", Override(context=128_000, features={"tools": True}), {}, TODAY)

    assert facts.upstream_id == "llama-3.2"
    assert facts.prices == ()
    assert Feature(facts.features) == Feature.TOOLS
    assert Feature(facts.unknown_features) == ~Feature.TOOLS


def test_rehoming_splits_at_the_first_slash() -> None:
    """The provider ends at the first slash; the rest is the model's name there."""
    result = rehome(KNOWN, "router/openai/gpt-5")

    assert (result.provider, result.upstream_id) == ("router", "openai/gpt-5")
    assert rehome(KNOWN, KNOWN.id) is KNOWN
