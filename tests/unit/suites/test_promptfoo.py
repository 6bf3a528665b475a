"""promptfoo's configurations: what is plain data is read, what is a program is refused by name."""

from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from turnout.suites.load import read_suite
from turnout.suites.problems import BadSuite
from turnout.types.checks import Hook, JsonSchema, JsonValid, NotRefusal, Regex
from turnout.types.money import pico_from_usd
from turnout.types.release_rules import SuiteRules
from turnout.types.suite import Bounded, Case, Contains, Exact, Graded, Pairwise, Passes, Rule, Similar, ToolCall


def loaded(folder: Path, text: str, **more: Any) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    (folder / "p.yaml").write_text(text)
    found = read_suite(SuiteRules("s", ("r",), "p.yaml", **more), folder)
    return found.suite.cases, found.warnings


def refused(folder: Path, text: str, **more: Any) -> str:
    with pytest.raises(BadSuite) as bad:
        loaded(folder, text, **more)
    return str(bad.value)


def graders(folder: Path, asserted: str, **more: Any) -> tuple[Graded, ...]:
    ((case,), _) = loaded(folder, f"prompts: ['q']\ntests:\n  - assert:\n      - {asserted}\n", **more)
    return case.graders


def content(case: Case) -> str:
    return case.body["messages"][-1]["content"]


def test_prompts_are_filled_in_for_each_test(tmp_path: Path) -> None:
    """Each prompt with each test; variables of the default, of the test, inside others; lists stand for each of their texts."""
    cases, warnings = loaded(
        tmp_path,
        """
prompts: ["{{a}} and {{b.c}}", {raw: "only {{ a }}", label: second}]
providers:
  - id: openai:gpt-5
    config: {temperature: 0, response_format: {type: json_object}, apiKey: not ours}
defaultTest:
  vars: {a: default, b: {c: 1}}
  assert: [{type: contains, value: "{{a}}"}]
  metadata: {task: qa}
tests:
  - {}
  - vars: {a: [x, y]}
    prompts: [second]
    assert: [{type: regex, value: z}]
    options: {prefix: "pre ", suffix: " post"}
    metadata: {complexity: simple}
""",
    )
    assert [(case.id, content(case)) for case in cases] == [
        ("1.1", "default and 1"), ("1.2", "only default"), ("2.1", "pre only x post"), ("2.2", "pre only y post"),
    ]  # fmt: skip
    assert cases[2].graders == (Graded(Contains(("x",))), Graded(Passes(Regex("z"))))
    assert (cases[3].task, cases[3].band) == ("qa", "simple")
    assert cases[0].body["response_format"] == {"type": "json_object"}
    assert "apiKey" not in cases[0].body
    assert warnings == ()


@pytest.mark.parametrize(("asserted", "rule"), [
    ("{type: equals, value: x}", Exact(("x",))), ("{type: equals, value: {a: 1}}", Passes(JsonSchema('{"const": {"a": 1}}'))),
    ("{type: contains-all, value: [a, b]}", Contains(("a", "b"))), ("{type: contains-any, value: 'a, b'}", Contains(("a", "b"), any=True)),
    ("{type: icontains-any, value: [a]}", Contains(("a",), any=True, ignore_case=True)), ("{type: not-contains, value: a}", Contains(("a",), found=False)),
    ("{type: not-icontains-any, value: [a, b]}", Contains(("a", "b"), any=True, found=False, ignore_case=True)),
    ("{type: not-regex, value: 'a+'}", Passes(Regex("a+", found=False))), ("{type: starts-with, value: 'a.'}", Passes(Regex(r"\Aa\."))),
    ("{type: not-equals, value: a}", Passes(Regex(r"\Aa\Z", found=False))), ("{type: is-json}", Passes(JsonValid())),
    ("{type: is-json, value: {type: array}}", Passes(JsonSchema('{"type": "array"}'))), ("{type: contains-json}", Passes(JsonValid())),
    ("{type: is-valid-openai-tools-call}", ToolCall("*")), ("{type: cost, threshold: 0.002}", Bounded(cost=pico_from_usd("0.002"))),
    ("{type: latency, threshold: 5000}", Bounded(ms=5000)), ("{type: similar, value: x}", Similar("x", 0.75)),
    ("{type: 'similar:cosine', value: x, threshold: 0.8}", Similar("x", 0.8)), ("{type: python, value: 'tests.unit.checks.hooks:passes'}", Passes(Hook("tests.unit.checks.hooks:passes"))),
    ("{type: not-is-refusal}", Passes(NotRefusal())),
])  # fmt: skip
def test_asserts_are_our_graders(tmp_path: Path, asserted: str, rule: Rule) -> None:
    """Each by what it means."""
    assert graders(tmp_path, asserted) == (Graded(rule),)


