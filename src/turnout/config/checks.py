"""A cascade's check as written <-> the rule."""

import json
from typing import Any, assert_never

from turnout.config.schema_routes import CheckPart
from turnout.types.checks import Check, Hook, JsonSchema, JsonValid, Length, NotRefusal, PythonCompiles, Regex


def check(part: CheckPart) -> Check:
    """The first rule that is named; that there is one and no other is check_routes' business."""
    if part.json_schema is not None:
        return JsonSchema(None if part.json_schema is True else json.dumps(part.json_schema, sort_keys=True))
    if part.python_compiles:
        return PythonCompiles()
    if part.refusal:
        return NotRefusal()
    if part.regex is not None:
        return Regex(part.regex)
    if part.not_regex is not None:
        return Regex(part.not_regex, found=False)
    if part.length is not None:
        return Length(part.length.least, part.length.most)
    if part.hook is not None:
        return Hook(part.hook)
    return JsonValid()


def written(rule: Check) -> str | dict[str, Any]:
    """As turnout.yaml writes it: :func:`check` makes the same rule of it."""
    match rule:
        case JsonSchema(schema):
            return {"json_schema": True if schema is None else json.loads(schema)}
        case Regex(pattern, found):
            return {"regex" if found else "not_regex": pattern}
        case Length(least, most):
            bounds = {"least": least, "most": most}
            return {"length": {name: bound for name, bound in bounds.items() if bound is not None}}
        case Hook(name):
            return {"hook": name}
        case JsonValid() | PythonCompiles() | NotRefusal():
            return str(rule.__struct_config__.tag)
        case _:
            assert_never(rule)
