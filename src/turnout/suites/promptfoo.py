"""promptfoo's configuration as rows of cases: its prompts filled in with each test's variables, its asserts beside them.

Only what is plain data: templates are ``{{name}}``, files are those in the configuration's own folder, and nothing of a file is run.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product
from pathlib import Path
from typing import Any

import msgspec

from turnout.config.document import lists_of, read
from turnout.errors import Problem
from turnout.suites.inputs import PARAMETERS, BadInput
from turnout.suites.tabular import MOST_CASES, Row, csv_rows, json_rows, text_of

_VARIABLE = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_PLAIN = re.compile(r"\w+(?:\.\w+|\[\d+\])*")
_STEP = re.compile(r"\w+")
_EXPECTED = re.compile(r"\s*((?:not-)?[a-z][a-z-]*)(?:\(([0-9.]+)\))?\s*(?::\s*(.*))?", re.DOTALL)
_KINDS = frozenset(
    [
        "equals",
        "contains",
        "contains-any",
        "contains-all",
        "icontains",
        "icontains-any",
        "icontains-all",
        "starts-with",
        "regex",
        "is-json",
        "contains-json",
        "cost",
        "latency",
        "similar",
        "python",
        "javascript",
        "llm-rubric",
        "g-eval",
        "factuality",
        "model-graded-closedqa",
        "answer-relevance",
        "is-valid-openai-tools-call",
        "is-refusal",
    ]
)
_ALONE = frozenset({"is-json", "contains-json", "is-valid-openai-tools-call"})
_SHORT = {"grade": "llm-rubric", "fn": "javascript", "eval": "javascript"}
_REFUSED = {
    "scenarios": "write each scenario's tests under `tests`",
    "derivedMetrics": None, "extensions": None, "nunjucksFilters": "write the filtered text into the variable",
}  # fmt: skip


class Read(msgspec.Struct, frozen=True):
    """``rows`` as :mod:`turnout.suites.load` reads any others, with ``assert`` in promptfoo's words."""

    rows: tuple[Row | Problem, ...]
    warnings: tuple[str, ...]


class Prompt(msgspec.Struct, frozen=True):
    """A text, or a conversation; not filled in."""

    label: str
    content: Any


def read_promptfoo(path: Path, text: str, base: Path) -> Read:
    """``base`` is the folder no file may lie outside of. Raises Unusable: a file cannot be read."""
    document = read(text)
    problems = [Problem(_dotted(each.path), document.line(each.path), each.message) for each in document.findings]
    config: dict[str, Any] = lists_of(document.tree)
    if problems:
        return Read(tuple(problems), ())
    reader = _Reader(path.parent, base)
    rows: list[Row | Problem] = [
        Problem(key, document.line((key,)), "is not read", hint) for key, hint in _REFUSED.items() if hint and config.get(key)
    ]
    try:
        prompts, default, parameters = reader.prompts(config), reader.default(config), _parameters(config)
        for number, (where, test, line) in enumerate(islice(reader.tests(config), MOST_CASES + 1), 1):
            if isinstance(test, Problem):
                rows.append(test)
                continue
            at = line or document.line(("tests", number - 1)) or 1
            rows += reader.cases(number, where, test, default, prompts, parameters, at)
            if len(rows) > MOST_CASES:
                break
    except BadInput as bad:
        rows.append(Problem(bad.key, document.line(tuple(bad.key.split("."))), bad.message, bad.suggestion))
    return Read(tuple(rows), tuple(reader.warnings))


