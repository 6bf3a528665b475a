"""The table of names keeps the rules of those who read it."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.records import NOW, attempt, record
from turnout.metrics import Metrics
from turnout.telemetry.control import exposition, otlp_figures
from turnout.telemetry.figures import MOST_SERIES, OVERFLOW, Figures
from turnout.telemetry.names import BOTH, COUNTED, GENAI, OLD, control_plane, data_plane, own, provider_name
from turnout.telemetry.otlp import State

EXPOSED = (*data_plane(), *control_plane())


@pytest.mark.parametrize("one", EXPOSED, ids=lambda one: one.name)
def test_names_are_prometheus_own(one) -> None:
    """Base units, ``_total`` on counters and on nothing else, no unit that is another's scale."""
    assert re.fullmatch(r"turnout(_[a-z0-9]+)+", one.name)
    assert one.name.endswith("_total") is (one.kind == "counter")
    assert not re.search(r"_(ms|us|milliseconds|minutes|kb|mb|pico|percent)(_|$)", one.name)
    assert one.meaning.endswith(".")
    assert not {"user", "session", "key", "request", "id", "le"} & set(one.labels)


def test_no_name_comes_twice() -> None:
    """Gateway and control process are scraped into one place."""
    names = [name for one in EXPOSED for name in one.series]
    assert len(set(names)) == len(names)


def test_a_collector_makes_the_same_names() -> None:
    """Our own metrics are called alike, whether they came by OTLP or by a scrape."""
    ours = {one.prometheus for one in own()}
    assert {one.name for one in data_plane() if one.name.removesuffix("_total") in COUNTED} <= ours


def test_records_tell_what_the_table_says_they_tell() -> None:
    """Each of these counts moves with some record, and no other does."""
    metrics = Metrics()
    metrics.observe(record(0, skipped=(("a/m", "quota"),), reason="fallback", attempts=(attempt(), attempt(cost=None))))
    counts = metrics.counts()
    moved = {name for table in (counts.counters, counts.buckets) for name, values in table.items() if values}

    assert moved == set(COUNTED)


def test_vendors_are_called_as_the_conventions_do() -> None:
    """And providers of one's own by their own names."""
    assert [provider_name(name) for name in ("openai", "gemini", "xai", "bedrock", "azure-eu")] == [
        "openai", "gcp.gemini", "x_ai", "aws.bedrock", "azure-eu",
    ]  # fmt: skip


def test_a_provider_that_calls_its_model_something_else_each_time_is_bounded() -> None:
    """Beyond the bound all count as one, and nothing is lost of the sum."""
    figures = Figures()
    for n in range(MOST_SERIES + 50):
        figures.count(record(n, attempts=(attempt(upstream_model=f"m-{n}"),)))
    points = [point for point in figures.points(OLD) if point.name == "gen_ai.client.operation.duration"]

    assert len(points) == MOST_SERIES + 1
    assert [point.value.count for point in points if point.attributes == OVERFLOW] == [50]
    assert sum(point.value.count for point in points) == MOST_SERIES + 50


def test_points_have_the_attributes_of_the_table() -> None:
    """No instrument says what the table does not."""
    figures = Figures()
    figures.count(record(0, stream=True, attempts=(attempt(), attempt(fault="timeout"), attempt(usage=None))))
    table = {one.name: set(one.attributes) for one in GENAI}
    loose = {"error.type"}  # of a failed call, where it spent tokens

    assert all(set(point.attributes) - loose <= table[point.name] for point in figures.points(BOTH))


def test_the_control_process_tells_its_figures() -> None:
    """Those that are given, under their names; what is not known is left out, not zero."""
    text, kind = exposition(
        {
            "turnout_rollups_due": 3,
            "turnout_feedback": {("thumb", "user"): 2},
            **otlp_figures(State(on=True, sent=5, dropped=1)),
            **otlp_figures(State()),
        }
    )
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }

    assert kind.startswith("text/plain")
    assert samples == {
        ("turnout_rollups_due",): 3, ("turnout_feedback_total", "thumb", "user"): 2,
        ("turnout_otlp_spans_total", "sent"): 5, ("turnout_otlp_spans_total", "dropped"): 1, ("turnout_otlp_spans_total", "refused"): 0,
        ("turnout_otlp_exports_total", "sent"): 0, ("turnout_otlp_exports_total", "refused"): 0, ("turnout_otlp_failing",): 0,
    }  # fmt: skip
    with pytest.raises(KeyError):
        exposition({"turnout_unheard_of": NOW})
