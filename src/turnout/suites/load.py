"""A suite's file -> its cases. A file with problems is refused whole, with all of them: half a suite would measure something else."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from turnout.config.graders import GraderError, graders_of
from turnout.config.shape import near
from turnout.decide.classify.complexity import band_of
from turnout.errors import Problem, Unusable
from turnout.suites.expected import expected_graders
from turnout.suites.frozen import suite_hash
from turnout.suites.inputs import ASKED, PARAMETERS, WHOLE, BadInput, body_of
from turnout.suites.problems import BadSuite
from turnout.suites.promptfoo import read_promptfoo
from turnout.suites.promptfoo_asserts import asserts_of
from turnout.suites.tabular import MOST_CASES, Row, csv_rows, json_rows, text_of
from turnout.types.release_rules import SuiteRules
from turnout.types.suite import Case, Graded, Pairwise, Suite
from turnout.types.traits import Band

EXPECTED = ("expected", "ideal", "target", "expectedOutput", "expected_output", "expected_response", "answer")
"""Where the right answer stands; the first that is there."""
_BANDS: dict[object, Band] = {"simple": "simple", "moderate": "moderate", "high": "high"}
_KNOWN = (
    *WHOLE, *ASKED, *PARAMETERS, *EXPECTED, "id", "system", "graders", "assert", "metadata", "expectations", "task", "band", "complexity", "reference",
)  # fmt: skip

_Read = TypeVar("_Read")


class Loaded(msgspec.Struct, frozen=True):
    """A suite, and what its author should know of how it was read."""

    suite: Suite
    warnings: tuple[str, ...] = ()


def load_suite(rules: SuiteRules, base: Path, judge: str | None = None) -> Suite:
    """The suite of ``rules.file``, seen from ``base``; ``judge`` compares answers where the suite names nobody.

    Raises:
        Unusable: the file cannot be read; BadSuite, which is one, with every problem in it.
    """
    return read_suite(rules, base, judge).suite


def read_suite(rules: SuiteRules, base: Path, judge: str | None = None) -> Loaded:
    """The same, with its warnings."""
    if rules.file is None:
        raise Unusable(f"suites.{rules.name}: it has no `file`")
    path = base / Path(rules.file).expanduser()
    rows, warnings = _rows(path, text_of(path), base)
    loading = _Loading(rules, path.name, judged=(judge or rules.judge) is not None)
    cases = loading.cases(rows)
    if loading.problems:
        raise BadSuite(rules.file, loading.problems)
    suite = Suite(rules.name, suite_hash(cases, rules.threshold), cases, rules.threshold)
    return Loaded(suite, tuple(dict.fromkeys((*warnings, *loading.warnings))))


def _rows(path: Path, text: str, base: Path) -> tuple[Iterable[Row | Problem], tuple[str, ...]]:
    """By the file's name, or else by how it begins."""
    kind, begins = path.suffix.lower(), text.lstrip()
    if kind in (".yaml", ".yml") or (kind == ".json" and begins.startswith("{") and re.search(r'"prompts"\s*:', text)):
        found = read_promptfoo(path, text, base)
        return found.rows, found.warnings
    if kind in (".jsonl", ".ndjson", ".json") or (kind != ".csv" and begins.startswith(("{", "["))):
        return json_rows(text), ()
    return csv_rows(text), ()


