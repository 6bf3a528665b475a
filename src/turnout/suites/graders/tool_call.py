"""Whether an answer calls the tool it should. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from turnout.types.suite import ToolCall

LONGEST = 2**20
"""Characters of a call's arguments."""


def tool_call(rule: ToolCall, calls: Sequence[tuple[str, str]]) -> str | None:
    """What is wrong with the calls; one that is right is enough."""
    named = [arguments for name, arguments in calls if name == rule.name]
    if not named:
        called = ", ".join(sorted({name[:40] for name, _ in calls}))
        return f"it calls {called}, not {rule.name}" if called else f"it does not call {rule.name}"
    found = [_wrong(rule, arguments) for arguments in named]
    return None if None in found else found[0]


def _wrong(rule: ToolCall, written: str) -> str | None:
    try:
        arguments = msgspec.json.decode((written or "{}")[: LONGEST + 1])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return f"the arguments of {rule.name} are no JSON"
    if not isinstance(arguments, dict):
        return f"the arguments of {rule.name} are no object"
    for name, wanted in rule.arguments.items():
        if name not in arguments:
            return f"{rule.name}: no argument {name}"
        if not equal(wanted, arguments[name]):
            return f"{rule.name}: another value of {name}"
    more = sorted(arguments.keys() - rule.arguments.keys())
    return f"{rule.name}: further arguments {', '.join(more)[:80]}" if more and rule.exactly else None


def equal(one: Any, other: Any) -> bool:
    """As JSON: 1 is 1.0 and is not true; the order of an object's keys says nothing, that of a list does."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    return type(one) is type(other) and bool(one == other)
