"""The report of a drill: its verdict in one sentence, its figures and what they recommend; as a value, as JSON, and where it is kept."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from turnout.drill.advice import Advice, advise
from turnout.drill.figures import Measurements
from turnout.drill.words import counted, duration, happened, were
from turnout.types.drill import Drill
from turnout.types.policy import Policy

FOLDER = "drills"
NOT_MEASURED = "not measured"
Verdict = Literal["passed", "failed", "inconclusive"]


class Report(msgspec.Struct, frozen=True):
    """``at`` is when the drill began, unix seconds. ``quality_by`` and ``suite`` say how quality was measured, and what was not."""

    id: str
    at: float
    verdict: Verdict
    sentence: str
    figures: Measurements
    advice: tuple[Advice, ...]
    config: str
    quality_by: str = "estimates of the capability matrix for the models that answered"
    checks: str = NOT_MEASURED
    suite: str = NOT_MEASURED

    @property
    def drill(self) -> Drill:
        return self.figures.drill


class Line(msgspec.Struct, frozen=True):
    """A report in a list."""

    id: str
    at: float
    verdict: Verdict
    sentence: str


def report(figures: Measurements, policy: Policy, config: str) -> Report:
    """Judge and advise. Lost requests fail a drill; one in which nothing met the failure proves nothing."""
    verdict: Verdict = "inconclusive" if not figures.met else "failed" if figures.during.lost else "passed"
    return Report(
        figures.drill.id, figures.starts, verdict, sentence(verdict, figures), figures, advise(figures, policy), config, checks=_checks(figures)
    )  # fmt: skip


def _checks(figures: Measurements) -> str:
    """What cascades' checks said of their first models."""
    usual, then = figures.reference, figures.during
    if not then.checked:
        return NOT_MEASURED
    said = f"{then.turned_down:,} of {counted(then.checked, 'first answer')} turned down"
    return f"{said}; usually {usual.turned_down / usual.checked:.0%}" if usual.checked else said


def sentence(verdict: Verdict, figures: Measurements) -> str:
    """For a manager: what happened, and what came of it."""
    during = figures.during
    what = f"{happened(figures.drill)} for {duration(figures.drill.ends - figures.drill.since)}"
    of_all = counted(during.requests, "request")
    if not during.requests:
        return f"{what}, and no request came meanwhile: nothing is proved."
    if verdict == "inconclusive":
        return f"{what}, and no request would have gone there: nothing is proved."
    if verdict == "failed":
        answer = "got no usable answer" if figures.drill.kind == "bad_content" else "got no answer"
        return f"{what}, and {during.lost:,} of {of_all} {answer}."
    if figures.drill.kind == "degradation" and not figures.saved:
        return f"{what}, and none of {of_all} was lost: all were answered, if more slowly."
    return f"{what}, and none of {of_all} was lost; {figures.saved:,} {were(figures.saved)} answered elsewhere."


def drill_id(data_dir: Path, kind: str, target: str, now: float) -> str:
    """``2026-11-23-outage-openai``, and ``-2`` where there is such a one already."""
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    plain = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in target).strip("-.") or "all"
    base = f"{day}-{kind.replace('_', '-')}-{plain}"
    number = 1
    while (data_dir / FOLDER / (name := base if number == 1 else f"{base}-{number}")).exists():
        number += 1
    return name


def keep(data_dir: Path, written: Report, html: str) -> Path:
    """Write both faces of a report; the path of the one for people. Raises OSError."""
    folder = data_dir / FOLDER / written.id
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("report.json", msgspec.json.format(msgspec.json.encode(written))), ("report.html", html.encode())):
        temporary = folder / f"{name}.{os.getpid()}.tmp"
        temporary.write_bytes(content)
        temporary.replace(folder / name)
    return folder / "report.html"


def kept(data_dir: Path) -> tuple[Line, ...]:
    """All reports there are, latest first; what cannot be read is left out."""
    return tuple(sorted(_lines(data_dir), key=lambda line: (-line.at, line.id)))


def _lines(data_dir: Path) -> Iterator[Line]:
    for path in (data_dir / FOLDER).glob("*/report.json"):
        try:
            yield msgspec.json.decode(path.read_bytes(), type=Line)
        except (OSError, msgspec.DecodeError):
            continue


def find(data_dir: Path, name: str) -> Report | None:
    """A kept report; None when there is none of this id."""
    if not name or name != Path(name).name:
        return None
    try:
        return msgspec.json.decode((data_dir / FOLDER / name / "report.json").read_bytes(), type=Report)
    except (OSError, ValueError, msgspec.DecodeError):  # a name may be none of a file
        return None
