"""A benchmark in words."""

import pytest

from turnout.cli.bench_view import listed, sentence
from turnout.suites.summary import Pair
from turnout.types.suite import Run


def test_a_run_is_listed_with_all_that_names_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole where there is no terminal, and its id and models whole on a narrow one too."""
    models = ("sim-anthropic/steady", "sim-openai/medium")
    run = Run("6b04aad8-0e2b35e9", 0.0, "support", "h", models, "done", "cli:somebody-with-a-name", 1, 1, 1, 120, 120)
    monkeypatch.delenv("COLUMNS", raising=False)
    listed([run])
    assert "1970-01-01 00:00  support  sim-anthropic/steady  done   cli:somebody-with-a-name  120/120" in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "80")
    listed([run])
    told = capsys.readouterr().out
    assert all(name in told for name in (run.id, *models))


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("worse", "b is shown to be worse by more than 0.05 than a"),
        ("fits", "b is shown not to be worse by more than 0.05 than a"),
        (None, "b may or may not be worse by more than 0.05 than a"),
    ],
)
def test_a_comparison_is_a_sentence(verdict, said: str) -> None:
    """With the figures it rests on."""
    assert sentence(Pair("a", "b", 60, 0.05, 0.01, -0.02, 0.04, verdict, 0.064)) == (
        f"{said}: +0.010 (-0.020 to +0.040) on 60 cases; 60 cases can certify 0.064 at best"
    )


def test_cases_that_are_all_alike_are_no_interval() -> None:
    """Zero, from zero to zero, would look like a certainty."""
    assert sentence(Pair("a", "b", 60, 0.05, 0.0, 0.0, 0.0, None, 0.064)) == (
        "b may or may not be worse by more than 0.05 than a: no case of 60 differed; 60 cases can certify 0.064 at best"
    )
