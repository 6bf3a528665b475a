"""Prices in force, exact charges, golden invoices by hand and against genai-prices' own calculation."""

import timeit
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.catalog.load import Catalog, load_catalog
from turnout.catalog.rates import blended, charge, estimate, in_force, rate_for, tier_name
from turnout.types.models import PriceRow, Rate, Source
from turnout.types.money import PICO_PER_USD, PicoDollars, pico_from_usd, pico_per_token
from turnout.types.reply import Usage

TODAY = date(2026, 11, 23)
HERE = Source("test", "2026-11-23")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def rate(per_input: float, per_output: float, **more: float) -> Rate:
    above = int(more.pop("above", 0))
    return Rate(
        input=pico_per_token(per_input),
        output=pico_per_token(per_output),
        above=above,
        **{k: pico_per_token(v) for k, v in more.items()},
    )


def bill(catalog: Catalog, model: str, usage: Usage, day: date = TODAY) -> PicoDollars | None:
    tiers = in_force(catalog.models[model].prices, day)
    assert tiers is not None
    return charge(tiers, usage)


# Invoices worked out by hand from the vendors' price pages, in USD.
BY_HAND = [
    ("openai/gpt-5", Usage(input=1_000, output=500), TODAY, "0.00625"),
    ("openai/gpt-5", Usage(input=400, cache_read=9_600, output=100, reasoning=900), TODAY, "0.0117"),
    ("openai/gpt-4o-mini", Usage(input=1, output=1), TODAY, "0.00000075"),
    ("openai/gpt-4o-mini", Usage(cache_read=1), TODAY, "0.000000075"),
    ("openai/o3", Usage(input=1_000_000, output=1_000_000), date(2025, 6, 1), "50"),
    ("openai/o3", Usage(input=1_000_000, output=1_000_000), date(2025, 6, 15), "10"),
    ("openai/gpt-5.6-sol", Usage(input=272_000, output=1_000), TODAY, "1.108"),
    ("openai/gpt-5.6-sol", Usage(input=272_001, output=1_000), TODAY, "2.206008"),
    ("openai/gpt-audio", Usage(input=100, input_audio=1_000, output=50, output_audio=2_000), TODAY, "0.16075"),
    ("anthropic/claude-opus-4-5", Usage(input=12, cache_read=20_000, cache_write=3_000, output=700), TODAY, "0.04631"),
    ("anthropic/claude-haiku-4-5", Usage(input=10, cache_write_1h=5_000, output=200), TODAY, "0.01101"),
    ("anthropic/claude-haiku-5-5", Usage(input=50_000, cache_read=50_001, output=1_000), TODAY, "0.03000005"),
    ("anthropic/claude-fable-5-1", Usage(cache_read=1_000), TODAY, "0.00025"),
    ("gemini/gemini-2.5-pro", Usage(input=200_000, output=1_000), TODAY, "0.26"),
    ("gemini/gemini-2.5-pro", Usage(input=200_001, output=1_000), TODAY, "0.5150025"),
    ("gemini/gemini-4-argon", Usage(input=1_000, output=1_000), date(2026, 11, 30), "0.012"),
    ("gemini/gemini-4-argon", Usage(input=1_000, output=1_000), date(2026, 12, 1), "0.024"),
    ("deepseek/deepseek-v4-pro", Usage(input=1_000, cache_read=1_000, output=1_000), date(2026, 8, 16), "0.001308625"),
    ("perplexity/sonar", Usage(input=1_000, output=1_000), TODAY, "0.014"),
]


@pytest.mark.parametrize(("model", "usage", "day", "usd"), BY_HAND)
def test_invoice_by_hand(catalog: Catalog, model: str, usage: Usage, day: date, usd: str) -> None:
    """A bill is what the vendor's price page says, to the pico-dollar."""
    assert bill(catalog, model, usage, day) == pico_from_usd(usd)


def test_seven_and_a_half_nano_dollars_are_exact() -> None:
    """Prices below a nano-dollar per token lose nothing (the cheapest published cached reads are 7.5 nano-dollars per token and less)."""
    tiers = (rate(0.075, 0.3, cache_read=0.0075),)

    assert charge(tiers, Usage(cache_read=3)) == 3 * 7_500


