"""A value that fits a JSON Schema: enough of the keywords for tools and structured answers. The seed decides every choice."""

import math
from typing import Any

from turnout.sim.profile import draw

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor")
FORMATS = {
    "date": "2026-03-14",
    "date-time": "2026-03-14T09:26:53Z",
    "time": "09:26:53Z",
    "email": "ada@example.com",
    "uuid": "6f1d2c3b-4a59-4e68-8f70-9a1b2c3d4e5f",
    "uri": "https://example.com/a",
    "hostname": "example.com",
    "ipv4": "192.0.2.7",
}
MAX_DEPTH = 12

Schema = dict[str, Any] | bool


class Instance:
    """Builds one value. ``hints`` are words of the prompt, used for free strings so that arguments look asked for."""

    def __init__(self, root: Schema, seed: str, hints: tuple[str, ...] = ()) -> None:
        self._root = root
        self._seed = seed
        self._words = hints or WORDS

    def build(self) -> Any:
        """The value."""
        return self._value(self._root, "", 0)

    def _value(self, schema: Schema, path: str, depth: int) -> Any:
        if isinstance(schema, bool) or depth > MAX_DEPTH:
            return None
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._pick(schema["enum"], path)
        match _type(schema):
            case "object":
                return self._object(schema, path, depth)
            case "array":
                return self._array(schema, path, depth)
            case "string":
                return self._string(schema, path)
            case "integer" | "number" as kind:
                return _number(schema, draw(self._seed, path), whole=kind == "integer")
            case "boolean":
                return draw(self._seed, path) < 0.5
            case _:
                return None

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Follow ``$ref`` and fold ``allOf`` and the first alternative of ``anyOf``/``oneOf`` in."""
        for _ in range(MAX_DEPTH):
            if "$ref" in schema:
                schema = {**self._target(schema["$ref"]), **_without(schema, "$ref")}
            elif "allOf" in schema:
                schema = _merged([_without(schema, "allOf"), *(self._resolved(part) for part in schema["allOf"])])
            elif alternatives := schema.get("anyOf") or schema.get("oneOf"):
                first = next((part for part in alternatives if part.get("type") != "null"), alternatives[0])
                schema = _merged([_without(schema, "anyOf", "oneOf"), first])
            else:
                break
        return schema

    def _target(self, ref: str) -> dict[str, Any]:
        node: Any = self._root
        for step in ref.removeprefix("#").split("/")[1:]:
            node = node[step.replace("~1", "/").replace("~0", "~")] if isinstance(node, dict) and step in node else {}
        return node if isinstance(node, dict) else {}

    def _object(self, schema: dict[str, Any], path: str, depth: int) -> dict[str, Any]:
        properties: dict[str, Schema] = schema.get("properties", {})
        wanted = (
            list(properties) if depth < MAX_DEPTH // 2 else [name for name in schema.get("required", ()) if name in properties]
        )
        built = {name: self._value(properties[name], f"{path}/{name}", depth + 1) for name in wanted}
        extra = schema.get("additionalProperties", True)
        for name in schema.get("required", ()):
            if name not in built:
                built[name] = self._value(extra if isinstance(extra, dict) else {"type": "string"}, f"{path}/{name}", depth + 1)
        return built

    def _array(self, schema: dict[str, Any], path: str, depth: int) -> list[Any]:
        fixed: list[Schema] = schema.get("prefixItems", [])
        items: Schema = schema.get("items", {"type": "string"})
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        usual = 0 if depth >= MAX_DEPTH // 2 or items is False else 2
        size = int(min(max(least, usual, len(fixed)), most))
        built = [self._value(fixed[i] if i < len(fixed) else items, f"{path}/{i}", depth + 1) for i in range(size)]
        if schema.get("uniqueItems"):
            built = [item for i, item in enumerate(built) if item not in built[:i]]
        return built

    def _string(self, schema: dict[str, Any], path: str) -> str:
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        text = str(self._pick(self._words, path))
        least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        while len(text) < least:
            text += " " + text
        return text if len(text) <= most else text[: int(most)]

    def _pick(self, options: Any, path: str) -> Any:
        return options[int(draw(self._seed, path) * len(options))]


def _type(schema: dict[str, Any]) -> str | None:
    stated = schema.get("type")
    if isinstance(stated, list):
        return next((kind for kind in stated if kind != "null"), "null")
    if stated is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(stated)


def _number(schema: dict[str, Any], u: float, *, whole: bool) -> float | int:
    step = schema.get("multipleOf", 1 if whole else 0.5)
    low = schema.get("minimum", schema.get("exclusiveMinimum", schema.get("maximum", schema.get("exclusiveMaximum", 100)) - 99))
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + 99))
    first, last = math.ceil(low / step), math.floor(high / step)
    first += first * step <= schema.get("exclusiveMinimum", -math.inf)
    last -= last * step >= schema.get("exclusiveMaximum", math.inf)
    value = (first + int(u * max(1, last - first + 1))) * step
    if not first * step <= value <= high:  # no multiple of a usual step lies in a narrow range
        value = (low + high) / 2
    return int(value) if whole else value


def _without(schema: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keys}


def _merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if key == "properties":
                whole[key] = {**whole.get(key, {}), **value}
            elif key == "required":
                whole[key] = [*whole.get(key, []), *value]
            else:
                whole[key] = value
    return whole