def test_weights_and_sets(tmp_path: Path) -> None:
    """A set's members share its weight."""
    inside = "{type: assert-set, weight: 2, assert: [{type: contains, value: a, weight: 3}, {type: contains, value: b}]}"
    assert [graded.weight for graded in graders(tmp_path, inside)] == [1.5, 0.5]
    assert graders(tmp_path, "{type: contains, value: a, weight: 0}")[0].weight == 0


@pytest.mark.parametrize(("asserted", "rule"), [
    ("{type: llm-rubric, value: It is kind}", Pairwise("It is kind")), ("{type: g-eval, value: [kind, short]}", Pairwise("kind; short")),
    ("{type: factuality, value: 'Paris {x}'}", Pairwise("It agrees with this, and contradicts nothing in it: Paris {x}")),
    ("{type: answer-relevance, threshold: 0.5}", Pairwise("It answers what was asked, and nothing else.")),
])  # fmt: skip
def test_what_a_model_judges_becomes_a_comparison(tmp_path: Path, asserted: str, rule: Rule) -> None:
    """Where the suite has a judge; else it is refused by name, with what to write."""
    assert graders(tmp_path, asserted, judge="a/b") == (Graded(rule),)
    said = refused(tmp_path, f"prompts: [q]\ntests:\n  - assert:\n      - {asserted}\n")
    assert "needs a judge, and the suite has none; name a `judge`" in said


@pytest.mark.parametrize(("asserted", "why"), [
    ("{type: javascript, value: 'output.length'}", "javascript has no like here; write contains"), ("{type: python, value: 'len(output) > 3'}", "is not run; put it in a module"),
    ("{type: python, value: 'file://x.py:f'}", "is not run; put it in a module"), ("{type: python, value: 'no.such.module:f'}", "cannot be used"),
    ("{type: context-recall, value: x}", "context-recall has no like here"), ("{type: regex, value: '('}", "not a regular expression"),
    ("{type: is-json, value: {type: 7}}", "the schema is not one"), ("{type: not-contains-all, value: [a, b]}", "write not-contains-any"),
    ("{value: x}", "an assert needs a type"), ("{type: contains}", "must be a text"), ("{type: cost}", "missing"), ("{type: contains, value: a, weight: -1}", "must be a number from 0 on"),
    ("{type: contains, value: a, transform: 'output.x'}", "judged as they are"), ("{type: assert-set, threshold: 0.5, assert: []}", "a threshold of its own"),
    ("{type: contains, value: 'file://x.txt'}", "values out of other files are not read"), ("3", "an assert needs a type"),
])  # fmt: skip
def test_what_has_no_like_is_refused_by_name(tmp_path: Path, asserted: str, why: str) -> None:
    """At the line of its test."""
    said = refused(tmp_path, f"prompts: [q]\ntests:\n  - assert:\n      - {asserted}\n")
    assert why in said
    assert said.startswith("p.yaml:3  tests[0].assert[0]")


@pytest.mark.parametrize(("text", "why"), [
    ("prompts: ['{{ a | upper }}']\ntests: [{vars: {a: 1}}]", "{{a | upper}} is more than a variable"), ("prompts: ['{{a}}']\ntests: [{}]", "no variable a"),
    ("prompts: ['{% if a %}x{% endif %}']\ntests: [{}]", "are programs"), ("tests: [{}]", "prompts: there are none"), ("prompts: ['file://p.py']", "there is no file p.py"),
    ("prompts: [q]\ntests: 'file://gen.py:tests'", "there is no file"), ("prompts: [q]\ntests: [3]", "must be a test"),
    ("prompts: [q]\ntests: 'https://x/y.csv'", "nothing is fetched"), ("prompts: [q]\nscenarios: [{}]", "scenarios: is not read"),
    ("prompts: [q]\ntests: [{vars: [1]}]", "vars: must be a mapping"), ("prompts: [q]\ntests: [{assert: 3}]", "not of its form"),
    ("prompts: [q]\ntests: [{options: {transform: x}}]", "judged as they are"), ("prompts: [q\ntests", "not readable as YAML"), ("- a", "not a mapping"),
    ("prompts: [3]", "must be a text"), ("prompts: [q]\ntests: [{metadata: 3}]", "not of its form"),
])  # fmt: skip
def test_a_configuration_that_cannot_be_used(tmp_path: Path, text: str, why: str) -> None:
    """Says what is wrong and where."""
    assert why in refused(tmp_path, text)


