"""Does an answer hold what its checks ask? Pure, but for what a hook does; says where it failed."""

import re
from collections.abc import Iterable
from typing import assert_never

from turnout.checks.answer import Answer, Failed
from turnout.checks.hooks import hook, hook_problem
from turnout.checks.json_text import json_schema, json_valid, schema_problem
from turnout.checks.python_code import python_compiles
from turnout.checks.refusal import refusal
from turnout.types.checks import Check, Hook, JsonSchema, JsonValid, Length, NotRefusal, PythonCompiles, Regex, name_of

DETAIL = 200  # characters
REGEX_LIMIT = 64 * 2**10
"""Characters a pattern is searched in. ``re`` has no bound of time: a pattern that backtracks is its author's to avoid."""


def verify(checks: Iterable[Check], answer: Answer) -> Failed | None:
    """The first check that the answer fails, None when it passes them all."""
    for check in checks:
        detail = _wrong(check, answer)
        if detail is not None:
            return Failed(name_of(check), detail[:DETAIL])
    return None


def applies(check: Check, answer: Answer) -> bool:
    """Whether there is anything to check: an answer that only calls tools has no text yet, a request need not ask for a schema."""
    match check:
        case JsonValid() | NotRefusal() | Hook():
            return True
        case JsonSchema(None) if answer.schema is None:
            return False
        case _:
            return not answer.tool_calls or bool(answer.text.strip())


def _wrong(check: Check, answer: Answer) -> str | None:
    """What is wrong. What is not there is not wrong."""
    match check:
        case JsonValid():
            return json_valid(answer)
        case NotRefusal():
            return refusal(answer)
        case Hook(name):
            return hook(name, answer)
        case _ if not applies(check, answer):
            return None
        case JsonSchema(schema):
            return json_schema(schema, answer)
        case PythonCompiles():
            return python_compiles(answer.text)
        case Regex(pattern, found):
            return _regex(pattern, answer.text, found=found)
        case Length(least, most):
            return _length(least, most, len(answer.text.strip()))
        case _:
            assert_never(check)


def _regex(pattern: str, text: str, *, found: bool) -> str | None:
    if len(text) > REGEX_LIMIT:
        return f"more than {REGEX_LIMIT} characters"
    match = re.search(pattern, text)
    if found:
        return None if match else "the pattern is nowhere in the text"
    return f"the pattern is in the text, at character {match.start()}" if match else None


def _length(least: int | None, most: int | None, length: int) -> str | None:
    if least is not None and length < least:
        return f"{length} characters, fewer than {least}"
    return f"{length} characters, more than {most}" if most is not None and length > most else None


def problem(check: Check) -> str | None:
    """Why a check can never be used, for the config check: a pattern, schema, hook or length that is not one."""
    match check:
        case Regex(pattern):
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError) as error:
                return f"not a regular expression: {error}"
        case JsonSchema(str(schema)):
            return schema_problem(schema)
        case Hook(name):
            return hook_problem(name)
        case Length(None, None):
            return "a length needs `least` or `most`"
        case Length(least, most) if (least or 0) < 0 or (most is not None and most < (least or 0)):
            return "`least` and `most` are characters, and `least` is not above `most`"
        case _:
            pass
    return None