ORACLE_IDS = {"gemini": "google", "xai": "x-ai"}
FEE_PER_REQUEST = {"perplexity"}  # the oracle bills the fee only when told the number of requests; by hand above
ORACLE_USAGES = [
    Usage(input=1_234, output=567),
    Usage(input=50, cache_read=30_000, output=1_000, reasoning=0),
    Usage(input=150_000, cache_read=151_000, output=9),
]


def oracle_cases(catalog: Catalog) -> list[str]:
    return [
        facts.id
        for facts in catalog.models.values()
        if facts.prices
        and facts.prices[0].source.name.startswith("genai-prices")
        and not any(conflict.kept == "peak" for conflict in catalog.conflicts.get(facts.id, ()))
        and facts.provider not in FEE_PER_REQUEST
    ]


def test_invoices_equal_the_oracles_for_every_model(catalog: Catalog) -> None:
    """Every model priced from genai-prices bills as that package itself calculates, cached tokens and tiers included."""
    genai_prices = pytest.importorskip("genai_prices")
    at = datetime.combine(TODAY, time(12), UTC)
    checked = 0
    for model in oracle_cases(catalog):
        facts = catalog.models[model]
        for usage in ORACLE_USAGES:
            theirs = genai_prices.calc_price(
                genai_prices.Usage(
                    input_tokens=usage.total_input,
                    cache_read_tokens=usage.cache_read,
                    output_tokens=usage.total_output,
                ),
                facts.upstream_id,
                provider_id=ORACLE_IDS.get(facts.provider, facts.provider),
                genai_request_timestamp=at,
            )
            assert bill(catalog, model, usage) == int(theirs.total_price * PICO_PER_USD), (model, usage)
            checked += 1

    assert checked > 300


@pytest.mark.parametrize(
    ("model", "theirs", "ours"),
    [
        ("gemini/gemini-2.5-flash", {"input_tokens": 900, "input_audio_tokens": 400, "output_tokens": 100},
         Usage(input=500, input_audio=400, output=100)),
        ("openai/gpt-audio", {"input_tokens": 1_000, "input_audio_tokens": 900, "output_tokens": 700, "output_audio_tokens": 600},
         Usage(input=100, input_audio=900, output=100, output_audio=600)),
        ("anthropic/claude-sonnet-4-6", {"input_tokens": 9_000, "cache_read_tokens": 5_000, "cache_write_tokens": 3_000, "output_tokens": 10},
         Usage(input=1_000, cache_read=5_000, cache_write=3_000, output=10)),
    ],
)  # fmt: skip
def test_audio_and_cache_writes_equal_the_oracles(catalog: Catalog, model: str, theirs: dict[str, int], ours: Usage) -> None:
    """Buckets that are rarer than text bill as genai-prices calculates them too."""
    genai_prices = pytest.importorskip("genai_prices")
    facts = catalog.models[model]
    calculated = genai_prices.calc_price(
        genai_prices.Usage(**theirs), facts.upstream_id, provider_id=ORACLE_IDS.get(facts.provider, facts.provider),
        genai_request_timestamp=datetime.combine(TODAY, time(12), UTC),
    )  # fmt: skip

    assert bill(catalog, model, ours) == int(calculated.total_price * PICO_PER_USD)


def test_a_row_is_in_force_from_its_start() -> None:
    """The last row that has begun holds; before the first dated row nothing is known."""
    old, new = (rate(1, 2),), (rate(3, 4),)
    rows = (PriceRow(old, HERE, start=date(2026, 1, 1)), PriceRow(new, HERE, start=date(2026, 6, 1)))

    assert in_force(rows, date(2025, 12, 31)) is None
    assert in_force(rows, date(2026, 5, 31)) is old
    assert in_force(rows, date(2026, 6, 1)) is new
    assert in_force((), TODAY) is None


