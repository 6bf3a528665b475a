"""Cases from files: every spelling, and every problem of a file at once."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.errors import Unusable
from turnout.suites.load import load_suite, read_suite
from turnout.suites.problems import BadSuite
from turnout.types.checks import JsonValid
from turnout.types.release_rules import SuiteRules
from turnout.types.suite import Case, Contains, Exact, Graded, Numeric, Pairwise, Passes, Rule, Similar

ROOT = Path(__file__).resolve().parents[3]
USER = [{"role": "user", "content": "q"}]


def rules(file: str, **more: Any) -> SuiteRules:
    return SuiteRules("s", ("r",), file, **more)


def one(folder: Path, item: dict[str, Any], **more: Any) -> Case:
    (folder / "s.jsonl").write_text(json.dumps(item))
    (case,) = load_suite(rules("s.jsonl", **more), folder).cases
    return case


def problems(folder: Path, text: str | bytes, name: str = "s.jsonl", **more: Any) -> list[tuple[int | None, str, str]]:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadSuite) as bad:
        load_suite(rules(name, **more), folder)
    return [(problem.line, problem.path, problem.message) for problem in bad.value.problems]


@pytest.mark.parametrize("item", [
    {"input": "q"}, {"prompt": "q"}, {"question": "q"}, {"messages": USER}, {"input": USER}, {"inputs": {"question": "q"}}, {"inputs": {"topic": "q"}},
    {"inputs": {"messages": USER}}, {"body": {"model": "x", "messages": USER, "stream": True}}, {"request": {"messages": "q"}},
])  # fmt: skip
def test_a_question_in_any_spelling(tmp_path: Path, item: dict[str, Any]) -> None:
    """The request is the same."""
    assert one(tmp_path, item | {"expected": "a"}).body == {"messages": USER}


def test_what_else_a_request_has(tmp_path: Path) -> None:
    """A system prompt comes first; tools and formats go along."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    case = one(
        tmp_path,
        {"system": "s", "input": "q", "tools": tools, "response_format": {"type": "json_object"}, "graders": "json_valid"},
    )
    assert case.body == {
        "messages": [{"role": "system", "content": "s"}, *USER], "tools": tools, "response_format": {"type": "json_object"},
    }  # fmt: skip
    assert case.graders == (Graded(Passes(JsonValid())),)


@pytest.mark.parametrize(("item", "rule"), [
    ({"expected": "Paris"}, Exact(("Paris",), normal=True)), ({"ideal": ["a", "b"]}, Exact(("a", "b"), normal=True)), ({"target": "1,234"}, Numeric(1234)),
    ({"answer": 3}, Numeric(3)), ({"expectedOutput": "$5.50"}, Numeric(5.5)), ({"expected": "007"}, Exact(("007",), normal=True)),
    ({"expected": "2026-11-23"}, Exact(("2026-11-23",), normal=True)), ({"expected": 12345678901234567}, Exact(("12345678901234567",), normal=True)),
    ({"expected": True}, Exact(("true",), normal=True)), ({"expected": "w " * 60}, Similar("w " * 60)), ({"expected": "a\nb"}, Similar("a\nb")),
    ({"expectations": {"expected_response": "Paris"}}, Exact(("Paris",), normal=True)), ({"graders": [{"contains": "x"}], "expected": "y"}, Contains(("x",))),
    ({"assert": [{"type": "icontains", "value": "x"}]}, Contains(("x",), ignore_case=True)), ({"ideal": ["a"]}, Exact(("a",), normal=True)),
    ({"expected": ""}, None), ({"expected": {"a": 1}}, None), ({"expected": []}, None), ({}, None), ({"expectations": {"expected_facts": ["f"]}}, None),
])  # fmt: skip
def test_what_is_expected_names_its_grader(tmp_path: Path, item: dict[str, Any], rule: Rule | None) -> None:
    """A number, a short text, a long one; graders win over it; what is neither is refused."""
    if rule is None:
        assert len(problems(tmp_path, json.dumps({"input": "q"} | item))) == 1
    else:
        assert one(tmp_path, {"input": "q"} | item).graders == (Graded(rule),)


