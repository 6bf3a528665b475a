from datetime import datetime, timedelta

import plotly.graph_objects as go
import pytest

from tests.support.dashboard import blocks, filled, varied
from tests.support.records import NOW, attempt, record
from turnout.control.pages import charts
from turnout.control.pages.blocks import Chart
from turnout.control.pages.catalog import CatalogAsked, catalog
from turnout.control.pages.cost import CostAsked, cost
from turnout.control.pages.latency import LatencyAsked, latency
from turnout.control.pages.matrix import MatrixAsked, matrix
from turnout.control.pages.now import NowAsked, now
from turnout.control.pages.quality import QualityAsked, quality
from turnout.control.pages.releases import ReleasesAsked, releases
from turnout.control.pages.sources import Sources
from turnout.store.ledger import Ledger
from turnout.store.rollups.sketch import sketch

HOSTILE = "<img src=x onerror=alert(1)>/<b>model</b>"


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        (NowAsked(), now), (CostAsked(), cost), (CostAsked(window="24h", by="provider"), cost), (CostAsked(by="tag"), cost),
        (QualityAsked(), quality), (LatencyAsked(), latency), (LatencyAsked(window="90d"), latency),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_empty", [False, True])
def test_plotly_takes_every_chart_of_every_page(ledger: Ledger, made_from: Sources, asked, made, is_empty):
    """Each figure is one that Plotly's own schema accepts, with data and without; and says in words what it shows."""
    if not is_empty:
        filled(ledger, varied())

    found = [block for block in blocks(made(asked, made_from)) if isinstance(block, Chart)]

    assert found
    for chart in found:
        go.Figure(data=list(chart.data), layout=chart.layout)
        assert chart.says


@pytest.mark.parametrize(
    ("asked", "made", "least"),
    [(ReleasesAsked(id="r-bake"), releases, 7), (MatrixAsked(), matrix, 1), (CatalogAsked(), catalog, 1)],
)
def test_plotly_takes_the_charts_of_releases(stories: Sources, asked, made, least):
    """Theirs too; and they leave colours to the theme."""
    found = [block for block in blocks(made(asked, stories)) if isinstance(block, Chart)]

    assert len(found) == least
    for chart in found:
        go.Figure(data=list(chart.data), layout=chart.layout)
        assert chart.says
        assert "color" not in str(chart.data) + str(chart.layout)


def test_no_chart_names_a_colour():
    """Colours are the theme's, by a trace's meta: a figure that had its own would be wrong in one of two themes."""
    moments = [datetime(2026, 1, 1) + timedelta(hours=n) for n in range(3)]  # noqa: DTZ001  (as shown on a clock)
    drawn = charts.stacked("c", "", "", moments, "hour", [charts.named("a/b", [1, 2, 3], "/decisions")])

    assert "color" not in str(drawn.data) + str(drawn.layout)
    assert drawn.data[0]["meta"] == {"series": "a/b", "link": "/decisions"}


def test_plotlys_own_markup_means_nothing_in_names(ledger: Ledger, made_from: Sources):
    """Plotly reads a few tags in its texts: a model's name that looks like one is shown as it is written."""
    filled(ledger, [record(model=HOSTILE, at=NOW - 5, attempts=(attempt(model=HOSTILE, fault="<b>bad</b>"),))])

    for page in (now(NowAsked(), made_from), cost(CostAsked(), made_from), quality(QualityAsked(), made_from)):
        for chart in (block for block in blocks(page) if isinstance(block, Chart)):
            for trace in chart.data:
                shown = [
                    trace.get("name", ""),
                    *trace.get("labels", ()),
                    *(one for one in trace.get("y", ()) if isinstance(one, str)),
                ]
                assert not any("<" in text for text in shown)


def test_a_histogram_has_every_value_in_a_bin_and_its_quantiles_where_they_are():
    """Bars sum up to the number of values; each line stands at its quantile on the logarithmic axis, inside of what is shown."""
    values = sketch([*range(10, 1000, 3), 5.0, 20_000.0])
    quantiles = {name: values.quantile(q) or 0.0 for name, q in (("P50", 0.5), ("P99", 0.99))}

    drawn = charts.histogram("h", "", "", values, quantiles, "ms")

    low, high = drawn.layout["xaxis"]["range"]
    assert sum(drawn.data[0]["y"]) == values.n
    assert [round(10 ** line["x0"], 6) for line in drawn.layout["shapes"]] == [round(value, 6) for value in quantiles.values()]
    assert all(low <= line["x0"] <= high for line in drawn.layout["shapes"])
    assert low <= min(drawn.data[0]["x"])
    assert max(drawn.data[0]["x"]) <= high


def test_sizes_are_written_in_the_unit_that_reads_well():
    """Microseconds become milliseconds, milliseconds seconds."""
    assert [charts.size(*one) for one in ((90, "us"), (1500, "us"), (250, "ms"), (2500, "ms"))] == [
        "90 µs",
        "1.5 ms",
        "250 ms",
        "2.5 s",
    ]
