"""Plain values -> the schema's types. What does not fit becomes a finding and is left out, so that the rest is still checked."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from turnout.config.document import Finding, Path, Tree
from turnout.config.schema import File

MAX_ROUNDS = 20  # leaving one thing out can uncover another; a file is never that deep in trouble


class Shaped(NamedTuple):
    """``left_out`` are the paths whose values did not fit: what is missing there is not missing in the file."""

    file: File
    findings: tuple[Finding, ...]
    left_out: frozenset[Path]

    def is_whole(self, *path: str | int) -> bool:
        """Whether nothing at or below ``path`` had to be left out."""
        return not any(out[: len(path)] == path or path[: len(out)] == out for out in self.left_out)


def shape(tree: Tree) -> Shaped:
    """Validate, leave out what is wrong, validate again, until it fits."""
    rest = _copy(tree)
    findings: dict[Path, Finding] = {}
    left_out: set[Path] = set()
    for _ in range(MAX_ROUNDS):
        try:
            return Shaped(File.model_validate(rest), tuple(findings.values()), frozenset(left_out))
        except ValidationError as error:
            before = frozenset(left_out)
            for detail in error.errors(include_url=False):
                path = _path(detail, tree)
                if not any(out == path[: len(out)] for out in before):
                    findings.setdefault(path, _finding(detail, path))
                left_out.add(_leave_out(rest, path))
    return Shaped(File(), tuple(findings.values()), frozenset(left_out))


def near(name: str, known: Iterator[str] | Mapping[str, object] | tuple[str, ...]) -> str | None:
    """``did you mean "approved"?`` where a known name is close."""
    close = get_close_matches(name, tuple(known), n=2, cutoff=0.6)
    return "did you mean " + " or ".join(f'"{match}"' for match in close) + "?" if close else None


def _copy(tree: Tree) -> Tree:
    """Mappings are changed while leaving out, sequences are replaced: only the former need a copy of their own."""
    if isinstance(tree, dict):
        return {key: _copy(value) for key, value in tree.items()}
    return tuple(_copy(value) for value in tree) if isinstance(tree, tuple) else tree


def _path(detail: ErrorDetails, tree: Tree) -> Path:
    """Where the file itself is wrong: pydantic also names steps that only our own reading adds (``fallback[0].model``)."""
    path: Path = ()
    for step in detail["loc"]:
        if step == "[key]":
            break
        if not _holds(tree, step):
            return (*path, step) if detail["type"] == "missing" else path
        tree, path = tree[step], (*path, step)
    return path


def _holds(tree: Tree, step: str | int) -> bool:
    return step in tree if isinstance(tree, dict) else isinstance(tree, tuple) and isinstance(step, int) and step < len(tree)


def _leave_out(tree: Tree, path: Path) -> Path:
    """Remove ``path`` from ``tree``; a list loses itself rather than one item, so that indices keep their meaning."""
    parents = [tree]
    for step in path[:-1]:
        if not _holds(parents[-1], step):
            return path  # gone already, with what was around it
        parents.append(parents[-1][step])
    for depth, parent in reversed(tuple(enumerate(parents[: len(path)]))):
        if isinstance(parent, dict) and path[depth] in parent:
            del parent[path[depth]]
            return path[: depth + 1]
    return path


def _finding(detail: ErrorDetails, path: Path) -> Finding:
    name = str(path[-1]) if path else ""
    known = _known_keys(path[:-1])
    if detail["type"] == "extra_forbidden":
        return Finding(path, "unknown key", near(name, known))
    message, suggestion = said(detail, path)
    if known and name not in known and isinstance(path[-1], str):
        suggestion = near(name, known) or suggestion
    return Finding(path, message, suggestion)


_PATTERNS = {
    "|env:": ("neither an http nor an https URL", "alerts are posted over http(s) alone; or write env:NAME or file:PATH"),
    "env:": ("a secret may not stand in the file", "put it in an environment variable and write env:NAME, or file:PATH"),
    "sha256:": ("not the hash of a key", "`turnout keys new NAME` makes a key and prints its hash"),
    "https?:": ("not a URL", "write http:// or https:// and the host"),
    "[^/": ("not the name of a model", "write provider/model"),
    "[A-Za-z0-9_]": ("a name holds letters, digits, `_`, `.`, `-` only, at most 64", None),
}
"""A piece of a pattern in the schema -> what to say when a value does not match it."""


def said(detail: ErrorDetails, path: Path) -> tuple[str, str | None]:
    """A pydantic error in our words. Quotes the value only of closed choices: anything else may be a secret."""
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    match kind:
        case "missing":
            return "missing", None
        case "string_pattern_mismatch":
            return next((said for piece, said in _PATTERNS.items() if piece in context["pattern"]), ("not in its form", None))
        case "literal_error":
            allowed = str(context["expected"]).replace("'", "")
            words = tuple(allowed.replace(" or ", ", ").split(", "))
            shown = given if isinstance(given, str | int | float) else type(given).__name__
            return f'"{shown}" is not one of {", ".join(words)}', _ALIASES.get(str(given)) or near(str(given), words)
        case "string_type" if "api_key" in path:
            return _PATTERNS["env:"]
        case "string_type" if isinstance(given, bool | int | float):
            return "must be text", f'write "{str(given).lower()}" in quotes'
        case "value_error":
            message, _, suggestion = str(context["error"]).partition("; ")
            return message, suggestion or None
        case "too_short" | "string_too_short":
            return "must not be empty", None
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            bound = next(iter(context.values()))
            return f"must be {kind.replace('_', ' ').replace(' than equal', ' than or equal to')} {bound}", None
    plain = _PLAIN.get(kind)
    return (f"must be {plain}", None) if plain else (detail["msg"].removeprefix("Input ").removeprefix("Value error, "), None)


_PLAIN = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "tuple_type": "a list",
    "date_type": "a date such as 2026-12-31",
    "finite_number": "a finite number",
}

_ALIASES = {
    word: f'nothing raises it; write "{meant}"'
    for meant, words in {
        "unavailable": ("timeout", "error", "5xx", "server_error", "overloaded", "down"),
        "rate_limited": ("429", "rate_limit", "ratelimit", "throttled"),
        "context_overflow": ("context_length", "context_window", "too_long"),
        "content_filter": ("content_policy", "moderation", "refusal"),
    }.items()
    for word in words
}
"""What other gateways call the conditions of a fallback."""


@cache
def _schema() -> dict[str, Any]:
    return File.model_json_schema()


def _known_keys(path: Path) -> tuple[str, ...]:
    """The keys that may stand in the mapping at ``path``, empty where its keys are the user's own."""
    nodes = [_schema()]
    for step in path:
        nodes = [below for node in nodes for below in _below(node, step)]
    return tuple(key for node in nodes for each in _choices(node) for key in each.get("properties", {}))


def _below(node: dict[str, Any], step: str | int) -> Iterator[dict[str, Any]]:
    for each in _choices(node):
        if isinstance(step, int):
            below = each.get("items")
        else:
            own = (*each.get("patternProperties", {}).values(), each.get("additionalProperties"))
            below = each.get("properties", {}).get(step) or own[0]
        if isinstance(below, dict):
            yield below


def _choices(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The plain schemas behind references and unions."""
    if "$ref" in node:
        yield from _choices(_schema()["$defs"][node["$ref"].rpartition("/")[2]])
    elif "anyOf" in node:
        for choice in node["anyOf"]:
            yield from _choices(choice)
    else:
        yield node
