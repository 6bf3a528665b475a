from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.sim.schema import Instance

names = st.text("abcdef", min_size=1, max_size=4)
leaves = st.one_of(
    st.builds(lambda low, width: {"type": "integer", "minimum": low, "maximum": low + width}, st.integers(-50, 50), st.integers(0, 20)),
    st.builds(
        lambda low, width: {"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": low + width},
        st.integers(-50, 50), st.integers(1, 20),
    ),
    st.builds(lambda low, width: {"type": "string", "minLength": low, "maxLength": low + width}, st.integers(0, 30), st.integers(0, 9)),
    st.builds(lambda step: {"type": "integer", "multipleOf": step}, st.integers(1, 9)),
    st.builds(lambda values: {"enum": values}, st.lists(st.one_of(st.integers(), names, st.none()), min_size=1)),
    st.sampled_from(
        [{"type": "boolean"}, {"type": "null"}, {"const": [1]}, {"type": ["null", "string"]}, {"type": "string", "format": "date"}]
    ),
)  # fmt: skip


def deeper(inner: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(
        st.builds(
            lambda properties, more: {
                "type": "object",
                "properties": properties,
                "required": sorted({*properties, *more}),
                "additionalProperties": bool(set(more) - set(properties)),
            },
            st.dictionaries(names, inner, max_size=4), st.lists(names, max_size=1),
        ),
        st.builds(lambda item, least: {"type": "array", "items": item, "minItems": least, "maxItems": least + 1}, inner, st.integers(0, 4)),
        st.builds(lambda first, second: {"anyOf": [first, second]}, inner, inner),
        st.builds(lambda item: {"$defs": {"it": item}, "$ref": "#/$defs/it"}, leaves),
    )  # fmt: skip


@given(schema=st.recursive(leaves, deeper, max_leaves=8), seed=names)
def test_an_instance_fits_its_schema(schema: dict, seed: str) -> None:
    """Whatever the schema made of the common keywords, the value validates."""
    if "$ref" in str(schema.get("properties", "")) + str(schema.get("items", "")) + str(schema.get("anyOf", "")):
        return  # references are only meaningful from the root
    jsonschema.validate(Instance(schema, seed).build(), schema)


def test_a_recursive_schema_ends() -> None:
    """A tree of trees is cut off where it may be."""
    schema = {
        "$defs": {"node": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}},
        "$ref": "#/$defs/node",
    }

    jsonschema.validate(Instance(schema, "s").build(), schema)


def test_allof_is_folded() -> None:
    """Parts of an allOf are all met."""
    schema = {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"type": "boolean"}}, "required": ["b"]},
        ]
    }

    built = Instance(schema, "s").build()

    jsonschema.validate(built, schema)
    assert set(built) == {"a", "b"}


def test_hints_become_strings() -> None:
    """Arguments look like what the prompt asked for."""
    assert Instance({"type": "object", "properties": {"city": {"type": "string"}}}, "s", ("Paris",)).build() == {"city": "Paris"}


@pytest.mark.parametrize("schema", [True, {}, {"type": "object"}])
def test_a_schema_that_says_little_is_met(schema: Any) -> None:
    """No keywords, no trouble."""
    jsonschema.validate(Instance(schema, "s").build(), schema)
