from pathlib import Path

import pytest

from turnout.config.load import load
from turnout.errors import ConfigProblems

from .policies import CATALOG, ENV, TODAY

BROKEN = Path(__file__).with_name("broken.yaml")


def test_every_problem_of_a_file_is_said_at_once():
    """One pass over a file with problems of every kind: each with its path, its own line and what to do."""
    with pytest.raises(ConfigProblems) as refused:
        load(BROKEN, ENV, CATALOG, TODAY)

    assert str(refused.value).splitlines() == BROKEN.with_suffix(".txt").read_text("utf-8").splitlines()
    assert "sk-live" not in str(refused.value)
