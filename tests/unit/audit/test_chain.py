"""The chain names what was changed in it."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from turnout.audit.chain import CHECKPOINT, FIRST, ORIGIN, Entry, append, hash_of, origin_of, verify

AT = 1_790_000_000.0


def chain(length: int = 5) -> list[Entry]:
    made = [append(None, AT, ORIGIN, "turnout", {"origin": "o-1"})]
    for n in range(1, length):
        made.append(append(made[-1], AT + n, "policy", "cli", {"version": n}))
    return made


def replaced(entries: Sequence[Entry], place: int, **fields: Any) -> list[Entry]:
    return [msgspec.structs.replace(entry, **fields) if n == place else entry for n, entry in enumerate(entries)]


def named(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    return [(finding.what, finding.where) for finding in verify(entries)]


def test_a_whole_chain_has_nothing_to_find() -> None:
    """Also when it is read in two parts, and when there is none."""
    whole = chain()
    assert named(whole) == named([]) == []
    assert list(verify(whole[3:], whole[2])) == []


def test_the_hash_is_over_the_documented_bytes() -> None:
    """Whoever holds an export can compute it with any language's JSON and SHA-256."""
    entry = chain()[3]
    text = json.dumps(
        [entry.seq, entry.at, entry.kind, entry.actor, entry.payload, entry.prev], separators=(",", ":"), ensure_ascii=False
    )
    assert hashlib.sha256(b"turnout-audit-1\n" + text.encode()).hexdigest() == entry.hash


def test_a_payload_is_canonical() -> None:
    """Equal content is equal text, whatever the order in which it was put together."""
    assert append(None, AT, "a", "b", {"x": 1, "a": {"d": 2, "c": 3}}).payload == '{"a":{"c":3,"d":2},"x":1}'


@given(place=st.integers(0, 4), field=st.sampled_from(Entry.__struct_fields__), data=st.data())
def test_any_single_change_is_found_and_named(place: int, field: str, data: st.DataObject) -> None:
    """One byte of one column of one entry: the entry is named."""
    whole = chain()
    value = getattr(whole[place], field)
    if isinstance(value, str):
        at = data.draw(st.integers(0, max(len(value) - 1, 0)))
        letter = data.draw(st.characters(codec="utf-8").filter(lambda one: one != value[at]))
        other: object = value[:at] + letter + value[at + 1 :]
    elif isinstance(value, float):
        other = data.draw(st.floats(allow_nan=False, allow_infinity=False).filter(lambda one: one != value))
    else:
        other = data.draw(st.integers(-5, 20).filter(lambda one: one != value))
    touched = replaced(whole, place, **{field: other})
    assert any(finding.where == f"entry {touched[place].seq}" for finding in verify(touched))


@given(st.permutations(range(6)).filter(lambda order: list(order) != list(range(6))))
def test_another_order_is_found(order: list[int]) -> None:
    """Whatever was put where."""
    whole = chain(6)
    assert named([whole[place] for place in order])


@given(st.sets(st.integers(0, 4), min_size=1, max_size=4))
def test_what_is_missing_within_is_named(gone: set[int]) -> None:
    """All but the end: that a chain was cut off at its end only a checkpoint tells."""
    whole = chain(6)
    found = named([entry for place, entry in enumerate(whole) if place not in gone])
    assert found
    assert all(what in {"missing", "foreign_start"} for what, _ in found)


def test_two_entries_that_changed_places_are_named() -> None:
    """Under each other's numbers too, which their hashes hold."""
    whole = chain()
    one, other = msgspec.structs.replace(whole[2], seq=4), msgspec.structs.replace(whole[3], seq=3)
    assert named([*whole[:2], other, one, whole[4]]) == [("changed", "entry 3"), ("changed", "entry 4")]


def test_an_entry_written_anew_with_its_hash_is_named_by_what_follows_it() -> None:
    """It is whole by itself, but the next one was written after another."""
    whole = chain()
    forged = append(whole[1], AT, "policy", "mallory", {"version": 9})
    assert named([*whole[:2], forged, *whole[3:]]) == [("replaced", "entry 3")]


def test_a_chain_begins_with_its_origin() -> None:
    """Or with the checkpoint up to which its past was deleted; anything else is somebody else's."""
    whole = chain()
    assert ("foreign_start", "entry 3") in named(whole[2:])
    signed = append(whole[2], AT, CHECKPOINT, "cli", {"origin": "o-1", "seq": 3, "head": whole[2].hash})
    assert named([signed, append(signed, AT, "policy", "cli", {})]) == []
    assert origin_of(signed) == origin_of(whole[0]) == "o-1"
    other = append(whole[2], AT, CHECKPOINT, "cli", {"origin": "o-1", "seq": 2, "head": whole[1].hash})
    assert ("foreign_start", "entry 4") in named([other])


def test_an_unreadable_payload_breaks_nothing() -> None:
    """It is found by its hash; nobody who reads it falls over it."""
    payload = "{"
    broken = Entry(1, AT, ORIGIN, "x", payload, FIRST, hash_of(1, AT, ORIGIN, "x", payload, FIRST))
    assert origin_of(broken) is None
    assert named([broken]) == [("foreign_start", "entry 1")]
