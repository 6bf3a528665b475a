"""The page Matrix: measured figures with how surely they are known, apart from what is only stated."""

import pytest

from tests.support.dashboard import blocks, chart, table, values
from tests.support.records import NOW
from tests.support.release_stories import BIG, NEW, OLD
from turnout.control.pages.blocks import Cell, Chart, Note, Page
from turnout.control.pages.matrix import MatrixAsked, matrix
from turnout.control.pages.sources import Sources
from turnout.learn.matrix import BENCHMARK_HOLDS
from turnout.types.matrix import Cell as Measured


def drawn(page: Page) -> dict[tuple[str, str], tuple[float, float]]:
    """By model and task: the value, and how strongly it is drawn. Each field once."""
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for trace in chart(page, "quality").data:
        for model, row in zip(trace["y"], trace["z"], strict=True):
            for task, value in zip(trace["x"], row, strict=True):
                if value is not None:
                    assert (model, task) not in found
                    found[model, task] = (value, trace["opacity"])
    return found


def test_how_surely_is_how_strongly(stories: Sources):
    """Enough cases, too few, none: three strengths; the last is the policy's own figure, in tenths."""
    fields = drawn(matrix(MatrixAsked(), stories))

    sure, unsure, stated = (
        fields[place][1] for place in ((OLD, "customer_support"), (OLD, "code_generation"), (NEW, "code_generation"))
    )
    assert sure > unsure > stated
    assert fields[NEW, "code_generation"][0] == pytest.approx(0.74)


def test_intervals_are_lines_of_their_width(stories: Sources):
    """In each measured field one, and a stroke where the estimate is; nine tenths of the field are from 0 to 1."""
    layout = chart(matrix(MatrixAsked(), stories), "quality").layout
    measured = [one for one in drawn(matrix(MatrixAsked(), stories)).values() if one[1] > 0.2]

    across = [shape for shape in layout["shapes"] if shape["y0"] == shape["y1"]]
    assert len(across) == len(measured) == len(layout["shapes"]) / 2
    assert all(0 < shape["x1"] - shape["x0"] < 0.9 for shape in across)


def test_cells_are_listed_with_what_they_rest_on(stories: Sources):
    """Interval, n, cost per solved, suite, date, and until when; live answers lead to their requests."""
    rows = {(values(row)[0], values(row)[1]): row for row in table(matrix(MatrixAsked(), stories), "cells").rows}

    old = rows[BIG, "code_generation"]
    assert values(old)[2:3] + values(old)[4:5] + values(old)[7:8] == ["benchmark", 25, "51d0be"]
    assert isinstance(old[3], Cell)
    assert old[3].low is not None
    assert isinstance(old[9], Cell)
    assert old[9].tone == "warn"
    assert values(old)[9] == values(old)[8] + BENCHMARK_HOLDS  # type: ignore[operator]  # numbers, here
    live = rows[OLD, "qa"]
    assert isinstance(live[4], Cell)
    assert live[4].link == "/decisions?window=90d&judged=judged&model=openai%2Fgpt-5.4&task=qa"
    assert values(live)[-1] == "yes"
    assert values(rows[NEW, "qa"])[-1] == "not yet"


def test_what_has_expired_says_so(made_from: Sources):
    """Until the keeper of cells forgets it."""
    made_from.ledger.cells.put(
        [Measured("a/b", "qa", None, "benchmark", 0.9, 0.8, 0.95, 100, 90.0, NOW - BENCHMARK_HOLDS - 1, "s")]
    )

    row = table(matrix(MatrixAsked(), made_from), "cells").rows[0]
    assert isinstance(row[9], Cell)
    assert (row[9].tone, row[9].note) == ("bad", "expired")


def test_a_band_and_a_task_narrow_it(stories: Sources):
    """Both the map and the list; what was measured in no band is not in one."""
    page = matrix(MatrixAsked(band="high", task="customer_support"), stories)

    assert {task for _, task in drawn(page)} == {"customer_support"}
    assert [values(row)[4] for row in table(page, "cells").rows] == [40, 40, 40]
    assert {values(row)[1] for row in table(matrix(MatrixAsked(task="qa"), stories), "cells").rows} == {"qa"}


def test_before_anything_was_measured_it_says_how(made_from: Sources, stories: Sources):
    """What the routes' models are said to be is shown, and how to measure; without a policy there is nothing to show."""
    empty = matrix(MatrixAsked(), made_from)

    assert [block.command for block in blocks(empty) if isinstance(block, Note)] == ["turnout bench MODEL --suite S"]
    assert not [block for block in blocks(empty) if isinstance(block, Chart)]
    nobody = matrix(MatrixAsked(band="simple", task="qa"), stories)
    assert any(isinstance(block, Note) for block in blocks(nobody))
    assert set(drawn(nobody)) == {(OLD, "qa"), (BIG, "qa")}


def test_names_are_text(made_from: Sources):
    """Plotly reads some markup in texts; a name has none."""
    made_from.ledger.cells.put([Measured("a/<b>x</b>", "<i>qa</i>", None, "live", 0.9, 0.8, 0.95, 100, 90.0, NOW)])

    assert set(drawn(matrix(MatrixAsked(), made_from))) == {("a/&lt;b&gt;x&lt;/b&gt;", "&lt;i&gt;qa&lt;/i&gt;")}
