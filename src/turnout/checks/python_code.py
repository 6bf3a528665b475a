"""Python in an answer: found, and compiled without ever being run."""

import ast
import re
import threading
import warnings

from turnout.checks.fences import blocks

LIMIT = 256 * 2**10
"""Characters of code in one answer: compiling holds the interpreter (20 kB 5 ms, 250 kB 95 ms; 1 s where functions repeat themselves)."""

EXPANDED = 250_000
"""Syntax nodes the compiler may be made to write out."""

FILE = "answer"
_LABELS = {"python", "py", "python3", "py3"}
_CODE = re.compile(
    r"^[ \t]*(?:(?:async )?def \w+\s*[(\[]|class \w+\s*[(:]|import [\w., ]+$|from [\w.]+ import |@[\w.]+(?:\(.*\))?$|#!|"
    r"(?:if|elif|for|while|with|try|else)\b.*:$|(?:return|raise|yield|assert) \S|[\w.\[\]'\", ]{1,80} [-+*/|&]?= \S|[\w.]{1,80}\(.*\)$)",
    re.MULTILINE,
)
_filters = threading.Lock()


def python_compiles(text: str) -> str | None:
    """What keeps the answer's Python from compiling; an answer without any has failed too."""
    code = code_of(text)
    if not any(map(str.strip, code)):
        return "there is no Python in the text"
    if sum(map(len, code)) > LIMIT:
        return f"more than {LIMIT} characters of code"
    for number, source in enumerate(code, 1):
        problem = _problem(source)
        if problem is not None:
            return f"block {number}: {problem}" if len(code) > 1 else problem
    return None


def code_of(text: str) -> list[str]:
    """The blocks labelled as Python, else those without a label, else a text that is code itself."""
    fenced = blocks(text)
    if fenced:
        labelled = [block.code for block in fenced if block.label in _LABELS]
        return labelled or [block.code for block in fenced if not block.label]
    return [text] if _CODE.search(text[:LIMIT]) else []


def _problem(source: str) -> str | None:
    try:
        with _filters, warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=FILE)  # a warning is no failure, and would quote the answer on stderr
            if "finally" in source and _written(ast.parse(source, FILE))[0] > EXPANDED:
                return "nested `finally` blocks that grow past all bounds when compiled"
            compile(source, FILE, "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}" if error.lineno else error.msg
    except (MemoryError, RecursionError):
        return "too large, or nested too deep"
    except ValueError as error:  # null bytes, characters that UTF-8 does not have
        return getattr(error, "reason", str(error))
    return None


def _written(node: ast.AST) -> tuple[int, int]:
    """Nodes, and ways out (return, break, continue), as the compiler writes them out.

    A ``finally`` is written once for each way out of its ``try`` and twice for its ends, so that 20 nested in one another,
    in 1 kB of source, would take minutes and gigabytes.
    """
    nodes, ways = 1, int(isinstance(node, ast.Return | ast.Break | ast.Continue))
    for field, value in ast.iter_fields(node):
        copies = 2 + ways if field == "finalbody" else 1  # it is the last field: its ways out are known by then
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                more, out = _written(child)
                nodes, ways = nodes + copies * more, ways + copies * out
    return nodes, 0 if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) else ways
