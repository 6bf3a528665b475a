"""Whether a tool is called as it should be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.suites.graders.tool_call import equal, tool_call
from turnout.types.suite import ToolCall

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_arguments_are_themselves_in_any_order(arguments: dict) -> None:
    """As JSON, with the keys the other way round; and with one more, unless exactly these are wanted."""
    turned = dict(reversed(arguments.items()))
    assert tool_call(ToolCall("f", arguments, exactly=True), (("f", json.dumps(turned)),)) is None
    more = json.dumps(turned | {"further key": 1})
    assert tool_call(ToolCall("f", arguments), (("f", more),)) is None
    assert tool_call(ToolCall("f", arguments, exactly=True), (("f", more),)) is not None


@given(VALUES, VALUES)
def test_equality_has_no_side(one, other) -> None:
    """And a value equals what its JSON says."""
    assert equal(one, other) == equal(other, one)
    assert equal(one, json.loads(json.dumps(one)))


def test_numbers_are_equal_by_value_and_true_is_none() -> None:
    """1 is 1.0; true is not 1; a list has an order."""
    assert equal({"a": [1, 2.0]}, {"a": [1.0, 2]})
    assert not equal(1, True)
    assert not equal([1, 2], [2, 1])
    assert not equal("1", 1)


@pytest.mark.parametrize(("calls", "wrong"), [
    ((), "it does not call f"), ((("g", "{}"),), "it calls g, not f"), ((("f", "{"),), "the arguments of f are no JSON"),
    ((("f", "[1]"),), "the arguments of f are no object"), ((("f", ""),), "f: no argument x"), ((("f", '{"x":2}'),), "f: another value of x"),
    ((("f", '{"x":2}'), ("f", '{"x":1}')), None), ((("f", "[" * 100_000),), "the arguments of f are no JSON"),
    ((("f", '{"x":"\ud800"}'),), "the arguments of f are no JSON"),
])  # fmt: skip
def test_what_is_wrong_is_said(calls: tuple, wrong: str | None) -> None:
    """One right call is enough; hostile arguments are only wrong."""
    assert tool_call(ToolCall("f", {"x": 1}), calls) == wrong