def test_files_beside_it(tmp_path: Path) -> None:
    """Prompts as text and conversation, tests as CSV, JSONL and YAML, values; each problem with its own file and line."""
    (tmp_path / "prompt.txt").write_text("one {{v}}\n---\ntwo {{v}}\n")
    (tmp_path / "chat.json").write_text('[{"role": "system", "content": "s {{v}}"}, {"role": "user", "content": "u {{v}}"}]')
    (tmp_path / "t.csv").write_text(
        "v,__expected,__expected2,__metadata:task\na,contains: x,similar(0.9): y,qa\nb,plain: text,,\nc,is-json,,\n"
    )
    (tmp_path / "t.jsonl").write_text('{"vars": {"v": "d"}, "assert": [{"type": "equals", "value": "{{v}}"}]}\n')
    (tmp_path / "t.yaml").write_text("- vars: {v: file://value.md}\n  assert: [{type: equals, value: z}]\n")
    (tmp_path / "value.md").write_text("from a file\n")
    cases, _ = loaded(
        tmp_path, "prompts: [file://prompt.txt, file://chat.json]\ntests: [file://t.csv, file://t.jsonl, 'file://t.y*ml']"
    )
    assert len(cases) == 15
    assert [content(case) for case in cases[:3]] == ["one a", "two a", "u a"]
    assert cases[2].body["messages"][0]["content"] == "s a"
    assert cases[0].graders == (Graded(Contains(("x",))), Graded(Similar("y", 0.9)))
    assert cases[0].task == "qa"
    assert [case.graders[0].rule for case in cases[3::3]] == [
        Exact(("plain: text",)),
        Passes(JsonValid()),
        Exact(("d",)),
        Exact(("z",)),
    ]
    assert content(cases[-3]) == "one from a file"

    (tmp_path / "t.csv").write_text("v,__expected\na,contains: x\nb,fn: output\n")
    (tmp_path / "t.jsonl").write_text("{}\nnot json\n")
    said = refused(tmp_path, "prompts: ['{{v}}']\ntests: [file://t.csv, file://t.jsonl]")
    assert "p.yaml:3  t.csv.assert[0]: javascript has no like here" in said
    assert "t.jsonl" in said


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "link.txt", "../*.txt", "folder/../../secret.txt"])
def test_no_file_outside_its_folder(tmp_path: Path, name: str) -> None:
    """By no path, pattern or link; what stands there is not told."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "suite"
    (folder / "folder").mkdir(parents=True)
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    for text in (
        f"prompts: ['file://{name}']",
        f"prompts: ['{{{{v}}}}']\ntests: [{{vars: {{v: 'file://{name}'}}}}]",
        f"prompts: [q]\ntests: 'file://{name}'",
    ):
        said = refused(folder, text)
        assert "is outside the folder" in said
        assert "secret\n" not in said


def test_a_small_file_cannot_become_a_large_one(tmp_path: Path) -> None:
    """Aliases that multiply, and lists of values that do: both are refused in their time."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
    )
    many = (
        "prompts: ['{{a}}{{b}}{{c}}{{d}}{{e}}']\ntests: [{vars: {"
        + ", ".join(f"{n}: {list(range(100))}" for n in "abcde")
        + "}}]"
    )
    begun = perf_counter()
    assert "larger than it looks" in refused(tmp_path, bomb)
    assert "more than 10,000 cases" in refused(tmp_path, many, judge="a/b")
    assert perf_counter() - begun < 20


def test_what_means_something_else_here_is_told(tmp_path: Path) -> None:
    """Likeness of embeddings, and a test's own threshold."""
    _, warnings = loaded(
        tmp_path, "prompts: [q]\ntests:\n  - {threshold: 0.5, assert: [{type: similar, value: x}, {type: contains-json}]}"
    )
    assert any("overlap of words" in warning for warning in warnings)
    assert any("the suite's does" in warning for warning in warnings)
    assert any("only fenced block" in warning for warning in warnings)
