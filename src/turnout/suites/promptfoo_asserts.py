"""promptfoo's asserts -> our graders. What has no like here is refused by name, with what to write instead."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

from turnout.checks.hooks import hook_problem
from turnout.checks.verify import problem
from turnout.suites.inputs import BadInput
from turnout.types.checks import Check, Hook, JsonSchema, JsonValid, NotRefusal, Regex
from turnout.types.money import pico_from_usd
from turnout.types.suite import Bounded, Contains, Exact, Graded, Pairwise, Passes, Rule, Similar, ToolCall

SIMILAR = 0.75
"""promptfoo's own threshold where an assert has none."""

_JUDGED = {
    "llm-rubric": "{}", "g-eval": "{}", "model-graded-closedqa": "{}", "select-best": "{}",
    "factuality": "It agrees with this, and contradicts nothing in it: {}", "model-graded-factuality": "It agrees with this, and contradicts nothing in it: {}",
    "answer-relevance": "It answers what was asked, and nothing else.",
}  # fmt: skip
"""What a judge decides -> what it is told is good."""
_OTHERWISE = {
    "javascript": "write contains, regex or is-json, or the name of a Python hook",
    "webhook": "write the name of a Python hook",
    "tool-call-f1": "write `graders: [{tool_call: {name: ..., arguments: {...}}}]`",
    "is-sql": "write the name of a Python hook", "contains-sql": "write the name of a Python hook",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def asserts_of(written: Any, *, judged: bool, warn: Callable[[str], None]) -> tuple[Graded, ...]:
    """``judged``: there is a judge. Raises BadInput: the first that cannot be read."""
    if not isinstance(written, list | tuple):
        raise BadInput("assert", "must be a list", "write [{type: contains, value: ...}]")
    return tuple(_all(written, "assert", 1.0, judged=judged, warn=warn))


def _all(written: Iterable[Any], key: str, share: float, *, judged: bool, warn: Callable[[str], None]) -> Iterator[Graded]:
    for index, each in enumerate(written):
        where = f"{key}[{index}]"
        if not isinstance(each, Mapping) or not isinstance(each.get("type"), str):
            raise BadInput(where, "an assert needs a type", "write {type: contains, value: ...}")
        if each.get("transform") is not None:
            raise BadInput(f"{where}.transform", "answers are judged as they are", "leave it out, or write a Python hook")
        weight = _number(each, "weight", where, 1.0)
        if each["type"] == "assert-set":
            yield from _set(each, where, share * weight, judged=judged, warn=warn)
        else:
            yield Graded(_rule(each, where, judged=judged, warn=warn), share * weight)


def _set(each: Mapping[str, Any], where: str, weight: float, *, judged: bool, warn: Callable[[str], None]) -> Iterator[Graded]:
    """Its members, which share its weight."""
    inside = each.get("assert")
    if each.get("threshold") is not None or not isinstance(inside, list | tuple):
        raise BadInput(where, "a set with a threshold of its own", "write its asserts beside the others, with weights")
    found = list(_all(inside, f"{where}.assert", 1.0, judged=judged, warn=warn))
    total = sum(graded.weight for graded in found)
    for graded in found:
        yield Graded(graded.rule, weight * graded.weight / total if total else 0.0)


def _rule(each: Mapping[str, Any], where: str, *, judged: bool, warn: Callable[[str], None]) -> Rule:
    name, value = each["type"], each.get("value")
    kind, negated = name.removeprefix("not-"), name.startswith("not-")
    if kind in ("contains", "icontains", "contains-any", "contains-all", "icontains-any", "icontains-all"):
        return _contains(kind, value, where, negated=negated)
    if kind in ("equals", "starts-with", "regex"):
        return _pattern(kind, value, where, negated=negated)
    if name == "not-is-refusal":
        return Passes(NotRefusal())
    if negated:
        raise BadInput(where, f"{name} has no like here", "write not-contains, not-regex or the name of a Python hook")
    if kind in ("is-json", "contains-json"):
        return _json(kind, value, where, warn)
    if kind in ("is-valid-openai-tools-call", "is-valid-openai-function-call"):
        return ToolCall("*")
    if kind == "cost":
        return Bounded(cost=pico_from_usd(_number(each, "threshold", where)))
    if kind == "latency":
        return Bounded(ms=_number(each, "threshold", where))
    if kind.partition(":")[0] == "similar":
        warn(
            "`similar` is the overlap of words here, not the likeness of embeddings: look at what its threshold means for your answers"
        )
        return Similar(_text(value, where), _number(each, "threshold", where, SIMILAR))
    if kind == "python":
        return _hook(value, where)
    if kind in _JUDGED:
        return _judgement(kind, value, where, judged=judged)
    raise BadInput(
        where,
        f"{name} has no like here",
        _OTHERWISE.get(kind, "write contains, regex, is-json or similar, or the name of a Python hook"),
    )


def _contains(kind: str, value: Any, where: str, *, negated: bool) -> Contains:
    texts = _texts(value, where) if kind.endswith(("-any", "-all")) else (_text(value, where),)
    if negated and kind.endswith("-all") and len(texts) > 1:
        raise BadInput(where, "not-contains-all has no like here", "write not-contains-any, or a regex")
    return Contains(texts, any=kind.endswith("-any"), found=not negated, ignore_case=kind.startswith("i"))


def _pattern(kind: str, value: Any, where: str, *, negated: bool) -> Rule:
    if kind == "equals" and isinstance(value, dict | list) and not negated:
        return _passes(JsonSchema(json.dumps({"const": value})), where)
    text = _text(value, where)
    if kind == "equals" and not negated:
        return Exact((text,))
    pattern = {"regex": text, "starts-with": rf"\A{re.escape(text)}", "equals": rf"\A{re.escape(text)}\Z"}[kind]
    return _passes(Regex(pattern, found=not negated), where)


def _json(kind: str, value: Any, where: str, warn: Callable[[str], None]) -> Passes:
    if kind == "contains-json":
        warn("`contains-json` wants the JSON bare, or as the only fenced block of the answer")
    if value is None:
        return Passes(JsonValid())
    return _passes(JsonSchema(value if isinstance(value, str) else json.dumps(value)), where)


def _passes(check: Check, where: str) -> Passes:
    wrong = problem(check)
    if wrong is not None:
        raise BadInput(f"{where}.value", wrong)
    return Passes(check)


def _hook(value: Any, where: str) -> Passes:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise BadInput(
            where,
            "Python out of a suite's file is not run",
            "put it in a module on the program's path and write its name, package.module:function",
        )
    wrong = hook_problem(value)
    if wrong is not None:
        raise BadInput(where, f"the hook {value} cannot be used: {wrong}")
    return Passes(Hook(value))


def _judgement(kind: str, value: Any, where: str, *, judged: bool) -> Pairwise:
    if not judged:
        raise BadInput(
            where, f"{kind} needs a judge, and the suite has none",
            "name a `judge` in the suite (it compares the answers of two models), or write contains, regex or is-json instead",
        )  # fmt: skip
    if kind == "answer-relevance":
        return Pairwise(_JUDGED[kind])
    if value is None:
        return Pairwise()
    good = "; ".join(_texts(value, where)) if isinstance(value, list) else _text(value, where)
    return Pairwise(_JUDGED[kind].replace("{}", good))


def _text(value: Any, where: str) -> str:
    if isinstance(value, str) and value.startswith("file://"):
        raise BadInput(where, "values out of other files are not read", "write the value itself")
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise BadInput(f"{where}.value", "must be a text")
    return str(value)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    """A list, or one text with commas."""
    each = value if isinstance(value, list | tuple) else [part.strip() for part in _text(value, where).split(",")]
    if not each:
        raise BadInput(f"{where}.value", "must not be empty")
    return tuple(_text(one, where) for one in each)


def _number(each: Mapping[str, Any], key: str, where: str, default: float | None = None) -> float:
    value = each.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise BadInput(f"{where}.{key}", "must be a number from 0 on" if value is not None else "missing")
    return float(value)
