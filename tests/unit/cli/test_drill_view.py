"""What a drill shows while it runs and in the end, on a terminal and elsewhere."""

import io
from collections import Counter

import msgspec
import pytest
from rich.console import Console

from tests.unit.drill.drilling import DRILL, POLICY, T0, aim, outage, quality
from turnout.build.drill import Progress
from turnout.cli.drill_view import phase, picture, plain, shown, summary
from turnout.drill.measure import measure
from turnout.drill.report import report

PROGRESS = Progress(DRILL, 20.0, 60.0, 400, 396, 2, Counter(), (("other/big", 0.5),) * 57 + (("openai/gpt", 0.3),) * 3, T0 + 20)


@pytest.mark.parametrize(
    ("elapsed", "expected"), [(1.0, "before"), (15.0, "failing"), (44.9, "failing"), (45.0, "after"), (60.0, "finishing")]
)
def test_phase(elapsed: float, expected: str) -> None:
    """By the drill's own times."""
    assert phase(msgspec.structs.replace(PROGRESS, elapsed=elapsed, now=T0 + elapsed)) == expected


def test_plain() -> None:
    """One line that says how far it is, what came of it and who answers lately."""
    assert plain(PROGRESS) == (" 20 s of 60 s  failing    sent 400  answered 396  lost 2  lately: other 57, openai 3")


def test_picture() -> None:
    """The same for a terminal."""
    console = Console(file=io.StringIO(), width=100)
    console.print(picture(msgspec.structs.replace(PROGRESS, by_model={"other/big": 57, "openai/gpt": 3})))
    said = console.file.getvalue()

    for words in ("outage of openai", "failing", "20 s of 60 s", "lost 2", "p50 0.5 s", "95%"):
        assert words in said


def test_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A line every few seconds on stderr, none when quiet: stdout is the report's."""
    for quiet, lines in ((False, 2), (True, 0)):
        with shown(quiet=quiet) as show:
            for elapsed in (0.0, 1.0, 4.9, 5.0, 6.0):
                show(msgspec.structs.replace(PROGRESS, elapsed=elapsed))
        said = capsys.readouterr()
        assert len(said.err.splitlines()) == lines
        assert said.out == ""


def test_summary() -> None:
    """Verdict first, then the figures, then what to do."""
    lines = list(summary(report(measure(outage(), DRILL, aim, quality), POLICY, "x")))

    assert lines[0] == "passed: openai was down for 30 s, and none of 300 requests was lost; 300 were answered elsewhere."
    assert any(line.startswith("  cost         $1.00 -> $1.60 per 1,000 requests (+60%)") for line in lines)
    assert lines[-1].startswith("  note   default, support: The fallback is 1.6 times as dear.")
