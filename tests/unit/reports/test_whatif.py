"""The same traffic under another policy, against sums made call by call."""

from collections.abc import Iterable
from datetime import date

import msgspec
import pytest

from tests.support import logs, views
from turnout.catalog.load import load_catalog
from turnout.catalog.rates import charge
from turnout.decide.decide import decide
from turnout.reports.fit import Fit
from turnout.reports.logs.asked import conversation
from turnout.reports.logs.call import Call
from turnout.reports.piles import Sizes
from turnout.reports.suggest import suggest
from turnout.reports.week1 import traits_of
from turnout.reports.whatif import OF_MODEL, OF_TASK, UNKNOWN_TASK, Rerun, Z, blind
from turnout.types.models import PriceRow, Rate, Source
from turnout.types.money import PicoDollars
from turnout.types.policy import Mix, Prefers, Route
from turnout.types.reply import Usage
from turnout.types.traits import Trait

LONG = views.model("c/large", price=(10, 40), quality=9)
TIERED = views.model("c/large", quality=9, price=None)
TIERED_PRICES = (
    PriceRow(
        (Rate(PicoDollars(10), PicoDollars(40), per_request=PicoDollars(7)), Rate(PicoDollars(20), PicoDollars(60), above=2_000)),
        Source("t", "2026-11-23"),
    ),
)


def call(n: int = 0, usage: Usage | None = None, **said) -> Call:
    return Call(**{"file": "f", "line": n, "model": "x", "usage": usage or Usage(input=100 + n, output=10 + n), **said})


def rerun(view, calls: Iterable[tuple[Call, str]]) -> Rerun:
    """Each call with the model it went to."""
    made = Rerun(view, view.slots, Sizes(slot.tiers for slot in view.slots.values()))
    for place, (one, present) in enumerate(calls):
        made.add(one, view.facts[present], traits_of(one), (place * 0x9E3779B97F4A7C15) % 2**63)
    return made


def test_costs_equal_those_of_each_call_priced_alone():
    """Piles lose nothing: tiers, prices per request, cached tokens; today's cost, the policy's and each control's are exact."""
    large = msgspec.structs.replace(TIERED, prices=TIERED_PRICES)
    view = views.view(Route("default", "static", models=("b/medium",)), models=(views.CHEAP, views.MID, large))
    calls = [call(n, Usage(input=n * 37 % 3_000, cache_read=n % 900, output=n % 50)) for n in range(200)]

    found = rerun(view, ((one, "c/large" if one.line % 2 else "a/small") for one in calls)).result()

    def total(model: str, some: Iterable[Call]) -> int:
        return sum(charge(view.slots[model].tiers, one.usage) for one in some)

    assert found.calls == 200
    assert found.present.cost == total("c/large", calls[1::2]) + total("a/small", calls[::2])
    assert found.routed.cost == total("b/medium", calls)
    assert (found.best_model, found.best.cost) == ("b/medium", total("b/medium", calls))  # the only one the policy may choose
    assert sum(move.calls for move in found.moves) == 200


def test_it_is_the_real_decide():
    """Each call goes where decide sends its traits."""
    view = views.view(
        Route("code", "quality", when=None), Route("default", "cost", prefers=Prefers(quality=6)),
    )  # fmt: skip
    calls = [call(n, sketch=conversation(logs.PROMPTS[n % len(logs.PROMPTS)], "x")) for n in range(60)]
    expected: dict[str, int] = {}
    for place, one in enumerate(calls):
        chosen = decide(view, traits_of(one), (place * 0x9E3779B97F4A7C15) % 2**63).plan.steps[0].model
        expected[chosen] = expected.get(chosen, 0) + 1

    found = rerun(view, ((one, "c/large") for one in calls)).result()

    assert {move.chosen: move.calls for move in found.moves} == expected


def test_unknown_is_not_simple():
    """Without text there is no task, no complexity and no band, whatever the size."""
    traits = blind(call(0, Usage(input=3, output=1)))

    assert (traits.task.value, traits.complexity, traits.band) == (None, None, None)


def test_balanced_shares_hold_for_calls_without_text():
    """Seeds are spread evenly: a mix of 70/20/10 is one, although nothing is known of the calls."""
    view = views.view(Route("default", "balanced", mix=Mix(70, 20, 10)))

    found = rerun(view, ((call(n), "c/large") for n in range(1_000))).result()

    shares = {move.chosen: move.calls for move in found.moves}
    assert shares == pytest.approx({"a/small": 700, "b/medium": 200, "c/large": 100}, abs=20)


def test_the_interval_is_of_the_priors_not_of_the_count():
    """All calls from one model to another: the deviation is of two models' errors, and ten times the traffic changes nothing."""
    view = views.view(Route("default", "static", models=("a/small",)), models=(prior("a/small", 5.0), prior("c/large", 9.0)))

    few, many = (rerun(view, ((call(n), "c/large") for n in range(count))).result() for count in (20, 200))

    wide = Z * UNKNOWN_TASK * (2 * (OF_MODEL**2 + OF_TASK**2)) ** 0.5
    assert few.gain == many.gain
    assert (few.gain.quality, few.gain.low, few.gain.high) == pytest.approx((-4.0, -4.0 - wide, -4.0 + wide))


