"""What can be wrong with keeping content and with online graders, and what they resolve to."""

from pathlib import Path

import pytest

from turnout.content.seal import new_key
from turnout.types.checks import Length, PythonCompiles
from turnout.types.money import pico_from_usd
from turnout.types.policy import After, Judging

from .policies import ENV, checked, problems, warnings

BASE = "providers: {openai: {}, anthropic: {region: eu, data_policy: [zdr]}}\n"
KEY, OTHER = new_key(), new_key()
JUDGE = "model: anthropic/clever, sample: 0.02, budget_usd_per_day: 2"


def store(line: str, *routes: str, env: dict[str, str] = ENV) -> list[str]:
    named = f"routes:\n{''.join(f'  {each}' + chr(10) for each in routes)}" if routes else ""
    return problems(f"{BASE}store: {{{line}}}\n{named}", env)


def judged(line: str) -> str:
    return f"{BASE}routes:\n  r: {{{line}}}\n"


def after(text: str, env: dict[str, str]) -> dict[str, After | None]:
    found = checked(text, env)
    assert found.problems == ()
    return {route.name: route.after for route in found.policy.routes}


@pytest.mark.parametrize(("line", "routes", "at"), [
    ("content: redacted", (), "store.content"), ("content: full", ("r: {content: none}",), "store.content"),
    ("content: none", ("r: {content: full}",), "routes.r.content"),
])  # fmt: skip
def test_no_key(line: str, routes: tuple[str, ...], at: str) -> None:
    """What is kept is sealed: without a key nothing can be, and the problem says how to make one."""
    (problem,) = store(line, *routes)

    assert f"{at}: content is kept sealed, and store.content_key names no key" in problem
    assert "`turnout keys content`" in problem


def test_nothing_kept() -> None:
    """Needs no key; one that opens what was kept before may stay."""
    assert store("content: none", "r: {content: none}") == []
    assert store("content_key: env:KEY", env=ENV | {"KEY": KEY}) == []


@pytest.mark.parametrize(("value", "said"), [
    (None, "store.content_key: environment variable KEY is not set"),
    ("abcd", "store.content_key: env:KEY: not a key: it has 3 bytes, not 32; make one with `turnout keys content`"),
    ("a passphrase of many words", "store.content_key: env:KEY: not a key: 32 bytes, as base64 or hexadecimal digits"),
])  # fmt: skip
def test_key_that_is_none(value: str | None, said: str) -> None:
    """Is told before anything is kept, and never repeated."""
    env = ENV | ({"KEY": value} if value is not None else {})
    (problem,) = store("content: full, content_key: env:KEY", env=env)

    assert said in problem
    assert value is None or value == "abcd" or value not in problem


def test_missing_key_where_nothing_is_served() -> None:
    """Another machine may have it."""
    text = f"{BASE}store: {{content: full, content_key: env:KEY}}\n"
    found = checked(text, secrets_needed=False)

    assert found.problems == ()
    assert [warning.path for warning in found.warnings] == ["store.content_key"]


def test_several_keys(tmp_path: Path) -> None:
    """Each is looked at; the same twice is a slip."""
    (tmp_path / "key").write_text(KEY)
    line = f"content: full, content_key: [env:NEW, 'file:{tmp_path}/key', env:OLD]"
    env = ENV | {"NEW": OTHER, "OLD": OTHER}

    assert "store.content_key[2]: environment variable OLD is not set" in store(line, env=ENV | {"NEW": OTHER})[0]
    assert store(line, env=env) == []
    assert "env:OLD is the same key as env:NEW" in warnings(f"{BASE}store: {{{line}}}\n", env)[0]


def test_what_is_kept() -> None:
    """The route's word, else the store's; a route that does nothing with its answers has nothing after them."""
    text = f"{BASE}store: {{content: redacted, content_key: env:KEY}}\nroutes:\n  a: {{}}\n  b: {{content: none}}\n  c: {{content: full}}\n"
    found = after(text, ENV | {"KEY": KEY})

    assert found == {"a": After("redacted"), "b": None, "c": After("full"), "default": After("redacted")}
    policy = checked(text, ENV | {"KEY": KEY}).policy
    assert (policy.content, policy.content_keys) == ("redacted", ("env:KEY",))