class _Reader:
    """Follows the configuration's references. Every method may raise BadInput."""

    def __init__(self, folder: Path, base: Path) -> None:
        self._folder = folder
        self._allowed = (folder.resolve(), base.resolve())
        self.warnings: list[str] = []

    def prompts(self, config: Mapping[str, Any]) -> list[Prompt]:
        written = config.get("prompts")
        each = written if isinstance(written, list) else [written] if written is not None else []
        found = [prompt for index, one in enumerate(each) for prompt in self._prompt(one, f"prompts.{index}")]
        if not found:
            raise BadInput("prompts", "there are none", "write the question with its variables: 'Answer: {{question}}'")
        return found

    def _prompt(self, written: Any, key: str) -> Iterator[Prompt]:
        if isinstance(written, Mapping):
            label = str(written.get("label") or written.get("id") or key)
            inner = written.get("raw") or written.get("id")
            for prompt in self._prompt(inner, key):
                yield Prompt(label, prompt.content)
            return
        if not isinstance(written, str) or not written.strip():
            raise BadInput(key, "must be a text, or file://PATH")
        if not written.startswith("file://"):
            yield Prompt(written, _conversation(written))
            return
        for path in self._files(written, key):
            if path.suffix not in (".txt", ".md", ".json", ".yaml", ".yml"):
                raise BadInput(
                    key, f"prompts in {path.suffix or 'such'} files are programs, and are not run", "write the prompt itself"
                )
            text = text_of(path)
            if path.suffix in (".yaml", ".yml"):
                yield Prompt(written, _tree(text, key))
            else:
                parts = re.split(r"^---$", text, flags=re.MULTILINE) if path.suffix == ".txt" else [text]
                yield from (Prompt(written, _conversation(part.strip())) for part in parts if part.strip())

    def default(self, config: Mapping[str, Any]) -> dict[str, Any]:
        written = config.get("defaultTest") or {}
        if isinstance(written, str):
            (path, *_) = self._files(written, "defaultTest")
            written = _tree(text_of(path), "defaultTest")
        if not isinstance(written, dict):
            raise BadInput("defaultTest", "must be a test, or file://PATH")
        return written

    def tests(self, config: Mapping[str, Any]) -> Iterator[tuple[str, Any, int | None]]:
        """Each test with where it stands; its line where that is in another file."""
        written = config.get("tests")
        each = written if isinstance(written, list) else [written] if written is not None else [{}]
        for index, one in enumerate(each):
            if not isinstance(one, str):
                yield f"tests[{index}]", one, None
                continue
            for path in self._files(one, f"tests.{index}"):
                for row in _tests_of(path, f"tests.{index}"):
                    if isinstance(row, Problem):
                        yield "", row._replace(path=f"{path.name}{f'.{row.path}' if row.path else ''}"), None
                    else:
                        yield path.name, row.item, row.line

    def cases(
        self,
        number: int,
        where: str,
        test: Any,
        default: dict[str, Any],
        prompts: list[Prompt],
        parameters: dict[str, Any],
        line: int,
    ) -> list[Row | Problem]:
        """One for each prompt and each way its variables can be filled in."""
        try:
            if not isinstance(test, dict):
                raise BadInput("", "must be a test", "write {vars: {...}, assert: [...]}")
            options = {**(default.get("options") or {}), **(test.get("options") or {})}
            if options.get("transform") or options.get("postprocess") or options.get("transformVars"):
                raise BadInput("options.transform", "answers are judged as they are", "leave it out, or write a Python hook")
            if test.get("threshold", default.get("threshold")) not in (None, 1):
                self.warnings.append("a test's own `threshold` does not count here: the suite's does")
            asserts = [*(default.get("assert") or []), *(test.get("assert") or [])]
            metadata = {**(default.get("metadata") or {}), **(test.get("metadata") or {})}
            ways = list(self._ways({**self._vars(default), **self._vars(test)}, options))
            wanted = [prompt for prompt in prompts if not test.get("prompts") or prompt.label in test["prompts"]]
            several = len(ways) * len(wanted) > 1
            found: list[Row | Problem] = []
            for part, (prompt, values) in enumerate(product(wanted, ways), 1):
                content = filled(prompt.content, values)
                if isinstance(content, str):
                    content = f"{options.get('prefix') or ''}{content}{options.get('suffix') or ''}"
                item = {
                    "id": f"{number}.{part}" if several else str(number),
                    "input": content,
                    "metadata": metadata,
                    **parameters,
                }
                found.append(Row(line, item | ({"assert": filled(asserts, values)} if asserts else {}), where))
        except BadInput as bad:
            return [Problem(".".join(filter(None, (where, bad.key))), line, bad.message, bad.suggestion)]
        except TypeError:
            return [
                Problem(
                    where,
                    line,
                    "a part of this test is not of its form",
                    "vars, options and metadata are mappings, assert is a list",
                )
            ]
        return found

    def _vars(self, test: Mapping[str, Any]) -> dict[str, Any]:
        written = test.get("vars") or {}
        if isinstance(written, str):
            (path, *_) = self._files(written, "vars")
            written = _tree(text_of(path), "vars")
        if not isinstance(written, dict):
            raise BadInput("vars", "must be a mapping of names to values")
        return {name: self._value(value, name) for name, value in written.items()}

    def _value(self, value: Any, name: str) -> Any:
        if not isinstance(value, str) or not value.startswith("file://"):
            return value
        (path, *_) = self._files(value, f"vars.{name}")
        if path.suffix in (".py", ".js", ".mjs", ".ts"):
            raise BadInput(f"vars.{name}", "a program is not run for a value", "write the value itself")
        return text_of(path).rstrip("\n")

    def _ways(self, values: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """A variable that is a list of texts stands for each of them in turn."""
        lists = {} if options.get("disableVarExpansion") else {
            name: value for name, value in values.items() if isinstance(value, list) and value and not any(isinstance(each, dict | list) for each in value)
        }  # fmt: skip
        for chosen in islice(product(*lists.values()), MOST_CASES + 1):
            yield {**values, **dict(zip(lists, chosen, strict=True))}

    def _files(self, reference: str, key: str) -> list[Path]:
        """Inside the folder, and nowhere else, whatever links say."""
        name = reference.removeprefix("file://")
        if name.startswith(("http://", "https://", "huggingface://")):
            raise BadInput(key, "nothing is fetched from elsewhere", "download it beside the configuration")
        try:
            found = sorted(self._folder.glob(name)) if any(sign in name for sign in "*?[") else [self._folder / name]
        except (NotImplementedError, ValueError):
            raise BadInput(key, f"{name[:80]} is outside the folder of the configuration", "put it inside") from None
        for path in found:
            if not any(path.resolve().is_relative_to(allowed) for allowed in self._allowed):
                raise BadInput(key, f"{name[:80]} is outside the folder of the configuration", "put it inside")
            if not path.is_file():
                raise BadInput(key, f"there is no file {name[:80]}", "references are seen from the configuration's folder")
        if not found:
            raise BadInput(key, f"no file is like {name[:80]}")
        return found


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """Every text in it with its variables filled in. Raises BadInput."""
    if isinstance(template, str):
        if "{%" in template or "{#" in template:
            raise BadInput(
                "", "templates with {% %} are programs, and are not run", "write the text out, with {{name}} where it changes"
            )
        return _VARIABLE.sub(lambda match: _filled(match[1], values), template)
    if isinstance(template, Mapping):
        return {key: filled(value, values) for key, value in template.items()}
    return [filled(each, values) for each in template] if isinstance(template, list | tuple) else template


def _filled(name: str, values: Mapping[str, Any]) -> str:
    if not _PLAIN.fullmatch(name):
        raise BadInput("", f"{{{{{name[:60]}}}}} is more than a variable", "write its value into a variable of the test")
    found: Any = values
    for step in _STEP.findall(name):
        if isinstance(found, Mapping) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            raise BadInput("vars", f"no variable {name[:60]}", "add it to the test's vars, or to defaultTest")
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)