def test_cases_without_a_word_are_the_suites_or_a_judges(tmp_path: Path) -> None:
    """In this order; and a judge of the whole policy will do."""
    assert one(tmp_path, {"input": "q"}, graders=(Graded(Numeric(1)),), judge="a/b").graders == (Graded(Numeric(1)),)
    assert one(tmp_path, {"input": "q"}, judge="a/b").graders == (Graded(Pairwise()),)
    assert load_suite(rules("s.jsonl"), tmp_path, "a/b").cases[0].graders == (Graded(Pairwise()),)
    facts = one(tmp_path, {"input": "q", "expectations": {"expected_facts": ["f"], "guidelines": "g"}}, judge="a/b")
    assert facts.graders == (Graded(Pairwise("It states or keeps to all of this: f; g")),)


def test_where_a_result_counts(tmp_path: Path) -> None:
    """Task and band, here or in metadata, by word or number; the outer one wins."""
    case = one(
        tmp_path,
        {
            "input": "q",
            "expected": 1,
            "metadata": {"task": "qa", "complexity": "High"},
            "task": "math",
            "reference": "r",
            "id": 7,
        },
    )
    assert (case.id, case.task, case.band, case.reference, case.source) == ("7", "math", "high", "r", "s.jsonl")
    assert one(tmp_path, {"input": "q", "expected": 1, "complexity": 0.01}).band == "simple"
    assert problems(tmp_path, '{"input": "q", "expected": 1, "band": "hard", "task": 3}') == [
        (1, "task", "must be a word, as routes know it"), (1, "band", "must be simple, moderate, high, or a number 0..1"),
    ]  # fmt: skip


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Each with its line, and what to do; nothing is loaded."""
    text = """{"input": "q", "expected": 1}

