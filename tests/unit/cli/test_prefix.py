"""Ids by their first characters."""

import pytest
import typer

from turnout.cli.prefix import one_of

KNOWN = ("6b04aad8", "6b04aad8-2", "7c")


@pytest.mark.parametrize(("typed", "whole"), [("7", "7c"), ("6b04aad8", "6b04aad8"), ("6b04aad8-", "6b04aad8-2")])
def test_the_first_characters_are_enough(typed: str, whole: str) -> None:
    """A whole id is itself, whatever begins with it."""
    assert one_of(typed, KNOWN, "runs", "turnout bench list") == whole


@pytest.mark.parametrize(("typed", "said"), [("6", "2 runs begin with '6'"), ("x", "no runs begin with 'x'")])
def test_what_is_not_one_is_said(typed: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the command that shows them."""
    with pytest.raises(typer.Exit):
        one_of(typed, KNOWN, "runs", "turnout bench list")
    assert capsys.readouterr().err == f"{said}; turnout bench list shows them\n"
