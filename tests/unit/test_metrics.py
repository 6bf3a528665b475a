"""Counters from records, added up over workers, in Prometheus' own words."""

import os
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from tests.support.records import record
from turnout.metrics import Metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    families = text_string_to_metric_families(metrics.exposition()[0].decode())
    for family in families:
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return None


def test_each_record_is_counted_once_under_bounded_labels() -> None:
    """Model, route, outcome: never a session or a key."""
    metrics = Metrics()
    done = record(1)
    metrics.observe(done)
    metrics.observe(record(2))

    assert value(metrics, "turnout_requests_total", model=done.model or "", outcome=done.outcome) == 2
    text = metrics.exposition()[0].decode()
    assert done.id not in text


def test_buckets_are_cumulative_and_end_with_all() -> None:
    """As Prometheus wants them."""
    metrics = Metrics()
    for n in range(5):
        metrics.observe(record(n))

    assert value(metrics, "turnout_decision_seconds_bucket", le="+Inf") == 5
    assert value(metrics, "turnout_decision_seconds_count") == 5


def test_whoever_is_scraped_adds_up_all_workers(tmp_path: Path) -> None:
    """Each leaves its counters in a file."""
    one, other = Metrics(tmp_path / "gateway-1.metrics"), Metrics(tmp_path / "gateway-2.metrics")
    one.observe(record(1))
    other.observe(record(2))
    other.save()

    assert value(one, "turnout_requests_total") == 2


def test_a_restarted_worker_goes_on_from_its_own(tmp_path: Path) -> None:
    """Or a counter would seem to start anew."""
    before = Metrics(tmp_path / "gateway-1.metrics")
    before.observe(record(1))
    before.save()
    after = Metrics(tmp_path / "gateway-1.metrics")
    after.observe(record(2))

    assert value(after, "turnout_requests_total") == 2


def test_a_damaged_file_costs_its_counts_not_the_scrape(tmp_path: Path) -> None:
    """A scrape must not fail for it."""
    (tmp_path / "gateway-2.metrics").write_bytes(b"\xc1garbage")
    metrics = Metrics(tmp_path / "gateway-1.metrics")
    metrics.observe(record(1))

    assert value(metrics, "turnout_requests_total") == 1


def test_counts_kept_elsewhere_are_taken_over_once() -> None:
    """Only what came since the last look is added; a count that shrank has begun anew."""
    metrics = Metrics()
    for so_far in (3, 3, 5, 2):
        metrics.so_far("turnout_probes", ("p/m",), so_far)

    assert value(metrics, "turnout_probes_total", what="p/m") == 7


def test_gauges_are_sums_over_the_workers_that_live(tmp_path: Path) -> None:
    """A worker that saves nothing any more is dead: its counters stay, its present is over."""
    one, other = Metrics(tmp_path / "gateway-1.metrics"), Metrics(tmp_path / "gateway-2.metrics")
    for metrics in (one, other):
        metrics.gauge("turnout_in_line", {(): 2})
        metrics.so_far("turnout_tickets", ("refused",), 1)
        metrics.save()
    together = value(one, "turnout_in_line")
    file = tmp_path / "gateway-2.metrics"
    os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 60))

    assert together == 4
    assert value(one, "turnout_in_line") == 2
    assert value(one, "turnout_tickets_total", result="refused") == 2


def test_steps_left_out_are_counted_from_records() -> None:
    """By the reason that the record gives."""
    metrics = Metrics()
    metrics.observe(msgspec.structs.replace(record(1), skipped=(("a/m", "ejected"), ("b/m", "quota"))))

    assert value(metrics, "turnout_skipped_total", model="a/m", reason="ejected") == 1
    assert value(metrics, "turnout_skipped_total", model="b/m", reason="quota") == 1


def test_a_fallback_is_counted_for_who_answered() -> None:
    """Not for whom dispatch left out."""
    metrics = Metrics()
    metrics.observe(record(1, reason="fallback", route="code", model="a/m", skipped=(("b/m", "ejected"),)))

    assert value(metrics, "turnout_fallbacks_total", route="code", model="a/m") == 1
    assert value(metrics, "turnout_request_duration_seconds_count", route="code", model="a/m") == 1


def test_a_copy_is_no_request() -> None:
    """Nobody asked for it: its calls are counted and what they cost, and neither a request nor how long it took."""
    metrics = Metrics()
    metrics.observe(record(1, copy_of="req-0"))

    assert value(metrics, "turnout_attempts_total") == 1
    assert value(metrics, "turnout_cost_usd_total") is not None
    assert value(metrics, "turnout_requests_total") is None
    assert value(metrics, "turnout_request_duration_seconds_count") is None
