"""Python is found in an answer and compiled, never run; nothing in it may hurt whoever looks."""

import threading
import warnings

import pytest

from turnout.checks.answer import Answer
from turnout.checks.verify import verify
from turnout.types.checks import PythonCompiles

GOOD = "def f(a):\n    return a + 1\n"
BAD = "def f(a)\n    return a + 1\n"


def problem(text: str) -> str | None:
    failed = verify((PythonCompiles(),), Answer(text))
    return failed and failed.detail


@pytest.mark.parametrize("text", [
    f"```python\n{GOOD}```",
    f"```py\n{GOOD}```\nand a shell line\n```bash\nrm -rf (\n```",
    f'Two:\n```python\n{GOOD}```\n```Python title="x.py"\n{GOOD}```',
    f"```\n{GOOD}```",
    f"~~~~python\n{GOOD}~~~~",
    "````python\nx = '''\n```\n'''\n````",
    "- A list:\n  ```python\n  if x:\n      y()\n  ```",
    f"```python\n{GOOD}",
    GOOD, "import os\nprint(os.name)", "x = 1", "for a in b:\n    print(a)", "print('hi')", "@cache\ndef f(): ...", "#!/usr/bin/env python3\n1",
])  # fmt: skip
def test_python_that_compiles(text: str) -> None:
    """All labelled blocks, or the unlabelled ones, or a text that is code; other languages are not looked at."""
    assert problem(text) is None


@pytest.mark.parametrize(("text", "detail"), [
    (f"```python\n{BAD}```", "line 1: expected ':'"),
    (f"```python\n{GOOD}```\n```python\n{BAD}```", "block 2: line 1: expected ':'"),
    (f"```\n{BAD}```", "line 1: expected ':'"),
    (BAD, "line 1: expected ':'"),
    ("```python\nreturn 1\n```", "line 1: 'return' outside function"),
    ("```python\nx = (1,\n", "line 1: '(' was never closed"),
    (f"Sure! {GOOD}\n{GOOD}", "line 1: invalid syntax"),
    ("Use a list comprehension, it is shorter.", "there is no Python in the text"),
    ("```javascript\nlet a = 1\n```", "there is no Python in the text"),
    ("```python\n\n```", "there is no Python in the text"),
    ("", "there is no Python in the text"),
])  # fmt: skip
def test_python_that_does_not(text: str, detail: str) -> None:
    """The block, the line and the compiler's words; no code is not good code."""
    assert problem(text) == detail


def test_code_is_not_run() -> None:
    """Compiling has no effect."""
    assert problem("```python\nraise SystemExit\nimport no_such_module\n```") is None


def test_warnings_are_no_failures_and_stay_inside() -> None:
    """Neither a failure where warnings are errors, nor the answer's lines on somebody's stderr; filters are as before."""
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")

        assert problem("```python\nx = '\\d'\nif x is 'a': pass\n```") is None
        assert problem("```python\ntry:\n    x = '\\d'\nfinally:\n    pass\n```") is None

    assert told == []
    assert warnings.filters == before


DEEP = 200_000
HOSTILE = {
    "open brackets": "x = " + "(" * DEEP,
    "brackets": "x = " + "[" * 90 + "]" * 91,
    "minus": "x = " + "-" * DEEP + "1",
    "not": "x = " + "not " * 60_000 + "1",
    "lambdas": "x = " + "lambda: " * 30_000 + "1",
    "attributes": "x = y" + ".a" * 100_000,
    "a long sum": "x = " + "1+" * 100_000 + "1",
    "elif": "if x: pass\n" + "elif x: pass\n" * 20_000,
    "a huge int": "x = " + "9" * DEEP,
    "a null byte": "x = 1\0",
    "a surrogate": "x = '\ud800'",
    "an unknown coding": "# coding: nope\nx = (",
    "an open f-string": "x = f'" + "{" * DEEP,
    "indents": "".join(" " * depth + "if x:\n" for depth in range(150)),
    "with": "".join(" " * depth + "with a:\n" for depth in range(50)) + " " * 50 + "pass",
    "finally in finally": "".join(" " * d + "try:\n" + " " * d + " pass\n" + " " * d + "finally:\n" for d in range(19)) + " " * 19 + "pass",
    "many ways out": "def f():\n try:\n" + "  if x: return\n" * 3000 + " finally:\n" + "  a()\n" * 3000,
    "too long": "x = 1\n" * 50_000,
}  # fmt: skip


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_code_is_a_failure(source: str) -> None:
    """Never an exception, never the end of the process, in a thread with its smaller stack as well."""
    found: list[str | None] = []
    thread = threading.Thread(target=lambda: found.append(problem(f"```python\n{source}\n```")))
    thread.start()
    thread.join()

    assert len(found) == 1
    assert found[0]


def test_finally_blocks_as_people_write_them() -> None:
    """The bound on what the compiler writes out is far from real code."""
    source = (
        "def f():\n    try:\n        try:\n            return g()\n        finally:\n            h()\n    finally:\n        i()\n"
        * 200
    )

    assert problem(f"```python\n{source}```") is None
