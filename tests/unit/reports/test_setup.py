"""What a set-up is, from its calls: exact sums, and costs by the word of the log and of the catalog."""

from datetime import date
from decimal import Decimal

import pytest

from tests.support import logs
from turnout.catalog.load import load_catalog
from turnout.reports.logs.asked import conversation
from turnout.reports.logs.call import Call
from turnout.reports.names import Names
from turnout.reports.setup import MOST_NAMES, OTHERS, Setup, Spread
from turnout.types.reply import Usage

TODAY = date(2026, 11, 23)
CATALOG = load_catalog()
NAMES = Names(CATALOG)
AT = logs.START.timestamp()


def setup(*calls: Call) -> Setup:
    made = Setup(TODAY)
    for call in calls:
        made.add(call, NAMES.find(call.model, call.provider))
    return made


def call(**said) -> Call:
    return Call(**{"file": "f", "line": 1, "model": "gpt-4o-mini", "usage": Usage(input=1_000, output=100), **said})


def test_sums_by_every_key_add_up():
    """Calls, spend and tokens by model, use case and day each sum to the total, exactly as an independent sum does."""
    ones = list(logs.ones(500, 2))
    made = setup(*(
        call(model=one.model, at=one.at.timestamp(), stated=int(one.cost * 10**12), usage=Usage(input=one.prompt, output=one.completion), use_case=one.case)
        for one in ones if one.model != "our-own-llama"
    ))  # fmt: skip
    spent = sum(int(one.cost * 10**12) for one in ones if one.model != "our-own-llama")

    assert made.total.spend == made.total.stated == spent
    for parts in ([model.sums for model in made.models.values()], list(made.use_cases.values()), list(made.days.values())):
        assert sum(part.calls for part in parts) == made.total.calls
        assert sum(part.spend for part in parts) == spent
        assert sum(part.tokens_in for part in parts) == made.total.tokens_in


def test_what_the_log_does_not_state_is_priced_by_the_catalog():
    """gpt-4o-mini at $0.15 in, $0.60 out and half of it for a batch; cached tokens at their own price."""
    plain, batch, cached = call(), call(batch=True), call(usage=Usage(input=500, cache_read=500, output=100))

    made = [setup(each).total.computed for each in (plain, batch, cached)]

    expected = [Decimal("0.00021"), Decimal("0.000105"), Decimal("0.0001725")]
    assert made == [int(cost * 10**12) for cost in expected]


def test_unknown_is_its_own_state():
    """Unknown model, no usage: in no sum, and counted. An error, or a cached answer, cost nothing."""
    made = setup(call(model="our-own-llama"), call(usage=None), call(usage=None, error="timeout"), call(cached=True))

    assert (made.total.spend, made.total.unpriced, made.total.unused) == (0, 2, 1)


def test_a_stated_nothing_is_told():
    """LiteLLM writes 0 where it knows no price: with a known price it is counted as suspect, without one the cost is unknown."""
    known, unknown, fair = setup(call(stated=0)), setup(call(stated=0, model="our-own-llama")), setup(call(stated=0, cached=True))

    assert (known.total.zero, known.total.unpriced, known.total.both_computed > 0) == (1, 0, True)
    assert (unknown.total.zero, unknown.total.unpriced) == (1, 1)
    assert (fair.total.zero, fair.total.unpriced) == (0, 0)


def test_stated_and_computed_are_compared_where_both_are_known():
    """Over the same calls only."""
    made = setup(call(stated=420_000_000), call(), call(model="our-own-llama", stated=5))

    assert (made.total.compared, made.total.both_stated, made.total.both_computed) == (1, 420_000_000, 210_000_000)


def test_names_are_bounded():
    """A log may name every user: the rest is one."""
    made = setup(*(call(use_case=f"u{n}", caller=f"c{n}") for n in range(MOST_NAMES + 50)))

    assert made.use_cases[OTHERS].calls == made.callers[OTHERS] == 50


def test_asked_again_after_a_failure():
    """The same text of the same caller within five minutes after it failed; not after an answer, not later, not of another."""
    sketch = conversation("Where is my parcel?", "gpt-4o")
    failed = call(at=AT, error="timeout", sketch=sketch, caller="ada")

    counts = [
        setup(failed, call(at=AT + later, sketch=sketch, caller=caller)).total.retries
        for later, caller in ((10, "ada"), (301, "ada"), (10, "bob"))
    ]

    assert counts == [1, 0, 0]


def test_latency_is_of_answers():
    """Quantiles within one percent, errors and cached answers apart."""
    made = setup(
        *(call(latency_ms=float(ms)) for ms in range(1, 101)),
        call(latency_ms=90_000.0, error="timeout"),
        call(latency_ms=0.1, cached=True),
    )

    assert made.total.latency_ms.quantile(0.5) == pytest.approx(50, rel=0.011)
    assert made.total.latency_ms.quantile(1.0) == pytest.approx(100, rel=0.011)
    spread = made.total.latency_ms.spread
    assert (spread.n, spread.mean) == (100, pytest.approx(50.5))
    assert spread.p99 == pytest.approx(99, rel=0.011)
    assert made.total.first_token_ms.spread == Spread(0, None, None, None, None)
