"""What the pages say to type works, and prints what they say it prints."""

import contextlib
import io
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ruamel.yaml import YAML

from tests.docs.serving import KEYS, Served
from tests.docs.snippets import ROOT, Snippet, chosen, snippets
from turnout.catalog.load import load_catalog
from turnout.cli.main import COMMANDS
from turnout.config.load import inspect
from turnout.errors import ConfigProblems

TODAY = date(2026, 11, 23)
ENV = {
    **KEYS, "EGRESS_PROXY": "http://user:password@proxy.example.internal:3128",
    "CONTENT_KEY": "00" * 32, "NEW_CONTENT_KEY": "01" * 32,
}  # fmt: skip
AROUND = {"providers": {name: {} for name in ("openai", "anthropic", "mistral")}}
"""What a fragment of a policy file stands in."""
LANGUAGES = {"bash", "python", "yaml", "text", "toml"}


def _places(found: list[Snippet]) -> Any:
    return pytest.mark.parametrize("snippet", found, ids=lambda snippet: snippet.place)


@pytest.fixture
def gateway(snippet: Snippet, request: pytest.FixtureRequest) -> Any:
    """The gateway a snippet's page speaks of; the sim starts and ends without faults."""
    served: Served = request.getfixturevalue(
        next((f"served_{word}" for word in ("sim", "page") if word in snippet.words), "served")
    )
    served.reset_sim()
    yield served
    served.reset_sim()


def test_every_block_says_what_it_is() -> None:
    """A block without a language, or Python that nobody runs, would escape the tests below."""
    for snippet in snippets():
        assert snippet.language in LANGUAGES, snippet.place
        assert snippet.language != "python" or "run" in snippet.words, snippet.place


@_places(chosen("python", "run"))
def test_python_runs(snippet: Snippet, gateway: Served) -> None:
    """Against a gateway, to its end, saying something."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(gateway.placed(snippet.text), snippet.place, "exec"), {"__name__": "snippet"})

    assert said.getvalue().strip()


@_places(chosen("bash", "run"))
def test_commands_run(snippet: Snippet, gateway: Served) -> None:
    """In a directory with the gateway's turnout.yaml; where the page shows the output, it is that."""
    if "curl" in snippet.text and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    ended = _run(snippet, gateway)
    if ended.returncode != 0 and "sleep" in snippet.text:  # the page waits for the ledger; a busy machine may need longer
        ended = _run(snippet, gateway)
    shown = [each for each in chosen("text", "output") if each.page == snippet.page and each.follows == snippet.text]

    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert ended.stdout.strip()
    for each in shown:
        assert _plain(ended.stdout) == _plain(each.text)


def test_shown_output_belongs_to_a_command() -> None:
    """Output that follows no command which runs would be held by nothing."""
    run = {each.text for each in chosen("bash", "run")}
    assert all(each.follows in run for each in chosen("text", "output"))


@_places(chosen("bash"))
def test_commands_exist(snippet: Snippet) -> None:
    """Each ``turnout ...`` and ``make ...`` of a page names a command there is, with options it has."""
    help_page = (ROOT / "docs/reference/cli.md").read_text()
    targets = (ROOT / "Makefile").read_text()
    for line in snippet.text.splitlines():
        words = line.partition("#")[0].split()
        for at, word in enumerate(words):
            if word == "turnout" and (at == 0 or words[at - 1] in {"|", "&&", ";"}):
                assert words[at + 1] in COMMANDS, line
                assert all(f"`{option}`" in help_page for option in words[at:] if option.startswith("--")), line
            if word == "make":
                assert f"\n{words[at + 1]}:" in targets, line


@_places([each for each in chosen("yaml") if "broken" not in each.words])
def test_policies_may_be_served(snippet: Snippet, tmp_path: Path) -> None:
    """Without a problem and without a warning; a fragment is put among a few providers."""
    authority = tmp_path / "ca.pem"
    authority.touch()
    written = YAML(typ="safe", pure=True).load(snippet.text.replace("CA_FILE", str(authority)))
    whole = written if "policy" in snippet.words else AROUND | written
    for suite in whole.get("suites", {}).values():
        for file in (suite[key] for key in ("file", "calibration") if key in suite):
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).touch()
    for source in whole.get("release", {}).get("sources", ()):
        if source.endswith(".json") and "://" not in source:
            (tmp_path / source).touch()
    (tmp_path / "turnout.yaml").write_bytes(msgspec.json.encode(whole))

    checked = inspect(tmp_path / "turnout.yaml", ENV, load_catalog(), TODAY, secrets_needed=True)

    assert checked.problems == ()
    assert checked.warnings == ()


@_places(chosen("yaml", "broken"))
def test_problems_are_told_as_shown(snippet: Snippet, tmp_path: Path) -> None:
    """The lines under a broken policy are the program's own."""
    (tmp_path / "turnout.yaml").write_text(snippet.text)
    try:
        problems = inspect(tmp_path / "turnout.yaml", ENV, load_catalog(), TODAY, secrets_needed=False).problems
    except ConfigProblems as found:
        problems = found.problems
    shown = next(each for each in chosen("text", "problems") if each.follows == snippet.text)

    assert [problem.text("turnout.yaml") for problem in problems] == shown.text.splitlines()


def test_the_number_of_models_is_the_catalogs() -> None:
    """The README says how many come with the program."""
    assert f"features of {len(load_catalog().models)} models" in (ROOT / "README.md").read_text().replace("\n", " ")


def _run(snippet: Snippet, gateway: Served) -> "subprocess.CompletedProcess[str]":
    command = ["bash", "-euo", "pipefail", "-c", gateway.placed(snippet.text)]
    return subprocess.run(
        command, cwd=gateway.directory, env=gateway.env, capture_output=True, text=True, timeout=60, check=False
    )


def _plain(text: str) -> list[str]:
    """Lines without what a terminal pads them with."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]
