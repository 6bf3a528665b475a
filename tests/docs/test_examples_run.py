"""The programs in examples/ run against a gateway."""

import contextlib
import io
import runpy
import sys

import pytest

from tests.docs.serving import Served
from tests.docs.snippets import ROOT

PROGRAMS = {
    "openai_chat.py": ((), "route: support"),
    "anthropic_stream.py": ((), "tokens in"),
    "hints_and_headers.py": ((), "by route finance (static)"),
    "tools_across_dialects.py": (
        ("openai/gpt-5-mini", "anthropic/claude-haiku-4-5"),
        "anthropic SDK  openai/gpt-5-mini: get_weather",
    ),
}
"""Program -> arguments, and what it must have said."""


def test_every_program_is_run() -> None:
    """One that is added to the folder is added here, and to its README."""
    programs = {path.name for path in (ROOT / "examples").glob("*.py")}
    assert programs == set(PROGRAMS)
    assert all(f"[{name}]" in (ROOT / "examples/README.md").read_text() for name in programs)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_runs(name: str, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """To its end, saying what it is there to show."""
    arguments, expected = PROGRAMS[name]
    monkeypatch.setenv("TURNOUT_URL", served.url)
    monkeypatch.delenv("TURNOUT_KEY", raising=False)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")

    assert expected in said.getvalue()


def test_hints_end_in_an_error_that_says_what_was_missing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line of hints_and_headers.py: nobody can serve for that money."""
    monkeypatch.setenv("TURNOUT_URL", served.url)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        runpy.run_path(str(ROOT / "examples/hints_and_headers.py"), run_name="__main__")

    assert "422 no_candidate" in said.getvalue()
