"""What is too old goes, with all that hangs on it and nothing else, a little at a time."""

from functools import reduce
from operator import add

import pytest
from sqlalchemy import func, insert, select

from tests.support.records import attempt, record
from turnout.store.ledger import Ledger
from turnout.store.retention import Deleted, clean, cut
from turnout.store.schema import feedback, metadata, rollups, rollups_due
from turnout.types.content import Content
from turnout.types.seconds import DAY, HOUR, MINUTE

NOW = 1_790_000_000.0
KEEP = 10.0 * DAY


def deleted(ledger: Ledger, content_keep: float | None = None, batch: int = 1000) -> Deleted:
    return reduce(add, clean(ledger._engine, NOW, KEEP, content_keep, batch=batch), Deleted())


def fill(ledger: Ledger, ages: list[float]) -> None:
    """A request with two attempts, a content and an opinion of each age, in seconds."""
    twice = (attempt(fault="timeout"), attempt())
    for n, age in enumerate(ages):
        ledger.ingest([record(n, at=NOW - age, attempts=twice), Content(f"req-{n}", NOW - age, "full", "k", b"x")], "s", n)
        with ledger._engine.begin() as raw:
            raw.execute(
                insert(feedback).values(
                    id=f"f-{n}", at=NOW - age, kind="thumb", source="user", request_id=f"req-{n}", state="joined"
                )
            )


def count(ledger: Ledger, name: str) -> int:
    with ledger._engine.connect() as raw:
        return raw.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one()


OLD = [KEEP + HOUR + n for n in range(7)]
YOUNG = [KEEP - 1.0, 5.0, 0.0]


@pytest.mark.parametrize("batch", [1, 3, 7, 1000])
def test_what_is_too_old_goes_with_all_that_hangs_on_it(ledger: Ledger, batch: int):
    """Whatever the batches are, the same rows go, and are counted."""
    fill(ledger, [*OLD, *YOUNG])

    assert deleted(ledger, batch=batch) == Deleted(requests=7, attempts=14, feedback=7, contents=7)

    assert [line.id for line in ledger.recent(20)] == ["req-9", "req-8", "req-7"]
    assert ledger.request("req-7") == record(7, at=NOW - YOUNG[0], attempts=(attempt(fault="timeout"), attempt()))
    assert [count(ledger, name) for name in ("requests", "attempts", "feedback", "contents")] == [3, 6, 3, 3]
    assert deleted(ledger) == Deleted()


def test_a_step_is_a_short_transaction_and_others_come_between(ledger: Ledger):
    """No step deletes more than its batch, and whoever writes meanwhile is neither kept waiting nor lost."""
    fill(ledger, OLD)

    for n, step in enumerate(clean(ledger._engine, NOW, KEEP, batch=2)):
        assert max(step.requests, step.feedback, step.contents) <= 2
        ledger.ingest([record(100 + n, at=NOW)], "t", n)

    assert count(ledger, "requests") == ledger.summary(0, NOW).requests > 7


def test_whoever_iterates_may_stop(ledger: Ledger):
    """What went is gone, what did not is there, whole; the next time goes on."""
    fill(ledger, OLD)
    steps = clean(ledger._engine, NOW, KEEP, batch=2)
    next(step for step in steps if step.requests)
    steps.close()

    assert (count(ledger, "requests"), count(ledger, "attempts")) == (5, 10)
    assert deleted(ledger).requests == 5


def test_hours_go_whole(ledger: Ledger):
    """An hour that the audit chain has closed is there or gone: of the one that the limit falls into, nothing goes yet."""
    limit = cut(NOW, KEEP)
    fill(ledger, [NOW - limit + 0.5, NOW - limit, NOW - limit - HOUR + 1])

    assert limit % HOUR == 0
    assert limit <= NOW - KEEP
    assert deleted(ledger).requests == 1
    assert ledger.request("req-0") is None


def test_content_may_be_kept_for_less(ledger: Ledger):
    """It goes alone, by its own time, and never stays longer than its request."""
    fill(ledger, [KEEP + HOUR, KEEP - HOUR, 100.0, 5.0])

    assert deleted(ledger, content_keep=50.0) == Deleted(requests=1, attempts=2, feedback=1, contents=3)
    assert ledger.contents.get("req-3") is not None
    assert deleted(ledger, content_keep=2 * KEEP) == Deleted()


def test_minutes_go_after_days_hours_after_months_days_never(ledger: Ledger):
    """Sums outlive the rows they were made of, by their period."""
    now = int(NOW)
    starts = [
        (MINUTE, now - 4 * DAY),
        (MINUTE, now - 2 * DAY),
        (HOUR, now - 101 * DAY),
        (HOUR, now - 99 * DAY),
        (DAY, now - 4000 * DAY),
    ]
    with ledger._engine.begin() as raw:
        raw.execute(insert(rollups), [{"period": p, "start": s, "made": NOW, "slice": b""} for p, s in starts])

    assert deleted(ledger, batch=1) == Deleted(rollups=2)

    with ledger._engine.connect() as raw:
        assert {tuple(row) for row in raw.execute(select(rollups.c.period, rollups.c.start))} == {starts[1], starts[3], starts[4]}


def test_history_keeps_its_sums(ledger: Ledger):
    """A deletion is no change of a request: no minute is to be summed again, or its sums would vanish with its rows."""
    fill(ledger, OLD)
    with ledger._engine.begin() as raw:
        raw.execute(rollups_due.delete())

    deleted(ledger)

    assert count(ledger, "rollups_due") == 0


@pytest.mark.parametrize("keep", [5 * DAY, 98 * DAY, 99 * DAY, 400 * DAY])
def test_a_late_word_on_an_old_day_leaves_the_days_sums_whole(ledger: Ledger, keep: int):
    """Whatever of the day is deleted by then: a day that is summed again from its rows has all of them."""
    now = int(NOW) // DAY * DAY + 15 * HOUR
    day = (now - keep) // DAY * DAY
    ledger.ingest([record(hour, at=day + hour * HOUR + 5.0) for hour in range(24)], "s", 1)
    ledger.roll_up(now - keep + 2 * DAY)

    for _ in clean(ledger._engine, now, keep):
        pass
    with ledger._engine.begin() as raw:
        raw.execute(insert(rollups_due).values(start=day + 23 * HOUR, mark=1))
    ledger.roll_up(now)

    (summed,) = ledger.slices(day, day + DAY, DAY)
    assert sum(cell.requests for _, cell in summed.cells) == 24
