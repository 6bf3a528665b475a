"""The checks a policy may ask of an answer. They say what must hold; ``turnout.checks`` finds out whether it does."""

import msgspec


class JsonValid(msgspec.Struct, frozen=True, tag="json_valid"):
    """The text is JSON, bare or as its only fenced block."""


class JsonSchema(msgspec.Struct, frozen=True, tag="json_schema"):
    """The text is JSON that satisfies ``schema`` (JSON text); None is the schema that the request itself asks for, if it does."""

    schema: str | None = None


class PythonCompiles(msgspec.Struct, frozen=True, tag="python_compiles"):
    """The text has Python in it, and all of it compiles. It is never run."""


class Regex(msgspec.Struct, frozen=True, tag="regex"):
    """The pattern is found somewhere in the text; with ``found`` False, nowhere."""

    pattern: str
    found: bool = True


class Length(msgspec.Struct, frozen=True, tag="length"):
    """Characters of the text, blanks around it not counted; both bounds are inside."""

    least: int | None = None
    most: int | None = None


class NotRefusal(msgspec.Struct, frozen=True, tag="refusal"):
    """The answer does not decline."""


class Hook(msgspec.Struct, frozen=True, tag="hook"):
    """A function of the operator's own, ``package.module:function``."""

    name: str


Check = JsonValid | JsonSchema | PythonCompiles | Regex | Length | NotRefusal | Hook


def name_of(check: Check) -> str:
    """The word config and records use; a hook's says which."""
    return f"hook:{check.name}" if isinstance(check, Hook) else str(check.__struct_config__.tag)