class _Loading:
    """One file's rows on their way to cases, and what was wrong with them."""

    def __init__(self, rules: SuiteRules, source: str, *, judged: bool) -> None:
        self._rules = rules
        self._source = source
        self._judged = judged
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def cases(self, rows: Iterable[Row | Problem]) -> tuple[Case, ...]:
        found: dict[str, Case] = {}
        begun: dict[str, int] = {}
        for number, row in enumerate(rows, 1):
            if number > MOST_CASES:
                self.problems.append(Problem("", None, f"more than {MOST_CASES:,} cases", "split it into several suites"))
                break
            if isinstance(row, Problem):
                self.problems.append(row)
                continue
            case = self._case(row, number)
            if case.id in found:
                self._wrong(row, "id", f'"{case.id}" is the id of the case on line {begun[case.id]} too', "give each its own")
            found[case.id], begun[case.id] = case, row.line
        if not found and not self.problems:
            self.problems.append(
                Problem("", None, "there is no case in it", 'write one a line: {"input": "...", "expected": "..."}')
            )
        return tuple(found.values())

    def _case(self, row: Row, number: int) -> Case:
        item = row.item
        for key in item:
            if key not in _KNOWN:
                hint = near(key, _KNOWN)
                self.warnings.append(f"`{key[:40]}` is not used{f'; {hint}' if hint else ''}")
        metadata = item.get("metadata")
        if not isinstance(metadata, dict | None):
            self._wrong(row, "metadata", "must be an object", None)
            metadata = None
        facts = {**(metadata or {}), **{key: item[key] for key in ("task", "band", "complexity") if item.get(key) is not None}}
        name, reference = item.get("id"), item.get("reference")
        return Case(
            str(name) if isinstance(name, str | int) and str(name).strip() else str(number),
            self._tried(row, lambda: body_of(item), {}),
            self._tried(row, lambda: self._graders(item), ()),
            self._tried(row, lambda: _task(facts.get("task")), None),
            self._tried(row, lambda: _band(facts), None),
            reference if isinstance(reference, str) else None,
            self._source,
        )

    def _graders(self, item: Mapping[str, Any]) -> tuple[Graded, ...]:
        """The case's own, else what its expected answer means, else the suite's, else a judge. Raises BadInput."""
        own: list[Graded] = []
        if item.get("graders") is not None:
            try:
                own += graders_of(item["graders"])
            except GraderError as bad:
                raise BadInput(".".join(("graders", *map(str, bad.path))), bad.message, bad.suggestion) from None
        if item.get("assert") is not None:
            own += asserts_of(item["assert"], judged=self._judged, warn=self.warnings.append)
        if any(isinstance(graded.rule, Pairwise) for graded in own) and not self._judged:
            raise BadInput("graders", "nobody compares the answers", "name a `judge` in the suite")
        if own:
            return tuple(own)
        key = next((key for key in EXPECTED if item.get(key) is not None), None)
        if key is not None:
            return expected_graders(item[key], key)
        if item.get("expectations") is not None:
            return self._expectations(item["expectations"])
        if self._rules.graders:
            return self._rules.graders
        if self._judged:
            return (Graded(Pairwise()),)
        raise BadInput(
            "expected",
            "nothing tells a good answer from a bad one",
            "write `expected` or `graders`, or name a `judge` in the suite",
        )

    def _expectations(self, written: Any) -> tuple[Graded, ...]:
        """MLflow's: a right answer, or what a judge is to look for."""
        if not isinstance(written, dict):
            raise BadInput("expectations", "must be an object")
        if written.get("expected_response") is not None:
            return expected_graders(written["expected_response"], "expectations.expected_response")
        wanted = [str(each) for key in ("expected_facts", "guidelines") for each in _listed(written.get(key))]
        if not wanted:
            raise BadInput("expectations", "holds no expected_response, expected_facts or guidelines")
        if not self._judged:
            raise BadInput("expectations", "facts and guidelines need a judge", "name a `judge` in the suite, or write graders")
        return (Graded(Pairwise(f"It states or keeps to all of this: {'; '.join(wanted)}")),)

    def _tried(self, row: Row, read: Callable[[], _Read], instead: _Read) -> _Read:
        try:
            return read()
        except BadInput as bad:
            self._wrong(row, bad.key, bad.message, bad.suggestion)
            return instead

    def _wrong(self, row: Row, key: str, message: str, suggestion: str | None) -> None:
        self.problems.append(Problem(".".join(filter(None, (row.where, key))), row.line, message, suggestion))


def _task(written: Any) -> str | None:
    if written is not None and (not isinstance(written, str) or not written.strip()):
        raise BadInput("task", "must be a word, as routes know it", "write for example customer_support")
    return written


def _band(facts: Mapping[str, Any]) -> Band | None:
    """A band by its name, or the number 0..1 that classification gives."""
    key = "band" if facts.get("band") is not None else "complexity"
    written = facts.get(key)
    if written is None:
        return None
    if isinstance(written, int | float) and not isinstance(written, bool) and 0 <= written <= 1:
        return band_of(float(written))
    band = _BANDS.get(written.strip().lower()) if isinstance(written, str) else None
    if band is None:
        raise BadInput(key, "must be simple, moderate, high, or a number 0..1")
    return band


def _listed(written: Any) -> list[Any]:
    return written if isinstance(written, list) else [written] if written is not None else []
