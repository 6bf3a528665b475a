"""A report says its verdict first, stands alone, and can be found again."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.drill.drilling import DRILL, OTHER, POLICY, T0, TARGET, aim, changed, one, outage, quality
from turnout.drill.figures import Measurements
from turnout.drill.measure import measure
from turnout.drill.page import page
from turnout.drill.report import Report, drill_id, find, keep, kept, report
from turnout.drill.words import duration
from turnout.types.drill import Kind
from turnout.types.money import pico_from_usd


def reported(*records: Any, **changes: Any) -> Report:
    return report(measured(*records, **changes), POLICY, "turnout.yaml")


def measured(*records: Any, **changes: Any) -> Measurements:
    return measure(records or outage(), changed(**changes), aim, quality)


def test_passed() -> None:
    """Nothing lost: passed, and the sentence says so."""
    found = reported()

    assert found.verdict == "passed"
    assert found.sentence == "openai was down for 30 s, and none of 300 requests was lost; 300 were answered elsewhere."


def test_failed() -> None:
    """One lost request fails the drill."""
    found = reported(*outage(lost=frozenset({200})))

    assert found.verdict == "failed"
    assert found.sentence.endswith("and 1 of 300 requests got no answer.")


def test_one_is_one() -> None:
    """Figures of one are said as such."""
    only = [
        one(1, T0, (TARGET, None, 5.0)),
        one(2, DRILL.since + 1, (TARGET, "unavailable", 1.0), (OTHER, None, 5.0)),
    ]
    found = reported(*only)

    assert found.sentence.endswith("none of 1 request was lost; 1 was answered elsewhere.")
    assert "1 request hit before" in page(found)
    assert "0 probes after" in page(found)


def test_nobody_asked() -> None:
    """Without traffic there is nothing to be said of anybody."""
    found = reported(one(1, T0, (TARGET, None, 5.0)))

    assert found.verdict == "inconclusive"
    assert found.sentence.endswith("and no request came meanwhile: nothing is proved.")


def test_a_mirrors_cost() -> None:
    """A report of copies says what they cost."""
    found = reported(on="mirror", budget=pico_from_usd("0.50"))

    assert f"${found.figures.spent_usd:,.4f} of $0.50" in page(found)
    assert "The budget was the limit" in [advice.title for advice in found.advice]


def test_inconclusive() -> None:
    """A drill that nothing met proves nothing, and does not pass."""
    found = reported(*(one(n, T0 + n / 10, (OTHER, None, 100.0)) for n in range(600)))

    assert found.verdict == "inconclusive"
    assert "nothing is proved" in found.sentence


@pytest.mark.parametrize(
    "kind", ["outage", "degradation", "rate_limiting", "partial_failure", "bad_credentials", "regional_loss", "bad_content"]
)
def test_every_kind_has_its_words(kind: Kind) -> None:
    """The sentence of each kind names what was drilled and for how long."""
    sentence = reported(kind=kind).sentence

    assert "openai" in sentence
    assert "for 30 s" in sentence


class _Page(HTMLParser):
    """Open tags, and everything that would be loaded."""

    VOID = frozenset({"meta", "br", "line", "rect", "polyline"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "records", [tuple(outage()), tuple(outage(lost=frozenset(range(200, 230)))), (one(1, T0, (OTHER, None, 9.0)),)]
)
def test_page_stands_alone(records: tuple[Any, ...]) -> None:
    """Well-formed, with nothing to load; the sentence comes before every figure."""
    found = reported(*records)
    html = page(found)
    parser = _Page()
    parser.feed(html)

    assert parser.open == []
    assert parser.loads == []
    assert "url(" not in html
    assert "@import" not in html
    assert parser.text.replace("\xa0", " ").index(found.sentence) < parser.text.index("Requests lost")


def test_page_escapes() -> None:
    """A name with markup in it stays text."""
    records = [one(n, T0 + n / 10, (TARGET, None, 9.0), route="<script>alert(1)</script>") for n in range(300)]

    assert "<script" not in page(reported(*records))


def test_empty() -> None:
    """Even without a single request there is a page."""
    assert "inconclusive" in page(report(measure((), DRILL, aim, quality), POLICY, "x"))


def test_kept_and_found(tmp_path: Path) -> None:
    """Both faces are written, listed latest first, and read back as they were."""
    first, second = reported(), msgspec.structs.replace(reported(), id="later", at=T0 + 999)
    path = keep(tmp_path, first, page(first))
    keep(tmp_path, second, "x")

    assert path.read_text().startswith("<!doctype html>")
    assert [line.id for line in kept(tmp_path)] == ["later", DRILL.id]
    assert find(tmp_path, DRILL.id) == first


@pytest.mark.parametrize("name", ["", "..", "../drills/x", "no-such", "/etc"])
def test_not_found(tmp_path: Path, name: str) -> None:
    """What is no report's name finds nothing, wherever it points."""
    keep(tmp_path, reported(), "x")

    assert find(tmp_path, name) is None


def test_ids(tmp_path: Path) -> None:
    """Dated, plain, and new each time."""
    assert drill_id(tmp_path, "rate_limiting", "openai/gpt*", T0) == "2026-09-21-rate-limiting-openai-gpt"
    keep(tmp_path, msgspec.structs.replace(reported(), id="2026-09-21-outage-openai"), "x")
    assert drill_id(tmp_path, "outage", "openai", T0) == "2026-09-21-outage-openai-2"


@pytest.mark.parametrize(("seconds", "said"), [(0.04, "40 ms"), (1.44, "1.4 s"), (12.3, "12 s"), (30, "30 s"), (180, "3 min")])
def test_durations(seconds: float, said: str) -> None:
    """As a person would say it."""
    assert duration(seconds) == said
