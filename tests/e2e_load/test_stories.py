"""PRODUCT's stories 1 to 4, each by its one command: every figure of the story holds."""

import subprocess
import sys

import pytest

WITHIN = 280


@pytest.mark.slow
@pytest.mark.parametrize("story", ["bad-release", "support", "code", "finance"])
def test_the_story_holds(story: str) -> None:
    """Exit code 0, which it has only if every row of its table holds."""
    told = subprocess.run(
        [sys.executable, "-m", "turnout", "demo", "--story", story], capture_output=True, text=True, timeout=WITHIN, check=False
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert "hold" in told.stdout
