"""What an answer is worth: each rule of its case on its own, then weighed. A case is judged by all its rules or by none."""

import json
from collections.abc import Awaitable, Callable, Sequence
from math import fsum
from typing import Any, assert_never

import msgspec

from turnout.checks.answer import Answer
from turnout.checks.checker import Checker
from turnout.checks.python_code import LIMIT, code_of
from turnout.checks.verify import applies
from turnout.suites.graders.numeric import numeric
from turnout.suites.graders.pairwise import Compared
from turnout.suites.graders.sandbox import Sandbox
from turnout.suites.graders.text import contains, exact, similar
from turnout.suites.graders.tool_call import tool_call
from turnout.types.checks import Check, JsonSchema, name_of
from turnout.types.money import usd
from turnout.types.suite import (
    Asked,
    Bounded,
    Case,
    Contains,
    Exact,
    Graded,
    Numeric,
    Pairwise,
    Passes,
    PythonTests,
    Rule,
    Similar,
    ToolCall,
)  # fmt: skip

ANY_TOOL = "*"
_SLACK = 1e-9  # of a weighted mean in floats


class Found(msgspec.Struct, frozen=True):
    """What one rule says: ``score`` 0..1, None where it cannot tell; ``holds`` whether its demand is met (a tie of answers meets it)."""

    score: float | None
    detail: str = ""
    holds: bool = False


class Mark(msgspec.Struct, frozen=True):
    """``score`` is what models are compared by, ``solved`` what is counted: None where no rule could tell, or one that counts could not.

    ``judged``: it rests on what a judge said, and is worth no more than that. ``compared`` is what a judge said, whether it counts or is only
    told: 1 better, 0.5 as good, 0 worse than the other answer, the least of several; None: no judge said anything.
    """

    score: float | None
    solved: bool | None
    details: tuple[str, ...]
    judged: bool = False
    compared: float | None = None


Opinion = Callable[[str | None], Awaitable[Compared]]
"""How the answer compares with another one, by what the prompt says is good."""


class Tools(msgspec.Struct, frozen=True):
    """What rules need beside the answer."""

    checker: Checker
    sandbox: Sandbox


async def grade(case: Case, asked: Asked, tools: Tools, opinion: Opinion | None = None, *, threshold: float = 1.0) -> Mark:
    """``opinion`` is a judge's, where a rule compares."""
    if asked.outcome != "ok":
        return Mark(0.0, False, (f"no answer: {asked.error or asked.outcome}",))
    found = [await _found(graded.rule, case, asked, tools, opinion) for graded in case.graders]
    return weighed(case.graders, found, threshold)


def weighed(graders: Sequence[Graded], found: Sequence[Found], threshold: float = 1.0) -> Mark:
    """The weighted mean. What has no weight is told and does not count; what counts and cannot tell leaves nothing to be told."""
    details = tuple(f"{rule_name(graded.rule)}: {each.detail or 'holds'}" for graded, each in zip(graders, found, strict=True))
    counting = [(graded, each) for graded, each in zip(graders, found, strict=True) if graded.weight > 0]
    total = fsum(graded.weight for graded, _ in counting)
    judged = any(isinstance(graded.rule, Pairwise) for graded, _ in counting)
    said = [
        each.score
        for graded, each in zip(graders, found, strict=True)
        if isinstance(graded.rule, Pairwise) and each.score is not None
    ]
    compared = min(said, default=None)
    scores = [graded.weight * each.score for graded, each in counting if each.score is not None]
    if not counting or len(scores) < len(counting):
        return Mark(None, None, details, judged, compared)
    met = fsum(graded.weight * max(each.holds, each.score or 0.0) for graded, each in counting)
    return Mark(min(fsum(scores) / total, 1.0), met / total >= threshold - _SLACK, details, judged, compared)


def rule_name(rule: Rule) -> str:
    """The word details use: ``numeric``, a check's own name."""
    return name_of(rule.check) if isinstance(rule, Passes) else str(rule.__struct_config__.tag)


