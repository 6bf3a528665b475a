"""What each check lets pass, and how a failure reads."""

import msgspec
import pytest

from turnout.checks.answer import Answer, Failed, answer_of
from turnout.checks.verify import applies, problem, verify
from turnout.types.checks import Check, Hook, JsonSchema, JsonValid, Length, NotRefusal, PythonCompiles, Regex, name_of
from turnout.types.reply import Choice, Reply
from turnout.types.request import Reasoning, Refusal, Text, ToolCall

ALL: tuple[Check, ...] = (
    JsonValid(), JsonSchema('{"type":"object"}'), PythonCompiles(), Regex("x", found=False), Length(1, 9), NotRefusal(), Hook("a.b:c"),
)  # fmt: skip


def test_the_first_check_that_fails_is_named() -> None:
    """In the policy's order, and none is asked after it."""
    checks = (Length(least=1), Regex("yes"), Hook("no_such_module:f"))

    assert verify(checks, Answer("no")) == Failed("regex", "the pattern is nowhere in the text")
    assert verify(checks[:2], Answer("yes")) is None
    assert verify((), Answer("")) is None


def test_checks_are_stored_as_they_are() -> None:
    """A policy is JSON, and its checks come back from it."""
    assert msgspec.json.decode(msgspec.json.encode(ALL), type=tuple[Check, ...]) == ALL
    assert [name_of(check) for check in ALL] == [
        "json_valid", "json_schema", "python_compiles", "regex", "length", "refusal", "hook:a.b:c",
    ]  # fmt: skip


@pytest.mark.parametrize(("check", "text", "detail"), [
    (Length(least=3), "  ab \n", "2 characters, fewer than 3"),
    (Length(least=2), "  ab \n", None),
    (Length(most=2), "abc", "3 characters, more than 2"),
    (Length(most=3), "abc", None),
    (Regex(r"\d+"), "in 1815", None),
    (Regex(r"\d+"), "in MDCCCXV", "the pattern is nowhere in the text"),
    (Regex("password", found=False), "my password is", "the pattern is in the text, at character 3"),
    (Regex("password", found=False), "I will not say", None),
    (Regex("a", found=False), "b" * 70_000, "more than 65536 characters"),
])  # fmt: skip
def test_text_checks(check: Check, text: str, detail: str | None) -> None:
    """Bounds are inside; a text too long to search has failed, as the rest of it is not known."""
    failed = verify((check,), Answer(text))

    assert (failed and failed.detail) == detail


def test_an_answer_that_only_calls_tools_has_no_text_to_check() -> None:
    """Its arguments are what JSON checks look at; with words beside the calls, the words count again."""
    calls = (("look", '{"a": 1}'), ("stop", ""))
    checks = (JsonValid(), JsonSchema('{"type": "array"}'), PythonCompiles(), Regex("x"), Length(least=9), NotRefusal())

    assert verify(checks, Answer(" ", "tool_calls", calls)) is None
    assert verify((Regex("x"),), Answer("Let me look.", "tool_calls", calls)) is not None
    failed = verify((JsonValid(),), Answer("", "tool_calls", (("look", '{"a": '),)))
    assert failed is not None
    assert failed.detail.startswith("arguments of the tool call look: ")


def test_a_detail_is_bounded() -> None:
    """However long what there is to say."""
    failed = verify((Hook("tests.unit.checks.hooks:long_reason"),), Answer("a"))

    assert failed is not None
    assert len(failed.detail) == 200


@pytest.mark.parametrize(("check", "words"), [
    (Regex("(a"), "not a regular expression"),
    (JsonSchema("{"), "the schema: Input data was truncated"),
    (JsonSchema("[]"), "a schema is an object"),
    (JsonSchema('{"type": "thing"}'), "the schema is not one"),
    (Length(), "needs `least` or `most`"),
    (Length(5, 4), "not above"),
    (Length(-1, None), "not above"),
    (Hook("no_such_module:f"), "ModuleNotFoundError"),
    (Hook("json"), "package.module:function"),
    (Hook("json:nothing"), "AttributeError"),
    (Hook("json:__name__"), "not a function"),
    (Hook("tests.unit.checks.hooks:waits"), "not a coroutine"),
])  # fmt: skip
def test_a_check_that_can_never_be_used_is_a_problem(check: Check, words: str) -> None:
    """The config check tells it before any request meets it."""
    assert words in (problem(check) or "")


@pytest.mark.parametrize("check", [
    JsonValid(), JsonSchema(), JsonSchema('{"type": "object"}'), PythonCompiles(), Regex("a+"), Length(1), Length(0, 0), NotRefusal(),
    Hook("tests.unit.checks.hooks:passes"),
])  # fmt: skip
def test_a_check_that_can_be_used_is_none(check: Check) -> None:
    """Nothing is told of it."""
    assert problem(check) is None


def test_an_answer_is_the_first_choice_without_its_thoughts() -> None:
    """Text parts joined, calls with their arguments as written, the request's schema beside them."""
    parts = (Reasoning("I cannot"), Text("a"), ToolCall("1", "f", "{}"), Text("b"))
    reply = Reply("i", "m", (Choice(parts, "stop"), Choice((Text("other"),), "length")))

    assert answer_of(reply, "{}") == Answer("ab", "stop", (("f", "{}"),), "{}")
    assert answer_of(Reply("i", "m", ())) == Answer("", "other")


def test_declining_in_the_dialects_own_field_is_a_refusal() -> None:
    """OpenAI's ``refusal`` ends with ``stop``."""
    answer = answer_of(Reply("i", "m", (Choice((Refusal("No."),), "stop"),)))

    assert answer == Answer("No.", "refusal")
    assert verify((NotRefusal(),), answer) == Failed("refusal", "the answer ended with refusal")


@pytest.mark.parametrize(("check", "tools_only", "no_text", "text"), [
    (JsonValid(), True, True, True), (NotRefusal(), True, True, True), (Hook("m:f"), True, True, True),
    (PythonCompiles(), False, True, True), (Regex("a"), False, True, True), (Length(1), False, True, True),
    (JsonSchema("{}"), False, True, True), (JsonSchema(None), False, False, False),
])  # fmt: skip
def test_what_there_is_to_check(check: Check, *, tools_only: bool, no_text: bool, text: bool) -> None:
    """Of an answer that only calls tools, nothing that is asked of text; and no schema where the request asked for none."""
    calls = Answer("", tool_calls=(("look", "{}"),))

    assert [applies(check, answer) for answer in (calls, Answer(""), Answer("x"))] == [tools_only, no_text, text]
    assert applies(JsonSchema(None), Answer("x", schema="{}"))
