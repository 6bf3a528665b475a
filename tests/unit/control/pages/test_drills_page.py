"""The page Drills against the reports that are kept, the schedule, and the drill in force."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.dashboard import blocks, chart, figure, table, values
from tests.support.records import NOW
from tests.unit.drill.drilling import DRILL, POLICY, aim, changed, outage, quality
from turnout.control.pages.blocks import NoSuchThing, Note
from turnout.control.pages.drills import DrillsAsked, drills
from turnout.control.pages.sources import Sources
from turnout.drill.current import put
from turnout.drill.measure import measure
from turnout.drill.page import page
from turnout.drill.report import FOLDER, Report, keep, report
from turnout.drill.schedule import SCHEDULE, Scheduled, next_slot, reschedule


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    def made(records: Any, **changes: Any) -> Report:
        written = report(measure(records, changed(**changes), aim, quality), POLICY, "turnout.yaml")
        keep(tmp_path, written, page(written))
        return written

    return made


def test_a_report_is_shown_with_its_figures(kept: Any, made_from: Sources):
    """Lost, saved, routes, stretches and who answered are the measurements'."""
    written = kept(tuple(outage(lost=frozenset({200, 210}))))
    figures = written.figures

    shown = drills(DrillsAsked(id=DRILL.id), made_from)

    assert figure(shown, "Lost").value == figures.during.lost == 2
    assert (figure(shown, "Requests during it").value, figure(shown, "Answered elsewhere").value) == (
        figures.during.requests,
        figures.saved,
    )
    assert figure(shown, "Cost of a request").value == pytest.approx((figures.during.cost_usd or 0) * 10**12, rel=1e-9)
    assert sum(sum(trace["y"]) for trace in chart(shown, "timeline").data) == sum(
        m.by_target + m.elsewhere + m.lost for m in figures.timeline
    )
    assert {values(row)[0]: values(row)[2] for row in table(shown, "routes").rows} == {
        one.name: one.during.lost for one in figures.routes
    }
    assert {values(row)[0]: values(row)[1] for row in table(shown, "served").rows} == figures.served_by
    assert next(block for block in blocks(shown) if isinstance(block, Note)).text == written.sentence


@pytest.mark.parametrize(("on", "link"), [("live", f"/decisions?window=400d&copies=with&drill={DRILL.id}"), ("simulated", None)])
def test_the_requests_of_a_drill_on_real_traffic_are_a_link_away(kept: Any, made_from: Sources, on: str, link: str | None):
    """A simulated one has a ledger of its own."""
    kept(tuple(outage()), on=on)

    assert figure(drills(DrillsAsked(id=DRILL.id), made_from), "Began").link == link


def test_a_drill_without_traffic_has_a_page(kept: Any, made_from: Sources):
    """Nothing measured is nothing, not zero."""
    kept(())

    shown = drills(DrillsAsked(id=DRILL.id), made_from)

    assert (figure(shown, "p95 during it").value, figure(shown, "Cost of a request").value) == (None, None)
    assert table(shown, "served").rows == ()


def test_reports_schedule_and_the_drill_in_force_are_listed(kept: Any, made_from: Sources, tmp_path: Path):
    """A report that cannot be read is left out; what runs stands on top."""
    kept(tuple(outage()))
    (tmp_path / FOLDER / "broken").mkdir()
    (tmp_path / FOLDER / "broken" / "report.json").write_text("{")
    entry = Scheduled("monthly", "monthly", 1, 3, changed(id=""), 60.0, 5.0, None, NOW - 9)
    reschedule(tmp_path, [entry])
    put(tmp_path, changed(id="running", since=NOW - 1, ends=NOW + 9, until=NOW + 20), NOW)

    shown = drills(DrillsAsked(), made_from)

    assert [values(row)[3] for row in table(shown, "reports").rows] == [DRILL.id]
    assert values(table(shown, "schedule").rows[0])[0] == next_slot(entry, NOW)
    assert any(isinstance(block, Note) and "running is in force" in block.text for block in blocks(shown))


def test_a_schedule_that_cannot_be_read_is_said(made_from: Sources, tmp_path: Path):
    """The page stands."""
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / SCHEDULE).write_text("{")

    shown = drills(DrillsAsked(), made_from)

    assert any(isinstance(block, Note) and "schedule cannot be read" in block.text for block in blocks(shown))
    assert "turnout drill run" in table(shown, "reports").empty


@pytest.mark.parametrize("name", ["none", "../secret", "..", "\0", "a/b"])
def test_an_unknown_drill_is_not_found(made_from: Sources, name: str):
    """Nor anything outside of the reports' folder."""
    with pytest.raises(NoSuchThing):
        drills(DrillsAsked(id=name), made_from)