def test_what_stays_where_it_is_has_no_uncertainty():
    """The same error on both sides cancels out."""
    view = views.view(Route("default", "static", models=("c/large",)), models=(prior("c/large", 9.0),))

    gain = rerun(view, ((call(n), "c/large") for n in range(20))).result().gain

    assert (gain.quality, gain.low, gain.high) == (0.0, 0.0, 0.0)


def test_controls_lie_on_their_line():
    """Shuffled has the policy's shares; at the same spend it costs what the policy costs, as far as the models reach."""
    view = views.view(Route("default", "balanced"))

    found = rerun(view, ((call(n), "c/large") for n in range(500))).result()

    assert found.best_model == "c/large"
    assert found.best.cost == found.present.cost
    assert found.same_spend.cost == pytest.approx(found.routed.cost, rel=1e-6)
    assert found.shuffled.quality == pytest.approx(found.routed.quality)
    assert found.shuffled.cost < found.best.cost


def test_what_cannot_be_compared_is_counted_by_why():
    """Failures, cached answers, embeddings, unknown models and missing usage; what the policy would refuse."""
    view = views.view(models=(views.CHEAP,))
    made = Rerun(view, view.slots, Sizes(()))
    facts = view.facts["a/small"]
    for one, known in (
        (call(error="timeout"), facts), (call(cached=True), facts), (call(kind="embedding"), facts), (call(), None),
        (call(usage=Usage(complete=False)), facts), (call(usage=Usage(input=500_000, output=1)), facts), (call(), facts),
    ):  # fmt: skip
        made.add(one, known, None, 1)

    found = made.result()

    assert found.calls == 1
    assert sum(found.left_out.values()) == 6
    assert "the policy would refuse them (no_candidate)" in found.left_out


def test_nothing_to_compare():
    """Of no calls nothing is said."""
    view = views.view()

    found = Rerun(view, view.slots, Sizes(())).result()

    assert (found.calls, found.moves, found.gain.quality) == (0, (), None)


def test_a_model_that_thinks_is_flagged():
    """Its answers are longer than the log can tell."""
    thinking = msgspec.structs.replace(views.CHEAP, reasoning_by_default=True)
    view = views.view(Route("default", "cost"), models=(thinking, views.PREMIUM))

    found = rerun(view, ((call(n), "c/large") for n in range(5))).result()

    assert (found.thinking, found.moves[0].thinks) == (5, True)


def test_over_and_under():
    """Simple work for which a model nearly as good costs half is over; many endings cut off, by more than chance, are under."""
    view = views.view(models=(views.CHEAP, views.model("d/decent", price=(1, 4), quality=7.5), views.PREMIUM))
    fit = Fit(Sizes(()))
    simple = traits_of(call(sketch=conversation("Translate to French: good morning", "x")))
    assert simple is not None
    for n in range(100):
        fit.add(call(n), "c/large", simple)
        fit.add(call(n, ending="length" if n % 4 == 0 else "stop"), "a/small", None)

    (over,), (under, *_) = fit.over(view.slots, view.slots.values()), fit.under(view.slots)

    assert (over.model, over.instead, over.basis, over.calls) == ("c/large", "d/decent", "text", 100)
    assert over.would_cost < over.cost / 2
    assert (under.model, under.why, under.share) == ("a/small", "truncated", 0.25)
    assert 0.15 < under.at_least < 0.25


def test_few_tokens_are_weak_evidence_and_called_so():
    """Without text a small call is simple `by shape` only."""
    view = views.view(models=(views.model("d/decent", price=(1, 4), quality=8), views.PREMIUM))
    fit = Fit(Sizes(()))
    for n in range(30):
        fit.add(call(n), "c/large", None)
        fit.add(call(n, Usage(input=5_000, output=900)), "c/large", None)

    (over,) = fit.over(view.slots, view.slots.values())

    assert (over.basis, over.calls) == ("shape", 30)


def test_a_suggestion_is_of_what_is_known():
    """Cheaper active models of the same providers that do not think unasked; what is retired or soon will be is left out."""
    catalog, today = load_catalog(), date(2026, 11, 23)

    found = suggest({"openai/gpt-4o": 10, "anthropic/claude-sonnet-4-5": 5}, catalog, today)

    assert found is not None
    assert found.left_out == ("anthropic/claude-sonnet-4-5",)
    for name in found.added:
        facts = catalog.models[name]
        assert (facts.status, facts.reasoning_by_default, facts.provider in {"openai", "anthropic"}) == ("active", False, True)
        assert facts.prices
    assert suggest({}, catalog, today) is None


def prior(name: str, level: float):
    """A model with a prior, no figure of the user's own."""
    return views.model(name, quality=None, skills=dict.fromkeys(("reasoning", "coding", "writing"), level))


def test_traits_of_a_log_take_no_hints_from_its_tags():
    """A log's ``quality=high`` is its own word; conditions may still read the tags."""
    traits = traits_of(call(tags={"quality": "high", "team": "web"}, sketch=conversation("Hello there, how are you?", "x")))

    assert traits is not None
    assert traits.tags == {"quality": "high", "team": "web"}
    assert traits.quality == Trait(None, "none")
