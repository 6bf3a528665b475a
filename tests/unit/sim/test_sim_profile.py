from statistics import quantiles

import pytest

from turnout.sim.profile import BANDS, default_fleet, draw
from turnout.types.models import Modality
from turnout.types.reply import Usage

FLEET = default_fleet()


def test_default_fleet_spans_three_tiers() -> None:
    """At least three models lie in reach of each price tier's demo: cheap, mid and premium all exist."""
    blended = [(3 * model.input_usd + model.output_usd) / 4 for model in FLEET.models().values()]

    assert len(blended) == 8
    assert sum(price < 1 for price in blended) >= 3
    assert sum(1 <= price <= 10 for price in blended) >= 2
    assert sum(price > 10 for price in blended) >= 2


def test_some_models_do_not_see() -> None:
    """An image must have models that it may never reach."""
    blind = [name for name, model in FLEET.models().items() if not model.input & Modality.IMAGE]

    assert blind == ["sim-local/tiny", "sim-local/coder"]


@pytest.mark.parametrize("name", FLEET.models())
def test_quality_falls_with_complexity(name: str) -> None:
    """A harder request is never answered better."""
    for task in FLEET.models()[name].quality:
        chances = [FLEET.models()[name].chance(task, band) for band in BANDS]
        assert chances == sorted(chances, reverse=True)
        assert all(0 <= chance <= 1 for chance in chances)


def test_ttft_has_the_stated_quantiles() -> None:
    """Drawn times to first token have the profile's p50 and p95."""
    model = FLEET.models()["sim-openai/medium"]

    cuts = quantiles([model.ttft_s(draw("ttft", i)) * 1000 for i in range(20_000)], n=100)

    assert cuts[49] == pytest.approx(model.ttft_p50_ms, rel=0.03)
    assert cuts[94] == pytest.approx(model.ttft_p95_ms, rel=0.05)


def test_bill_prices_each_bucket() -> None:
    """Fresh input, cached input and all output, thinking included, each at its price."""
    model = FLEET.models()["sim-openai/large"]  # 10 in, 1 cached, 40 out, USD per million

    assert model.bill(Usage(input=100, cache_read=50, output=20, reasoning=5)) == (100 * 10 + 50 * 1 + 25 * 40) * 10**6


def test_draw_is_even_and_repeats() -> None:
    """The same arguments draw the same number; different ones spread over [0, 1)."""
    numbers = [draw("a", i) for i in range(10_000)]

    assert numbers == [draw("a", i) for i in range(10_000)]
    assert all(0 <= number < 1 for number in numbers)
    assert sum(numbers) / len(numbers) == pytest.approx(0.5, abs=0.01)
    assert draw("a", "bc") != draw("ab", "c")
