"""A grader as written, in ``suites:`` or in a case of a suite's file -> the rule and its weight."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, model_validator

from turnout.checks.verify import problem
from turnout.config.checks import check
from turnout.config.document import Path, lists_of, tree_of
from turnout.config.part import Part
from turnout.config.scalars import Text, Usd, Words
from turnout.config.schema_routes import CheckPart
from turnout.config.shape import near, said
from turnout.types.money import pico_from_usd
from turnout.types.suite import (
    Bounded,
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

Positive = Annotated[float, Field(gt=0)]


class GraderError(ValueError):
    """A grader that cannot be read. ``path`` is where, ``suggestion`` what to do about it."""

    def __init__(self, path: Path, message: str, suggestion: str | None = None) -> None:
        self.path = path
        self.message = message
        self.suggestion = suggestion
        super().__init__("; ".join(filter(None, (message, suggestion))))


def _keyed(key: str) -> BeforeValidator:
    """A value that stands alone is the one of this key."""
    return BeforeValidator(lambda value: value if isinstance(value, dict) else {key: value})


class ContainsPart(Part):
    """Exactly one of `all`, `any`, `none`."""

    all: Words | None = None
    any: Words | None = None
    none: Words | None = None
    ignore_case: bool = False

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if sum(words is not None for words in (self.all, self.any, self.none)) != 1:
            raise ValueError("needs exactly one of all, any and none; write for example {any: [yes, sure]}")
        return self


class NumericPart(Part):
    value: float
    absolute: float = Field(default=0.0, ge=0)
    relative: float = Field(default=0.0, ge=0)


class ToolCallPart(Part):
    name: Text
    arguments: dict[str, Any] = Field(default={})
    exactly: bool = False


class PythonTestsPart(Part):
    tests: Text
    seconds: float = Field(default=10.0, gt=0, le=600)


class SimilarPart(Part):
    text: Text
    threshold: float = Field(default=0.6, gt=0, le=1)


class PairwisePart(Part):
    prompt: Text | None = None


class GraderPart(CheckPart):
    """Exactly one rule, and what it counts for: any check of a cascade, or one of these."""

    exact: Words | None = None
    normal: Words | None = None
    contains: Annotated[ContainsPart, _keyed("all")] | None = None
    numeric: Annotated[NumericPart, _keyed("value")] | None = None
    tool_call: Annotated[ToolCallPart, _keyed("name")] | None = None
    python_tests: Annotated[PythonTestsPart, _keyed("tests")] | None = None
    similar: Annotated[SimilarPart, _keyed("text")] | None = None
    pairwise: Literal[True] | PairwisePart | None = None
    max_seconds: Positive | None = None
    max_cost_usd: Usd | None = None
    weight: float = Field(default=1.0, ge=0)


RULES = tuple(name for name in GraderPart.model_fields if name != "weight")
_ALONE = frozenset(("json_valid", "json_schema", "python_compiles", "refusal", "pairwise"))
"""Rules without a setting: these may be written as a word."""
_ADAPTER: TypeAdapter[GraderPart] = TypeAdapter(GraderPart)


def graders_of(raw: object, path: Path = ()) -> tuple[Graded, ...]:
    """One grader, or a list of them: each a word, or a mapping of one rule and perhaps ``weight``. ``path`` is where they stand.

    Raises:
        GraderError: the first that cannot be read.
    """
    if isinstance(raw, list | tuple):
        return tuple(_grader(each, (*path, index)) for index, each in enumerate(raw))
    return (_grader(raw, path),)


def _grader(raw: object, path: Path) -> Graded:
    part = _shaped(raw, path)
    named = [name for name in part.model_fields_set if name != "weight" and getattr(part, name) is not None]
    if len(named) != 1:
        raise GraderError(path, "needs exactly one rule", f"one of {', '.join(RULES)}; write each grader as an entry of its own")
    rule = _rule(part)
    if isinstance(rule, Passes) and (wrong := problem(rule.check)) is not None:
        raise GraderError((*path, named[0]), wrong)
    return Graded(rule, part.weight)


def _shaped(raw: object, path: Path) -> GraderPart:
    if isinstance(raw, str):
        if raw not in RULES:
            raise GraderError(path, f'no grader "{raw}"', near(raw, RULES) or f"one of {', '.join(RULES)}")
        if raw not in _ALONE:
            raise GraderError(path, f"{raw} needs a setting", f"write {{{raw}: ...}}")
        raw = {raw: True}
    if not isinstance(raw, Mapping):
        raise GraderError(path, "must be a grader", "write its name, or a mapping such as {contains: refund}")
    try:
        return _ADAPTER.validate_python(tree_of(raw))
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        missing = detail["loc"][-1:] if detail["type"] == "missing" else ()
        where = (*path, *_written(detail["loc"], raw), *missing)
        if detail["type"] == "extra_forbidden":
            raise GraderError(where, "unknown key", near(str(detail["loc"][-1]), (*RULES, "weight"))) from error
        raise GraderError(where, *said(detail, where)) from error


def _written(loc: Path, raw: object) -> Path:
    """The part of a place that the author wrote: our own reading adds steps."""
    found: Path = ()
    for step in loc:
        known = raw.keys() if isinstance(raw, Mapping) else range(len(raw)) if isinstance(raw, list | tuple) else ()
        if step not in known:
            break
        raw, found = raw[step], (*found, step)  # type: ignore[index]  # it is known to be there
    return found


def _rule(part: GraderPart) -> Rule:
    if part.exact is not None or part.normal is not None:
        return Exact(part.exact or part.normal or (), normal=part.normal is not None)
    if part.contains is not None:
        return _contains(part.contains)
    if part.numeric is not None:
        return Numeric(part.numeric.value, part.numeric.absolute, part.numeric.relative)
    if part.tool_call is not None:
        return ToolCall(part.tool_call.name, lists_of(part.tool_call.arguments), part.tool_call.exactly)
    if part.python_tests is not None:
        return PythonTests(part.python_tests.tests, part.python_tests.seconds)
    if part.similar is not None:
        return Similar(part.similar.text, part.similar.threshold)
    if part.pairwise is not None:
        return Pairwise(part.pairwise.prompt if isinstance(part.pairwise, PairwisePart) else None)
    if part.max_seconds is not None:
        return Bounded(ms=part.max_seconds * 1000)
    if part.max_cost_usd is not None:
        return Bounded(cost=pico_from_usd(part.max_cost_usd))
    return Passes(check(part))


def _contains(part: ContainsPart) -> Contains:
    words = part.all or part.any or part.none or ()
    return Contains(words, any=part.any is not None, found=part.none is None, ignore_case=part.ignore_case)
