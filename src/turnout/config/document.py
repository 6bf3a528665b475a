"""A YAML 1.2 or JSON text as plain values, with the line of every path and the problems of its writing."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Path = tuple[str | int, ...]
Tree = Any
"""Plain values: dict with text keys, tuple, str, int, float, bool, date, None."""

MAX_CHARS = 2_000_000
MAX_NODES = 100_000  # aliases can multiply a small file: the count is of values read, not of values written
MAX_DEPTH = 60


class Finding(NamedTuple):
    """A problem before its line is known. ``warning``: worth saying, no reason to refuse."""

    path: Path
    message: str
    suggestion: str | None = None
    warning: bool = False


class Document(NamedTuple):
    """What a file says. ``lines`` counts from 1 and has each mapping's keys at their own line."""

    tree: Tree
    lines: dict[Path, int]
    findings: tuple[Finding, ...]

    def line(self, path: Path) -> int | None:
        """The line of ``path``, or of the nearest thing around it that has one."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def tree_of(value: Any) -> Tree:
    """A value as a document has it: lists are tuples."""
    if isinstance(value, Mapping):
        return {key: tree_of(item) for key, item in value.items()}
    return tuple(map(tree_of, value)) if isinstance(value, list | tuple) else value


def lists_of(tree: Tree) -> Any:
    """The way back, as JSON has it."""
    if isinstance(tree, dict):
        return {key: lists_of(item) for key, item in tree.items()}
    return [lists_of(item) for item in tree] if isinstance(tree, tuple | list) else tree


def read(text: str) -> Document:
    """Never raises on what a file may hold: what cannot be read is a finding, and the tree is then empty."""
    if len(text) > MAX_CHARS:
        return _unreadable(f"the file is longer than {MAX_CHARS:,} characters")
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
        reader = _Reader(yaml)
        tree = reader.value(node, ()) if node is not None else {}
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _unreadable(" ".join(filter(None, (error.problem, error.context))), mark.line + 1 if mark else None)
    except RecursionError:
        return _unreadable("values are nested too deeply")
    except (YAMLError, ValueError, OverflowError) as error:
        return _unreadable(str(error).splitlines()[0] if str(error) else type(error).__name__)
    if not isinstance(tree, dict):
        return Document({}, {(): 1}, (Finding((), "not a mapping of sections", "start with `providers:`"),))
    return Document(tree, reader.lines, tuple(reader.findings))


def _unreadable(why: str, line: int | None = 1) -> Document:
    return Document({}, {(): line or 1}, (Finding((), f"not readable as YAML or JSON: {why}"),))


class _Reader:
    """Walks the node graph once; a fresh one per file."""

    def __init__(self, yaml: YAML) -> None:
        self._yaml = yaml
        self._nodes = 0
        self.lines: dict[Path, int] = {(): 1}
        self.findings: list[Finding] = []

    def value(self, node: Node, path: Path) -> Tree:
        self._nodes += 1
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:
            raise YAMLError("aliases or nesting make this file far larger than it looks")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return tuple(self.value(item, (*path, index)) for index, item in enumerate(node.value))
        return self._scalar(node, path) if isinstance(node, ScalarNode) else None

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Tree]:
        found: dict[str, Tree] = {}
        for key, child in self._entries(node, path):
            where = (*path, key)
            if key in found:
                first = self.lines[where]
                self.findings.append(Finding(where, f"written twice (first on line {first})", "keep one of them"))
                self.lines[where] = child[0].start_mark.line + 1
                continue
            self.lines[where] = child[0].start_mark.line + 1
            found[key] = self.value(child[1], where)
        return found

    def _entries(self, node: MappingNode, path: Path) -> Iterator[tuple[str, tuple[Node, Node]]]:
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.findings.append(Finding(path, f"a key on line {key.start_mark.line + 1} is not text"))
                continue
            yield key.value, (key, value)

    def _scalar(self, node: ScalarNode, path: Path) -> Tree:
        """YAML's own reading of ``true``, ``1``, ``2026-01-01``; a tag of somebody's own is a finding."""
        if not str(node.tag).startswith("tag:yaml.org,2002:"):
            self.findings.append(Finding(path, f"unknown tag {node.tag}", "write the plain value"))
            return node.value
        try:
            return self._yaml.constructor.construct_object(node)
        except (YAMLError, ValueError, OverflowError, TypeError, KeyError) as error:
            self.findings.append(
                Finding(path, f"cannot read {node.value!r}: {str(error).splitlines()[0] if str(error) else error!r}")
            )
            return None