def test_a_tier_begins_above_its_threshold() -> None:
    """A tier prices the whole request once its input exceeds the threshold, cached input counted."""
    tiers = (rate(1, 1), rate(2, 2, above=100), rate(3, 3, above=200))

    assert [rate_for(tiers, tokens).input // 1_000_000 for tokens in (0, 100, 101, 200, 201)] == [1, 1, 2, 2, 3]
    assert charge(tiers, Usage(input=50, cache_read=51)) == 101 * 2_000_000


def test_incomplete_usage_has_no_cost() -> None:
    """A bill that rests on figures known to be wrong is unknown, not zero."""
    assert charge((rate(1, 1),), Usage(input=10, complete=False)) is None
    assert charge((rate(0, 0),), Usage(complete=False)) == 0


@pytest.mark.parametrize("bucket", ["input_audio", "output_audio", "input_image", "output_image"])
def test_a_bucket_without_a_price_is_unknown_unless_empty(bucket: str) -> None:
    """Audio and images are never billed as if they were text."""
    tiers = (rate(1, 1),)

    assert charge(tiers, Usage(input=1, **{bucket: 1})) is None
    assert charge(tiers, Usage(input=1)) == 1_000_000


def test_fallbacks_where_the_meaning_allows() -> None:
    """Without prices of their own, cached reads and writes bill as input and reasoning as output."""
    usage = Usage(cache_read=1, cache_write=1, cache_write_1h=1, reasoning=1)

    assert charge((rate(2, 5),), usage) == 11_000_000
    assert charge((rate(2, 5, cache_write=3),), usage) is None  # an hour's write costs more than a short one; how much is unknown
    assert charge((rate(2, 5, cache_write=3),), Usage(cache_write=1)) == 3_000_000


def test_free_is_not_unknown(catalog: Catalog) -> None:
    """A price of zero is zero."""
    assert bill(catalog, "gemini/gemma-4-31b-it", Usage(input=1_000, output=1_000)) == 0


@pytest.mark.parametrize(
    ("per_input", "per_output", "tier"),
    [
        (0.9, 0.9, "cheap"),
        (0.999999, 1.0, "cheap"),
        (1.0, 1.0, "mid"),
        (10.0, 10.0, "mid"),
        (10, 10.0001, "premium"),
        (0, 0, "cheap"),
    ],
)
def test_cost_tiers(per_input: float, per_output: float, tier: str) -> None:
    """Cheap is below $1 and premium above $10 per million tokens, blended 3:1 (PRODUCT M4)."""
    assert tier_name((rate(per_input, per_output),)) == tier


def test_blended_price() -> None:
    """Three parts input, one part output."""
    assert blended((rate(1.25, 10),)) == 3_437_500


counts = st.integers(0, 10**9)
usages = st.builds(
    Usage, input=counts, cache_read=counts, cache_write=counts, cache_write_1h=counts, input_audio=counts, input_image=counts,
    output=counts, reasoning=counts, output_audio=counts, output_image=counts,
)  # fmt: skip
prices = st.integers(0, 10**9)
full_rates = st.builds(
    Rate, input=prices, output=prices, cache_read=prices, cache_write=prices, cache_write_1h=prices, reasoning=prices,
    input_audio=prices, output_audio=prices, input_image=prices, output_image=prices, per_request=prices,
)  # fmt: skip


@given(full_rates, usages, st.sampled_from([f for f in Usage.__struct_fields__ if f != "complete"]))
def test_one_more_token_never_costs_less(priced: Rate, usage: Usage, bucket: str) -> None:
    """Within a tier a bill grows with every bucket."""
    more = Usage(**{name: getattr(usage, name) + (name == bucket) for name in Usage.__struct_fields__ if name != "complete"})

    before, after = charge((priced,), usage), charge((priced,), more)
    assert before is not None
    assert after is not None
    assert after >= before


@given(full_rates)
def test_nothing_used_costs_the_fee_per_request(priced: Rate) -> None:
    """Zero usage costs what a request costs, and no more."""
    assert charge((priced,), Usage()) == priced.per_request


@given(full_rates, counts, counts)
def test_an_estimate_is_the_charge_of_plain_tokens(priced: Rate, tokens_in: int, tokens_out: int) -> None:
    """The expected cost and the bill agree where nothing is cached."""
    assert estimate((priced,), tokens_in, tokens_out) == charge((priced,), Usage(input=tokens_in, output=tokens_out))


@given(st.decimals(0, 10_000, places=6))
def test_prices_survive_exactly(usd_per_million: Decimal) -> None:
    """A price with up to six decimals per million tokens is a whole number of pico-dollars per token."""
    assert Decimal(pico_per_token(usd_per_million)) / 1_000_000 == usd_per_million


def test_an_estimate_is_quick(catalog: Catalog) -> None:
    """Twenty candidates are priced in some microseconds (budget 0.5 us each; ten times that here, as machines are shared)."""
    tiers = in_force(catalog.models["openai/gpt-6-sol"].prices, TODAY)
    assert tiers is not None

    best = min(timeit.repeat(lambda: estimate(tiers, 1_000, 300), number=2_000, repeat=5)) / 2_000
    assert best < 5e-6
