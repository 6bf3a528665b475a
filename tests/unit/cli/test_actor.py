"""The actor of what is done at the prompt."""

import getpass
import os

import pytest

from turnout.cli.actor import LONGEST, actor


@pytest.mark.parametrize(
    ("user", "named"),
    [
        ("ada", "cli:ada"),
        ("ada.l@host-1", "cli:ada.l@host-1"),
        ("a b\n\x1b[31mc", "cli:a_b_31mc"),
        ("a" * 500, "cli:" + "a" * LONGEST),
    ],
)
def test_the_user_is_named_in_plain_characters(monkeypatch: pytest.MonkeyPatch, user: str, named: str) -> None:
    """Nothing of it can break a line, colour a terminal, or fill a table."""
    monkeypatch.setenv("LOGNAME", user)
    assert actor() == named


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("no username")])
def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """As in a container that runs as any number."""

    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert actor() == f"cli:{os.getuid()}"


def test_a_name_of_odd_characters_only_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Underscores name nobody."""
    monkeypatch.setenv("LOGNAME", "\u2603\u2603")
    assert actor() == f"cli:{os.getuid()}"
