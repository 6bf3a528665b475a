"""Records to journal, store and show: a plain one, changed where a test cares."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from turnout.types.money import PicoDollars
from turnout.types.record import Attempt, Record
from turnout.types.reply import Usage
from turnout.types.traits import Trait, Traits

NOW = 1_790_000_000.0

TRAITS = Traits(
    model="auto",
    front="openai-chat",
    task=Trait("code_generation", "words:function"),
    complexity=0.42,
    complexity_source="length",
    band="moderate",
    latency=Trait("standard", "default"),
    cost=Trait("standard", "default"),
    quality=Trait("balanced", "default"),
    sensitivity=Trait(None, "default"),
    language=Trait("en", "words"),
    tokens=410,
    tokens_max=600,
    output_tokens=200,
    max_output=1024,
    features=1,
    input=1,
    output=1,
    stream=False,
    n=1,
    tags={"team": "web"},
    session="s-1",
    caller="web",
)

ATTEMPT = Attempt(
    model="anthropic/claude-haiku-4-5",
    reason="cheapest",
    started_ms=0.5,
    ended_ms=830.5,
    first_token_ms=200.5,
    status=200,
    fault=None,
    detail=None,
    usage=Usage(input=400, cache_read=100, output=210),
    cost=PicoDollars(1_450_000_000),
    upstream_model="claude-haiku-4-5-20251001",
)

RECORD = Record(
    id="req-0",
    at=NOW,
    worker="0",
    policy=3,
    view="a" * 64,
    seed=2**62 + 1,
    plan="b" * 64,
    route="code",
    reason="cheapest",
    model="anthropic/claude-haiku-4-5",
    outcome="ok",
    code=None,
    status=200,
    stream=False,
    duration_ms=831.0,
    first_token_ms=200.5,
    decision_us=45.0,
    cost=PicoDollars(1_450_000_000),
    traits=TRAITS,
    attempts=(ATTEMPT,),
    baseline=PicoDollars(9_000_000_000),
)


def record(n: int = 0, **changes: Any) -> Record:
    """The ``n``-th request, a second after the one before it."""
    return msgspec.structs.replace(RECORD, **{"id": f"req-{n}", "at": NOW + n, **changes})


def attempt(**changes: Any) -> Attempt:
    return msgspec.structs.replace(ATTEMPT, **changes)


_text = st.text(max_size=12)
_maybe_text = st.none() | _text
_ms = st.floats(min_value=0, max_value=1e9, allow_nan=False)
_pico = st.none() | st.integers(0, 2**62).map(PicoDollars)
_tokens = st.integers(0, 2**40)

_usages = st.builds(Usage, *[_tokens] * 10, st.booleans())
_traits = st.builds(
    lambda text, complexity, tags, names: msgspec.structs.replace(
        TRAITS, model=text, session=text, complexity=complexity, band=None if complexity is None else "high", tags=tags, carries=names
    ),
    _text,
    st.none() | st.floats(0, 1),
    st.dictionaries(_text, _text, max_size=3),
    st.frozensets(_text, max_size=3),
)  # fmt: skip
_attempts = st.builds(
    Attempt, _text, _text, _ms, _ms, st.none() | _ms, st.none() | st.integers(100, 599), _maybe_text, _maybe_text,
    st.none() | _usages, _pico, _maybe_text,
)  # fmt: skip

records = st.builds(
    Record, _text, _ms, _text, st.integers(0, 2**31 - 1), _text, st.integers(0, 2**63 - 1), _text, _maybe_text, _maybe_text, _maybe_text,
    st.sampled_from(["ok", "rejected", "failed", "cut", "cancelled", "begun"]), _maybe_text, st.integers(100, 599), st.booleans(),
    _ms, st.none() | _ms, _ms, _pico, st.none() | _traits, st.lists(_attempts, max_size=3).map(tuple), _pico,
    st.lists(st.tuples(_text, _text), max_size=2).map(tuple), st.integers(0, 3),
    _pico, _maybe_text, _maybe_text, _maybe_text,
)  # fmt: skip
"""Any record that can be."""