not json
[1]
{"expected": 1, "graders": [{"contain": "x"}]}
{"messages": [{"role": "u"}], "expected": 1}
{"input": "q", "graders": [{"pairwise": true}]}
{"id": "2", "input": "q", "expected": 1}
{"id": "2", "input": "q", "expected": 1}"""
    found = problems(tmp_path, text)
    assert [(line, path) for line, path, _ in found] == [
        (3, ""), (4, ""), (5, "input"), (5, "graders.0.contain"), (6, "messages[0]"), (7, "graders"), (9, "id"),
    ]  # fmt: skip
    with pytest.raises(BadSuite, match=r's\.jsonl:5  graders\.0\.contain: unknown key; did you mean "contains"'):
        load_suite(rules("s.jsonl"), tmp_path)
    assert problems(tmp_path, "\n") == [(None, "", "there is no case in it")]


def test_the_hash_is_of_cases_and_graders(tmp_path: Path) -> None:
    """Any change of them is another suite; a moved blank line or another name is not."""
    (tmp_path / "s.jsonl").write_text('{"input": "q", "expected": 1}\n{"input": "r", "expected": 2}')
    first = load_suite(rules("s.jsonl"), tmp_path).hash
    (tmp_path / "s.jsonl").write_text('\n{"expected": 1, "input": "q"}\n\n{"input": "r", "expected": 2.0}\n')
    assert load_suite(rules("s.jsonl"), tmp_path).hash == first
    assert load_suite(rules("s.jsonl", threshold=0.5), tmp_path).hash != first
    (tmp_path / "s.jsonl").write_text('{"input": "q", "expected": 1}\n{"input": "r", "expected": 3}')
    assert load_suite(rules("s.jsonl"), tmp_path).hash != first


def test_csv_has_the_same_names(tmp_path: Path) -> None:
    """Cells over several lines, JSON in cells, metadata by column; byte-order mark and empty cells do not matter."""
    text = '\ufeffid,input,expected,metadata.task,band,graders\na,"two\nlines",5,qa,simple,\nb,"[x] q",,,,"[{""contains"": ""y""}]"\n'
    (tmp_path / "s.csv").write_text(text)
    first, second = load_suite(rules("s.csv"), tmp_path).cases
    assert (first.id, first.body, first.graders, first.task, first.band) == (
        "a", {"messages": [{"role": "user", "content": "two\nlines"}]}, (Graded(Numeric(5)),), "qa", "simple",
    )  # fmt: skip
    assert second.graders == (Graded(Contains(("y",))),)
    assert problems(tmp_path, "input,expected\nq,1\nq,1,2\n\nq,\n", "t.csv") == [
        (3, "", "has 3 cells for 2 columns"), (5, "expected", "nothing tells a good answer from a bad one"),
    ]  # fmt: skip
    assert problems(tmp_path, 'input,expected\n"q,1\n', "t.csv")[0][0] == 2
    assert problems(tmp_path, "input,input\nq,1\n", "t.csv") == [(1, "", "two columns have one name")]
    assert problems(tmp_path, 'input,graders\nq,"[{"\n', "t.csv")[0][:2] == (2, "graders")


def test_a_list_of_cases_and_a_file_without_a_name(tmp_path: Path) -> None:
    """JSON by how it begins."""
    (tmp_path / "cases").write_text('[{"input": "q", "expected": 1}, {"input": "q", "expected": 2}]')
    assert len(load_suite(rules("cases"), tmp_path).cases) == 2
    assert problems(tmp_path, '[{"input": "q", "expected": 1}, 2]', "t.json") == [(1, "[1]", "not an object")]


def test_columns_nobody_reads_are_told_once(tmp_path: Path) -> None:
    """With what was perhaps meant."""
    (tmp_path / "s.jsonl").write_text('{"input": "q", "expected": 1, "expcted": 2, "zzz": 1}\n' * 1)
    assert read_suite(rules("s.jsonl"), tmp_path).warnings[0].startswith('`expcted` is not used; did you mean "expected"')
    assert read_suite(rules("s.jsonl"), tmp_path).warnings[1] == "`zzz` is not used"


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not there, a folder, not UTF-8, too large, too many: said, with what to do."""
    with pytest.raises(Unusable, match="is not there"):
        load_suite(rules("none.jsonl"), tmp_path)
    with pytest.raises(Unusable, match="cannot be read"):
        load_suite(rules("."), tmp_path)
    with pytest.raises(Unusable, match="it has no `file`"):
        load_suite(SuiteRules("s", ("r",)), tmp_path)
    (tmp_path / "s.jsonl").write_bytes(b'{"input": "q",\n "x": "\xff"}')
    with pytest.raises(Unusable, match=r"s\.jsonl:2  not UTF-8"):
        load_suite(rules("s.jsonl"), tmp_path)
    monkeypatch.setattr("turnout.suites.load.MOST_CASES", 2)
    assert problems(tmp_path, '{"input": "q", "expected": 1}\n' * 3) == [(None, "", "more than 2 cases")]
    monkeypatch.setattr("turnout.suites.tabular.LARGEST_FILE", 10)
    with pytest.raises(Unusable, match="split it"):
        load_suite(rules("s.jsonl"), tmp_path)


@given(st.text(max_size=200) | st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from(["input", "messages", "role", "content", "expected", "graders", "assert", "type", "value", "metadata", "band", "tools", "body", "contains", "numeric"]), inner, max_size=5,
), max_leaves=12).map(json.dumps), st.sampled_from(["s.jsonl", "s.csv", "s.yaml", "s"]))  # fmt: skip
def test_no_file_breaks_the_loader(tmp_path_factory: pytest.TempPathFactory, text: str, name: str) -> None:
    """Whatever stands in it: cases, or what is wrong."""
    folder = tmp_path_factory.getbasetemp()
    (folder / name).write_bytes(text.encode("utf-8", "replace"))
    try:
        suite = load_suite(rules(name), folder)
    except Unusable:
        return
    assert suite.cases


@pytest.mark.parametrize("file", ["support.jsonl", "extraction.yaml"])
def test_the_examples_are_suites(file: str) -> None:
    """Without a warning but what they show."""
    loaded = read_suite(rules(file), ROOT / "examples" / "suites")
    assert len(loaded.suite.cases) >= 2
    assert all(case.graders and case.task and case.band for case in loaded.suite.cases)
    assert loaded.warnings == ()
