"""What holds of the cache for any question, any tenant and any order of events."""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_sink import FakeSink
from tests.support.virtual_time import run
from turnout.cache.entry import Entry, Key
from turnout.cache.flights import Flights, Lead
from turnout.cache.keys import fingerprint
from turnout.cache.memory import MemoryStore
from turnout.cache.similarity import likeness, read
from turnout.dialects.registry import DIALECTS

CHAT = DIALECTS["openai-chat"]
NOW = 1_700_000_000.0

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
questions = st.one_of(
    texts, st.sampled_from(["How do I reset my password?", "how to reset the password", "yes", "5 users", "6 users"])
)
names = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
tenants = st.none() | names
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


def body(question: str, extra: dict[str, Any]) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": question}], **{f"x-{name}": extra[name] for name in extra}}


def key(question: str, tenant: str | None, route: str = "r", extra: dict[str, Any] | None = None, *, similar: bool = True) -> Key:
    found = fingerprint(CHAT.ask(json.dumps(body(question, extra or {})).encode()), route, tenant, similar=similar)
    assert found is not None
    return found


def entry(of: Key, mark: str) -> Entry:
    return Entry(of.exact, b"", mark.encode(), "m", "r", None, None, NOW, NOW + 10, near=of.near, wording=of.wording)


@given(st.lists(st.tuples(questions, tenants, names), min_size=2, max_size=8), st.floats(0.01, 1))
def test_no_tenant_ever_has_anothers_answer(asked: list[tuple[str, str | None, str]], threshold: float) -> None:
    """Whatever both ask, on whichever routes, exactly or alike."""

    async def main() -> None:
        store = MemoryStore(1_000_000)
        for question, tenant, route in asked:
            await store.put(entry(key(question, tenant, route), repr((tenant, route))), NOW)
        for question, tenant, route in asked:
            found = await store.get(key(question, tenant, route), NOW)
            assert found is not None
            assert found.body == repr((tenant, route)).encode()
            like = await store.near(key(question, tenant, route), threshold, NOW)
            assert like is None or like[0].body == repr((tenant, route)).encode()

    asyncio.run(main())


@given(questions, questions, tenants, tenants, names, names)
def test_keys_are_equal_for_equal_questions_of_one_tenant_only(
    a: str, b: str, one: str | None, other: str | None, r: str, s: str
) -> None:
    """And the buckets in which similar ones are looked for never hold two tenants or two routes."""
    first, second = key(a, one, r), key(b, other, s)

    assert (first.exact == second.exact) == ((a, one, r) == (b, other, s))
    if (one, r) != (other, s):
        assert first.near is None or first.near != second.near


@given(questions, st.dictionaries(names, values, max_size=4), st.randoms())
def test_the_order_of_fields_and_blanks_do_not_matter(question: str, extra: dict[str, Any], chance: Any) -> None:
    """At any depth."""

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            items = [(name, shuffled(item)) for name, item in value.items()]
            chance.shuffle(items)
            return dict(items)
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    whole = body(question, extra)
    spelled = json.dumps(shuffled(whole), indent=chance.choice([None, 1]), ensure_ascii=chance.choice([True, False])).encode()

    assert fingerprint(CHAT.ask(spelled), "r", None) == fingerprint(CHAT.ask(json.dumps(whole).encode()), "r", None)


@given(questions, st.dictionaries(names, values, max_size=3), st.dictionaries(names, values, max_size=3))
def test_unknown_fields_are_part_of_the_question(question: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two that differ in what nobody has heard of are two."""
    if json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
        assert key(question, None, extra=one).exact != key(question, None, extra=other).exact


@given(texts, texts)
def test_likeness_is_the_same_both_ways(a: str, b: str) -> None:
    """Between 0 and 1, and 1 with itself; whatever the text, reading it fails never."""
    one, other = read(a), read(b)
    if one is not None and other is not None:
        assert likeness(one[1], other[1]) == likeness(other[1], one[1])
        assert 0 <= likeness(one[1], other[1]) <= 1
        assert likeness(one[1], one[1]) == 1


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3000), st.integers(-5, 30)), max_size=60), st.integers(2_000, 20_000)
)
def test_memory_is_bounded_and_adds_up(puts: list[tuple[int, int, int]], limit: int) -> None:
    """After any puts, of any size and lifetime: bytes within the limit and equal to what is held, buckets of what is held only."""

    async def main() -> None:
        store = MemoryStore(limit)
        for number, (name, size, lasts) in enumerate(puts):
            of = key(f"question {name}", None)
            made = Entry(
                of.exact, b"", bytes(size), "m", "r", None, None, NOW, NOW + number + lasts, near=of.near, wording=of.wording
            )
            await store.put(made, NOW + number)
            await store.near(of, 0.5, NOW + number)
            held = store._entries
            assert store.stats().bytes == sum(one.size for one in held.values()) <= limit
            assert {exact for bucket in store._buckets.values() for exact in bucket} == set(held)

    asyncio.run(main())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 30), st.sampled_from(["good", "bad", "dies"]), st.integers(1, 20), st.integers(1, 60)),
        min_size=1, max_size=25,
    )
)  # fmt: skip
def test_flights_leave_nobody_behind(plan: list[tuple[int, int, str, int, int]]) -> None:
    """Whoever comes, waits, leaves, fails or dies when: all end, every answer is of the question asked, nothing is left over."""

    async def one(flights: Flights, question: int, begins: int, how: str, takes: int, patience: int) -> None:
        await asyncio.sleep(begins)
        exact = bytes([question])
        try:
            turn = await flights.take(exact, FakeSink(), patience)
        except TimeoutError:
            return
        if isinstance(turn, Entry):
            assert turn.key == exact
            return
        assert isinstance(turn, Lead)
        with turn as lead:
            await asyncio.sleep(takes)
            if how == "dies":
                raise ValueError
            lead.land(Entry(exact, b"", b"x", "m", "r", None, None, NOW, NOW) if how == "good" else None)

    async def main() -> None:
        flights = Flights(most_waiting=10)
        ends = await asyncio.gather(*(one(flights, *each) for each in plan), return_exceptions=True)
        assert all(end is None or type(end) is ValueError for end in ends)
        assert flights._flights == {}
        assert flights.waiting == 0

    run(main())