def test_graders() -> None:
    """Checks as in a cascade; a judge with its share and its money."""
    found = after(
        judged(f"models: [openai/small], online: {{checks: [python_compiles, {{length: {{most: 9}}}}], judge: {{{JUDGE}}}}}"), ENV
    )
    judge = Judging("anthropic/clever", 0.02, pico_from_usd(2))

    assert found["r"] == After(checks=(PythonCompiles(), Length(None, 9)), judge=judge)


@pytest.mark.parametrize(("line", "said"), [
    ("online: {checks: [{regex: '('}]}", "routes.r.online.checks[0].regex: not a regular expression"),
    ("online: {checks: [{regex: a, refusal: true}]}", "routes.r.online.checks[0]: needs exactly one rule"),
    ("online: {checks: [nonsense]}", "routes.r.online.checks[0]: unknown key"),
    ("online: {judge: {model: anthropic/clever, sample: 0.1}}", "routes.r.online.judge.budget_usd_per_day"),
    ("online: {judge: {model: anthropic/clever, sample: 0, budget_usd_per_day: 1}}", "routes.r.online.judge.sample"),
    ("online: {judge: {model: anthropic/clevr, sample: 0.1, budget_usd_per_day: 1}}", 'no model "anthropic/clevr"'),
    ("online: {judge: {model: google/x, sample: 0.1, budget_usd_per_day: 1}}", 'no provider "google"'),
    ("online: {judge: {model: openai/priceless, sample: 0.1, budget_usd_per_day: 1}}", "no budget can be kept"),
    ("online: {judge: {model: openai/old, sample: 0.1, budget_usd_per_day: 1}}", '"openai/old" is retired'),
    (f"static: anthropic/clever, online: {{judge: {{{JUDGE}}}}}", "the judge is the only model of the route"),
])  # fmt: skip
def test_graders_that_cannot_be(line: str, said: str) -> None:
    """Each with its place and what is wrong."""
    found = problems(judged(line))

    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(("need", "said"), [
    ("region: [us]", "in region eu, needs us"), ("data_policy: [hipaa]", "lacks hipaa"), ("data_policy: [zdr, hipaa]", "lacks hipaa"),
])  # fmt: skip
def test_the_judge_is_bound_too(need: str, said: str) -> None:
    """It reads the route's requests: where they may not go, it may not be."""
    models = "models: {openai/large: {region: us, data_policy: [hipaa, zdr]}}\n"
    found = problems(models + judged(f"models: [openai/large], needs: {{{need}}}, online: {{judge: {{{JUDGE}}}}}"))

    assert len(found) == 1
    assert "routes.r.online.judge.model: the judge would read this route's requests" in found[0]
    assert said in found[0]


@pytest.mark.parametrize(("line", "said"), [
    (f"models: [openai/large, anthropic/clever], online: {{judge: {{{JUDGE}}}}}", 'answers of "anthropic/clever" itself are not judged'),
    (f"online: {{judge: {{{JUDGE}}}}}", 'answers of "anthropic/clever" itself are not judged'),
    (f"approved: [openai/large], online: {{judge: {{{JUDGE}}}}}", '"anthropic/clever" is not approved for this route'),
    ("models: [openai/large], online: {}", "neither checks nor a judge"),
    ("models: [openai/large], online: {judge: {model: openai/ageing, sample: 0.1, budget_usd_per_day: 1}}", "retires on 2026-12-03"),
])  # fmt: skip
def test_worth_a_word(line: str, said: str) -> None:
    """What works, and is perhaps not meant."""
    assert problems(judged(line)) == []
    assert any(said in warning for warning in warnings(judged(line)))
