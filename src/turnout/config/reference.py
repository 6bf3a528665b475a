"""docs/reference/config.md, from the schema: ``python -m turnout.config.reference > docs/reference/config.md``."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from turnout.config.schema import File

Schema = dict[str, Any]

HEAD = """# turnout.yaml

Every section and key of the policy file. Made from the schema by `python -m turnout.config.reference`; do not edit.

An unknown key is an error. Durations need a unit (`500ms`, `10m`, `400d`), sizes too (`20MB`); money is in USD, prices in USD per
million tokens. A secret is named (`env:NAME`, `file:PATH`), never written. Where a list is expected one value may stand alone, and in
a condition a list means any of its values.
"""


def reference() -> str:
    """The page as Markdown."""
    schema = File.model_json_schema()
    sections: list[str] = []
    waiting: list[tuple[str, Schema]] = [("", schema)]
    places: dict[str, str] = {}
    while waiting:
        path, node = waiting.pop(0)
        found = [(_join(path, step), name) for step, name in _parts_below(node)]
        for below, name in found:
            if name not in places:
                places[name] = below
                waiting.append((below, schema["$defs"][name]))
        sections.append(_section(path, node, places))
    return "\n".join((HEAD, *sections))


def _join(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step


def _section(path: str, node: Schema, places: dict[str, str]) -> str:
    required = node.get("required", ())
    rows = [
        f"| `{key}` | {_type(value, places)} | {_default(value, required=key in required)} | {value.get('description', '')} |"
        for key, value in node.get("properties", {}).items()
    ]
    title = f"## `{path}`" if path else "## The file"
    about = node.get("description", "").replace("\n", " ") if path else ""
    return "\n".join(
        (title, "", *((about, "") if about else ()), "| key | value | default | meaning |", "|---|---|---|---|", *rows, "")
    )


def _parts_below(node: Schema) -> Iterator[tuple[str, str]]:
    """Keys that lead to a mapping of its own, with that mapping's name: ``providers.NAME``, ``fallback[]``."""
    for key, value in node.get("properties", {}).items():
        for suffix, name in _refs(value):
            yield key + suffix, name


def _refs(node: Schema) -> Iterator[tuple[str, str]]:
    if "$ref" in node:
        yield "", node["$ref"].rpartition("/")[2]
    for choice in node.get("anyOf", ()):
        yield from _refs(choice)
    if isinstance(items := node.get("items"), dict):
        yield from (("[]" + suffix, name) for suffix, name in _refs(items))
    for value in _values(node):
        yield from ((".NAME" + suffix, name) for suffix, name in _refs(value))


def _values(node: Schema) -> list[Schema]:
    """Schemas of a mapping's values where its keys are the user's own."""
    own = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    return [value for value in own[:1] if isinstance(value, dict)]


def _type(node: Schema, places: dict[str, str]) -> str:
    if "$ref" in node:
        place = places[node["$ref"].rpartition("/")[2]]
        return f"[`{place}`](#{''.join(char for char in place.lower() if char.isalnum() or char in '-_')})"
    if "anyOf" in node:
        return " or ".join(dict.fromkeys(_type(choice, places) for choice in node["anyOf"] if choice.get("type") != "null"))
    if "enum" in node or "const" in node:
        return ", ".join(f"`{value}`" for value in node.get("enum", [node.get("const")]))
    if node.get("type") == "array":
        return f"list of {_type(node.get('items', {}), places)}"
    if node.get("type") == "object":
        return "mapping" + "".join(f" of {_type(value, places)}" for value in _values(node))
    return _scalar(node)


def _scalar(node: Schema) -> str:
    plain = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
    text = plain.get(node.get("type", ""), "anything")
    if examples := node.get("examples"):
        return f"{text} such as `{examples[0]}`"
    low, high = node.get("minimum", node.get("exclusiveMinimum")), node.get("maximum", node.get("exclusiveMaximum"))
    if high is not None:
        return f"{text} {low:g} to {high:g}"
    return f"{text} from {low:g}" if low else text


def _default(node: Schema, *, required: bool) -> str:
    default = node.get("default")
    if required:
        return "required"
    if default in (None, {}, []) or isinstance(default, dict) or "examples" in node:
        return ""  # a duration's or size's default stands in its description, with its unit
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
