"""JSON answers: well-formed, and as a schema wants them."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from turnout.checks.answer import Answer
from turnout.checks.fences import blocks

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

LIMIT = 2**20
"""Characters of JSON that are read, of an answer or of a schema."""


class Unfit(ValueError):
    """A text is no JSON, a schema no schema; says why."""


def json_valid(answer: Answer) -> str | None:
    """What is wrong with the answer's JSON; of tool calls, with their arguments."""
    for name, arguments in answer.tool_calls:
        try:
            _parsed(arguments or "{}")
        except Unfit as unfit:
            return f"arguments of the tool call {name}: {unfit}"
    try:
        if answer.text.strip() or not answer.tool_calls:
            _value(answer)
    except Unfit as unfit:
        return str(unfit)
    return None


def json_schema(schema: str | None, answer: Answer) -> str | None:
    """Where the answer's JSON leaves the schema; the answer's own values are not told."""
    wanted = schema if schema is not None else answer.schema
    if wanted is None:
        return None
    try:
        value = _value(answer)
        error = next(iter(validator(wanted).iter_errors(value)), None)
    except Unfit as unfit:
        return str(unfit)
    except RecursionError:
        return "the schema is too deep, or refers to itself without end"
    except _unresolvable():
        return "the schema refers to something outside itself, which is never fetched"
    if error is None:
        return None
    rule = error.message if error.validator == "required" else f"not as {error.validator} wants: {error.validator_value!r:.80}"
    return f"{error.json_path:.80}: {rule}"


def schema_problem(schema: str) -> str | None:
    """Why this text cannot be used as a schema."""
    try:
        validator(schema)
    except Unfit as unfit:
        return str(unfit)
    return None


@lru_cache(maxsize=128)
def validator(schema: str) -> "Validator":
    """A validator for the schema's text. It knows no way to the network. Raises Unfit."""
    import jsonschema  # noqa: PLC0415  0.14 s and 11 MB that only those pay who check schemas
    from referencing import Registry  # noqa: PLC0415  same

    try:
        parsed = _parsed(schema)
        if not isinstance(parsed, dict):
            raise Unfit("a schema is an object")
        kind = jsonschema.validators.validator_for(parsed, default=jsonschema.Draft202012Validator)
        kind.check_schema(parsed)
        nothing: Registry[Any] = Registry()
        return kind(parsed, registry=nothing)
    except Unfit as unfit:
        raise Unfit(f"the schema: {unfit}") from None
    except (jsonschema.SchemaError, RecursionError) as error:
        raise Unfit(f"the schema is not one: {getattr(error, 'message', 'too deep'):.120}") from None


def _unresolvable() -> type[Exception]:
    from referencing.exceptions import Unresolvable  # noqa: PLC0415  loaded with jsonschema or not at all

    return Unresolvable


def _value(answer: Answer) -> Any:
    """The value of the text, or of the only fenced block in it. Raises Unfit."""
    try:
        return _parsed(answer.text)
    except Unfit:
        fenced = blocks(answer.text) if len(answer.text) <= LIMIT else []
        if len(fenced) != 1:
            raise
        return _parsed(fenced[0].code)


def _parsed(text: str) -> Any:
    if not text.strip():
        raise Unfit("there is no text")
    if len(text) > LIMIT:
        raise Unfit(f"more than {LIMIT} characters")
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise Unfit(str(error)) from None
    except RecursionError:
        raise Unfit("nested too deep") from None
