"""What was adopted, written into people's own file."""

import os
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.unit.config.policies import CATALOG, MODELS, TODAY, checked
from turnout.catalog import load as catalog_load
from turnout.cli import policy as policy_cli
from turnout.config.amend import amend, chooses, over
from turnout.config.load import inspect_text
from turnout.config.lock import write_lock
from turnout.config.pull import pull
from turnout.types.checks import JsonSchema, PythonCompiles
from turnout.types.lock import Adopted, Lock, RouteLock, Running

TEXT = dedent("""\
    # our providers
    providers:
        openai: {}
        anthropic: {}   # the contract ends in May
        mistral: {}
    routes:
        support:   # asked for by the desk
            when: {task: customer_support}
            objective: cost
            models:
            - "openai/small"   # since spring
            - openai/large
            fallback: [anthropic/clever, {queue: human}]
        code:
            when: {task: code_generation}
            approved: [openai/large, anthropic/clever]
            objective: quality
    """)
SIMPLE = {"complexity": ["simple"]}


def lock(text: str = TEXT, *, trial: bool = False, **adopted: list[Adopted]) -> Lock:
    """Over the file as it stands."""
    routes = {route.name: route for route in checked(text).policy.routes}
    running = Running("r9", "primary", "mistral/medium", 0.1, "salt") if trial else None
    return Lock(
        5, {name: RouteLock(over(routes[name]), chooses(routes[name]), tuple(those), running) for name, those in adopted.items()}
    )


SEGMENT = Adopted("r1", "segment", "mistral/medium", 1.0, "ann", SIMPLE)
PRIMARY = Adopted("r2", "primary", "openai/unsure", 2.0, "ann")
CASCADE = Adopted(
    "r3", "cascade", "mistral/medium", 3.0, "ann", SIMPLE, (PythonCompiles(), JsonSchema('{"type": "object"}')), approved=True
)
FALLBACK = Adopted("r4", "fallback", "mistral/medium", 4.0, "ann")


def test_the_file_says_it_and_keeps_what_it_said() -> None:
    """Every line of the author's is there as it was, comments, quotes and indents; the policy in force is the same."""
    made = lock(support=[SEGMENT, PRIMARY, FALLBACK], code=[CASCADE])
    pulled = pull(TEXT, checked(TEXT), made)

    assert pulled.releases == ("r1", "r2", "r4", "r3")
    before, after = TEXT.splitlines(), pulled.text.splitlines()
    gone = [line for line in before if line not in after]
    assert gone == ["        fallback: [anthropic/clever, {queue: human}]"]
    assert "        fallback: [anthropic/clever, {model: mistral/medium, release: r4}, {queue: human}]" in after
    assert checked(pulled.text).problems == ()
    assert checked(pulled.text).policy == amend(checked(TEXT).policy, MODELS, made).policy
    now = amend(checked(pulled.text).policy, MODELS, made)
    assert now.policy == checked(pulled.text).policy, "nothing is there twice while the lock still has it"
    assert {each.why for each in now.dropped} == {"written"}


ROLES = st.sampled_from([SEGMENT, PRIMARY, FALLBACK, CASCADE])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROLES, unique_by=lambda one: one.release), st.lists(ROLES, unique_by=lambda one: one.release))
def test_what_is_in_force_stays_the_same(support: list[Adopted], default: list[Adopted]) -> None:
    """Whatever was adopted, also on a route that the file does not write down."""
    made = lock(support=support, default=default)

    assert checked(pull(TEXT, checked(TEXT), made).text).policy == amend(checked(TEXT).policy, MODELS, made).policy


def test_a_route_on_trial_waits() -> None:
    """An edit would end the trial."""
    pulled = pull(TEXT, checked(TEXT), lock(support=[SEGMENT], trial=True))

    assert (pulled.text, pulled.releases) == (TEXT, ())
    assert pulled.left == ("support: mistral/medium is on its traffic (r9); pull again when that is over",)


def test_what_has_no_effect_is_not_written() -> None:
    """The file was edited since: it says why."""
    made = lock(support=[SEGMENT])
    edited = TEXT.replace("objective: cost", "objective: latency")
    pulled = pull(edited, checked(edited), made)

    assert (pulled.text, pulled.releases) == (edited, ())
    assert "support: r1 (mistral/medium): route support was edited" in pulled.left[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalog_load, "load_catalog", lambda *_, **__: CATALOG)
    Path("turnout.yaml").write_text(TEXT)
    os.chmod("turnout.yaml", 0o640)  # noqa: PTH101 - the working directory's
    write_lock(tmp_path / "turnout.lock.yaml", lock(support=[SEGMENT]), 3)
    return tmp_path


def ran(*words: str, answer: str = "") -> tuple[int, str]:
    found = CliRunner().invoke(policy_cli.app, ["pull", *words], input=answer)
    return found.exit_code, found.output


def test_the_command_shows_and_asks(folder: Path) -> None:
    """No is no; yes writes it, with the file's mode; a second time there is nothing to do."""
    code, said = ran(answer="n\n")
    assert (code, Path("turnout.yaml").read_text()) == (1, TEXT)
    assert "+        segments:\n" in said
    assert "nothing was written" in said

    code, said = ran(answer="y\n")
    assert (code, "the policy in force stays the same" in said) == (0, True)
    assert "release: r1" in Path("turnout.yaml").read_text()
    assert Path("turnout.yaml").stat().st_mode & 0o777 == 0o640
    assert inspect_text(Path("turnout.yaml").read_text(), folder, {}, CATALOG, TODAY).problems == ()
    code, said = ran("--yes")
    assert (code, "nothing to pull" in said) == (0, True)


@pytest.mark.parametrize(
    ("name", "text", "code", "why"),
    [("none.yaml", None, 2, "no file"), ("a.json", "{}", 1, "is JSON"), ("turnout.yaml", "routes: [", 1, "not readable"),
     ("turnout.yaml", "providers: {openai: {}}\nroutes: {a: {static: openai/nope}}", 1, 'no model "openai/nope"')],
)  # fmt: skip
def test_what_cannot_be_merged_is_told(folder: Path, name: str, text: str | None, code: int, why: str) -> None:
    """And nothing is written."""
    if text is not None:
        (folder / name).write_text(text)
    found, said = ran("--config", name, "--yes", "--data-dir", str(folder))

    assert (found, why in said) == (code, True)
    assert text is None or (folder / name).read_text() == text
