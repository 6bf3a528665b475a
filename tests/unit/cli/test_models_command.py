"""`turnout models` and `turnout models show`."""

import json

import pytest
from typer.testing import CliRunner

from turnout.cli.models import app

run = CliRunner(env={"COLUMNS": "100", "TERM": "dumb", "HOME": "/nonexistent"})  # what somebody refreshed at home is not shown


def invoke(*arguments: str) -> str:
    result = run.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_list_names_every_column_and_fits() -> None:
    """One line a model with price, tier, features and dates, and no line wider than 100 columns."""
    printed = invoke()

    (line,) = [line for line in printed.splitlines() if line.startswith("anthropic/claude-sonnet-4-5 ")]
    assert line.split() == [
        "anthropic/claude-sonnet-4-5",
        "200k",
        "3",
        "15",
        "mid",
        "TSRCID--",
        "7.8",
        "7.6",
        "7.9",
        "ends",
        "2026-11-30",
    ]
    assert max(map(len, printed.splitlines())) <= 100


def test_filters_narrow_the_list() -> None:
    """Provider, feature and price all hold at once."""
    models = json.loads(
        invoke("--provider", "openai", "--feature", "tools", "--feature", "reasoning", "--max-price", "0.5", "--json")
    )

    assert models
    for model in models:
        assert model["model"].startswith("openai/")
        assert {"tools", "reasoning"} <= set(model["features"]["yes"])
        assert (3 * model["price"]["input"] + model["price"]["output"]) / 4 <= 0.5


def test_an_unknown_feature_does_not_satisfy_a_filter() -> None:
    """Unknown is not yes."""
    names = {model["model"] for model in json.loads(invoke("--feature", "stop", "--json"))}

    assert "openai/gpt-4o" in names
    assert "openai/gpt-5.4" not in names


def test_show_names_facts_sources_and_prices() -> None:
    """Every fact of a model stands beside its source and date, tiers and batch included."""
    printed = invoke("show", "anthropic/claude-haiku-5-5")

    for part in (
        "1,000,000 tokens",
        "genai-prices",
        "prior:class-2026",
        "above 100,000 input tokens",
        "batch pays 0.5",
        "2026-11-23",
    ):
        assert part in printed


def test_show_states_conflicts() -> None:
    """Where sources disagree, both figures and the choice are printed."""
    printed = invoke("show", "deepseek/deepseek-chat")

    assert "conflict on input: genai-prices 0.27, models.dev 0.14, litellm 0.28; taken: litellm" in printed


def test_show_by_bare_id() -> None:
    """A bare id shows the model at every vendor that has it."""
    assert json.loads(invoke("show", "claude-haiku-4-5", "--json"))["model"] == "anthropic/claude-haiku-4-5"
    assert {m["model"].split("/")[0] for m in json.loads(invoke("show", "openai/gpt-oss-120b", "--json"))} == {
        "groq",
        "together",
        "openrouter",
    }


def test_an_unknown_model_fails_with_suggestions() -> None:
    """Exit code 1, and what may have been meant."""
    result = run.invoke(app, ["show", "openai/gpt5"])

    assert result.exit_code == 1
    assert "openai/gpt5: not in the catalog; did you mean openai/gpt-5" in result.stderr


@pytest.mark.parametrize("arguments", [["--provider", "nobody"], ["--feature", "telepathy"], ["--max-price", "cheap"]])
def test_wrong_usage_is_exit_code_two(arguments: list[str]) -> None:
    """A filter that cannot be meant is wrong usage."""
    assert run.invoke(app, arguments).exit_code == 2
