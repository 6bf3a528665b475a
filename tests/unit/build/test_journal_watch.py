"""The journal's state as metrics, and as a word to a person."""

from turnout.build.gateway import JournalWatch
from turnout.journal.writer import JournalState
from turnout.metrics import Metrics

WELL = JournalState(failing=None, buffered=0, written_at_once=0, dropped=0)
FULL = JournalState(failing="No space left on device", buffered=4096, written_at_once=2, dropped=7)


class FakeJournal:
    state = WELL


def figures(metrics: Metrics) -> dict[str, float]:
    lines = metrics.exposition()[0].decode().splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("turnout_journal")}


def test_trouble_is_told_when_it_begins_and_when_it_ends(tmp_path, capsys):
    """One line each, however often one looks."""
    journal = FakeJournal()
    watch = JournalWatch(journal, Metrics(tmp_path / "gateway-1.metrics"), "gateway-1")
    for state in (WELL, FULL, FULL, FULL, WELL, WELL):
        journal.state = state
        watch.look()

    begun, ended = capsys.readouterr().err.splitlines()
    assert "gateway-1" in begun
    assert "No space left on device" in begun
    assert "written again" in ended


def test_each_workers_journal_is_scraped_from_any(tmp_path):
    """The figures of all workers stand side by side, by worker; each is what it was last."""
    one, two = (Metrics(tmp_path / f"gateway-{n}.metrics") for n in (1, 2))
    for metrics, state in ((one, WELL), (two, FULL)):
        journal = FakeJournal()
        journal.state = state
        JournalWatch(journal, metrics, "").look()
        metrics.save()

    found = figures(one)

    assert found['turnout_journal_failing{worker="gateway-1"}'] == 0
    assert found['turnout_journal_failing{worker="gateway-2"}'] == 1
    assert found['turnout_journal_buffered_bytes{worker="gateway-2"}'] == 4096
    assert found['turnout_journal_dropped_total{worker="gateway-2"}'] == 7
    assert found['turnout_journal_written_at_once_total{worker="gateway-2"}'] == 2


def test_a_full_disk_does_not_fail_a_scrape(tmp_path):
    """Figures that cannot be saved are still shown."""
    metrics = Metrics(tmp_path / "away" / "gateway-1.metrics")
    metrics.note_journal(failing=True, buffered=1, written_at_once=0, dropped=0)

    assert figures(metrics)['turnout_journal_failing{worker="gateway-1"}'] == 1