def _tests_of(path: Path, key: str) -> Iterable[Row | Problem]:
    """A file's tests, in promptfoo's shape."""
    if path.suffix in (".yaml", ".yml"):
        document = read(f"tests:\n{_indented(text_of(path))}")
        if document.findings:
            found = document.findings[0]
            return [Problem("", max((document.line(found.path) or 2) - 1, 1), found.message)]
        tests = lists_of(document.tree["tests"])
        tests = tests if isinstance(tests, list) else [tests]
        lines = [(document.line(("tests", index)) or 2) - 1 for index in range(len(tests))]
        return [
            Row(at, test) if isinstance(test, dict) else Problem("", at, "must be a test")
            for at, test in zip(lines, tests, strict=True)
        ]
    if path.suffix == ".csv":
        return [row if isinstance(row, Problem) else _of_columns(row) for row in csv_rows(text_of(path))]
    if path.suffix in (".jsonl", ".json"):
        return json_rows(text_of(path))
    raise BadInput(
        key, f"tests in {path.suffix or 'such'} files are programs, and are not run", "write them as CSV, JSONL or YAML"
    )


def _of_columns(row: Row) -> Row:
    """Columns are variables, but those that begin with two underscores."""
    test: dict[str, Any] = {"vars": {}, "assert": [], "options": {}, "metadata": row.item.get("metadata", {})}
    for name, cell in row.item.items():
        if re.fullmatch(r"__expected[0-9]*", name):
            test["assert"].append(_expected(cell))
        elif name in ("__prefix", "__suffix"):
            test["options"][name[2:]] = cell
        elif not name.startswith("__") and name != "metadata":
            test["vars"][name] = cell
    return Row(row.line, test)


def _expected(cell: str) -> dict[str, Any]:
    """``contains: Paris``, ``similar(0.8): ...``; anything else is the text itself."""
    match = _EXPECTED.fullmatch(cell)
    kind = _SHORT.get(match[1], match[1]) if match else ""
    if (
        match is None
        or kind.removeprefix("not-") not in _KINDS
        or (match[3] is None and kind not in ("is-json", "contains-json", "is-valid-openai-tools-call"))
    ):
        return {"type": "equals", "value": cell.strip()}
    found: dict[str, Any] = {"type": kind}
    if kind in ("cost", "latency"):
        return found | {"threshold": float(match[3])} if re.fullmatch(r"[0-9.]+", match[3]) else found
    found |= {"value": match[3]} if match[3] else {}
    return found | ({"threshold": float(match[2])} if match[2] else {})


def _parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the first provider's settings say of the request itself: tools, a response format."""
    providers = config.get("providers") or config.get("targets") or []
    for provider in providers if isinstance(providers, list) else [providers]:
        settings = provider.get("config") if isinstance(provider, dict) else None
        if isinstance(settings, dict):
            return {name: settings[name] for name in PARAMETERS if settings.get(name) is not None}
    return {}


def _conversation(text: str) -> Any:
    """A prompt that is a JSON conversation, or a text."""
    if not text.lstrip().startswith("["):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return text


def _tree(text: str, key: str) -> Any:
    document = read(f"value:\n{_indented(text)}")
    if document.findings:
        raise BadInput(key, document.findings[0].message)
    return lists_of(document.tree["value"])


def _indented(text: str) -> str:
    """A document as one value of a mapping: the reader takes mappings only."""
    return "".join(f"  {line}" for line in text.removeprefix("---\n").splitlines(keepends=True))


def _dotted(path: Iterable[object]) -> str:
    return ".".join(map(str, path))