async def _found(rule: Rule, case: Case, asked: Asked, tools: Tools, opinion: Opinion | None) -> Found:
    match rule:
        case Exact():
            return _plain(exact(rule, asked.text))
        case Contains():
            return _plain(contains(rule, asked.text))
        case Numeric():
            return _plain(numeric(rule, asked.text))
        case ToolCall():
            return await _called(rule, case, asked, tools.checker)
        case Similar():
            overlap, wrong = similar(rule, asked.text)
            return _plain(wrong, f"overlap of words {overlap:.2f}")
        case Passes(check):
            return await _checked(check, case, asked, tools.checker)
        case PythonTests():
            return await _tested(rule, asked.text, tools.sandbox)
        case Pairwise(prompt):
            return await _compared(prompt, opinion)
        case Bounded():
            return _bounded(rule, asked)
        case _:
            assert_never(rule)


def _plain(wrong: str | None, right: str = "") -> Found:
    return Found(1.0, right, holds=True) if wrong is None else Found(0.0, wrong)


async def _checked(check: Check, case: Case, asked: Asked, checker: Checker) -> Found:
    """A check lets pass what it has nothing to say about; a case wants it said."""
    answer = Answer(asked.text, asked.finish, asked.calls, schema_of(case.body))
    if not applies(check, answer):
        if isinstance(check, JsonSchema) and check.schema is None and answer.schema is None:
            return Found(None, "the case asks for no schema; write it into the grader, or a response_format into the case")
        return Found(0.0, "it only calls tools, and has no text")
    failed = await checker.verify((check,), answer)
    return _plain(None if failed is None else failed.detail)


async def _called(rule: ToolCall, case: Case, asked: Asked, checker: Checker) -> Found:
    if rule.name != ANY_TOOL:
        return _plain(tool_call(rule, asked.calls))
    offered = {tool["function"]["name"]: tool["function"].get("parameters") for tool in case.body.get("tools", ())}
    if not asked.calls:
        return Found(0.0, "it calls no tool")
    for name, arguments in asked.calls:
        if name not in offered:
            return Found(0.0, f"it calls {name[:40]}, which the request does not offer")
        schema = JsonSchema(json.dumps(offered[name] or {"type": "object"}, sort_keys=True))
        failed = await checker.verify((schema,), Answer(arguments or "{}"))
        if failed is not None:
            return Found(0.0, f"arguments of {name[:40]}: {failed.detail}")
    return Found(1.0, holds=True)


async def _tested(rule: PythonTests, text: str, sandbox: Sandbox) -> Found:
    code = "\n\n".join(code_of(text))
    if not code.strip():
        return Found(0.0, "there is no Python in the text")
    if len(code) > LIMIT:
        return Found(0.0, f"more than {LIMIT} characters of code")
    ran = await sandbox.run(code, rule.tests, rule.seconds)
    return Found(None, f"not run: {ran.detail}") if ran.passed is None else _plain(None if ran.passed else ran.detail)


async def _compared(prompt: str | None, opinion: Opinion | None) -> Found:
    if opinion is None:
        return Found(None, "nobody compares the answers: name a judge")
    found = await opinion(prompt)
    return Found(found.score, found.detail, holds=found.score is not None and found.score >= 0.5)


def _bounded(rule: Bounded, asked: Asked) -> Found:
    wrong = []
    if rule.ms is not None and asked.ms > rule.ms:
        wrong.append(f"it took {asked.ms:.0f} ms, more than {rule.ms:g}")
    if rule.cost is not None:
        if asked.cost is None:
            return Found(None, "what it cost is not known")
        if asked.cost > rule.cost:
            wrong.append(f"it cost ${usd(asked.cost):.6f}, more than ${usd(rule.cost):.6f}")
    return _plain("; ".join(wrong) or None)


def schema_of(body: dict[str, Any]) -> str | None:
    """The JSON schema a request asks for, as text."""
    wanted: Any = body
    for key in ("response_format", "json_schema", "schema"):
        wanted = wanted.get(key) if isinstance(wanted, dict) else None
    return json.dumps(wanted, sort_keys=True) if isinstance(wanted, dict) else None
