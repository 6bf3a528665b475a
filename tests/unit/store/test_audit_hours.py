"""The decision log's hours, and the proof that rows are what was recorded."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, insert, select, text, update

from tests.support.records import attempt, record
from turnout.audit.chain import Finding, read
from turnout.store.audit import AuditStore
from turnout.store.closed_hours import AFTER, DECISIONS, RETENTION, ClosedHours
from turnout.store.ledger import Ledger
from turnout.store.proof import Proof
from turnout.store.schema import attempts, audit, requests
from turnout.types.record import Record
from turnout.types.seconds import HOUR

H = 1_790_000_000 // HOUR * HOUR
CLOSED = H + HOUR + AFTER


class Bench:
    """A ledger, its sums and its closing, at whatever time it is told."""

    def __init__(self, url: str) -> None:
        self.ledger = Ledger(url)
        self.hours = ClosedHours(self.ledger.audit)
        self._offset = 0

    @property
    def store(self) -> AuditStore:
        return self.ledger.audit

    def ingest(self, *records: Record) -> None:
        self._offset += 1
        assert self.ledger.ingest(records, "segment", self._offset) == 0

    def close(self, now: float) -> int:
        while self.ledger.roll_up(now).left:
            pass
        return self.hours.close(now)

    def change(self, statement: Any) -> None:
        with self.store.connect() as connection:
            connection.execute(statement)
            connection.commit()

    def entries(self) -> list[dict[str, Any]]:
        return [read(entry) for entry in self.store.entries(kind=DECISIONS)]

    def prove(self) -> tuple[Proof, list[Finding]]:
        proof = Proof(self.store)
        return proof, list(proof.findings())

    def found(self) -> list[tuple[str, str]]:
        return [(finding.what, finding.where) for finding in self.prove()[1]]


@pytest.fixture
def bench(store_url: str) -> Iterator[Bench]:
    made = Bench(store_url)
    yield made
    made.ledger.close()


def of_hour(count: int, hour: int = 0, first: int = 0) -> Sequence[Record]:
    return [
        record(first + n, at=H + hour * HOUR + 60.0 * n, attempts=(attempt(), attempt(fault="timeout"))) for n in range(count)
    ]


def test_an_hour_is_closed_ten_minutes_after_its_end(bench: Bench) -> None:
    """Once, with what is in it; the hour that is under way waits."""
    bench.ingest(*of_hour(5), *of_hour(2, 1, 10))
    assert bench.close(CLOSED - 1) == 0
    assert bench.close(CLOSED) == 1
    assert bench.close(CLOSED + 100) == 0
    (entry,) = bench.entries()
    assert (entry["since"], entry["until"], entry["requests"], entry["unproven"], entry["reason"]) == (
        H,
        H + HOUR,
        5,
        0,
        "closed",
    )
    assert bench.close(CLOSED + 50 * HOUR) == 1
    assert [each["requests"] for each in bench.entries()] == [5, 2]


def test_an_hour_that_waits_to_be_summed_waits_to_be_closed(bench: Bench) -> None:
    """What is not in the sums yet may still be coming."""
    bench.ingest(*of_hour(5))
    assert bench.hours.close(CLOSED) == 0
    bench.ledger.roll_up(CLOSED)
    assert bench.hours.close(CLOSED) == 1


def test_a_late_record_and_a_later_edition_close_their_hour_anew(bench: Bench) -> None:
    """The latest entry of an hour counts; also of one in which nothing had been."""
    bench.ingest(*of_hour(5), *of_hour(1, 3, 30))
    assert bench.close(CLOSED + 3 * HOUR) == 2
    (was,) = of_hour(1, 3, 30)
    bench.ingest(record(9, at=H + 100.0), msgspec.structs.replace(was, edition=1, outcome="cut"), record(40, at=H + HOUR + 1.0))
    assert bench.close(CLOSED + 4 * HOUR) == 3
    assert [(each["since"] - H, each["requests"], each["reason"]) for each in bench.entries()[2:]] == [
        (0, 6, "late"), (HOUR, 1, "late"), (3 * HOUR, 1, "late"),
    ]  # fmt: skip
    assert bench.close(CLOSED + 4 * HOUR + 60) == 0
    proof, found = bench.prove()
    assert found == []
    assert (proof.requests, proof.hours, proof.late, proof.open) == (8, 3, 3, 0)


def test_feedback_closes_nothing_anew(bench: Bench) -> None:
    """It changes the sums, and no fingerprint."""
    bench.ingest(*of_hour(5))
    bench.close(CLOSED)
    bench.change(update(requests).values(verdict=0.5, verdict_by="user"))
    bench.change(text(f"insert into rollups_due (start, mark) values ({H}, 1)"))
    assert bench.close(CLOSED + 60) == 0
    assert bench.found() == []


def test_a_changed_row_does_not_become_right_by_waiting(bench: Bench) -> None:
    """After a restart too: only what was summed anew since the last closing is looked at again."""
    bench.ingest(*of_hour(3), *of_hour(1, 1, 10))
    assert (bench.close(CLOSED), bench.close(CLOSED + HOUR)) == (1, 1)
    bench.change(delete(requests).where(requests.c.id == "req-1"))
    again = ClosedHours(bench.store)
    assert again.close(CLOSED + 5 * HOUR) == 0
    assert bench.found() == [("vanished", f"hour {_moment(H)}")]


def test_a_request_that_vanished_does_not_become_right_by_a_mark(bench: Bench) -> None:
    """Whoever deletes it may have its hour closed anew; but records come late, and none goes: the chain holds both counts."""
    bench.ingest(*of_hour(3))
    bench.close(CLOSED)
    bench.change(delete(requests).where(requests.c.id == "req-1"))
    bench.change(text(f"insert into rollups_due (start, mark) values ({H}, 1)"))
    assert bench.close(CLOSED + 60) == 1
    (finding,) = bench.prove()[1]
    assert (finding.what, finding.where) == ("vanished", f"hour {_moment(H)}")
    assert "says 3 requests, entry 3, later, only 2" in finding.text
    bench.store.add(RETENTION, "turnout", {"before": H + HOUR}, CLOSED + HOUR)
    assert bench.found() == []


def test_rows_of_an_earlier_version_are_counted_as_unproven(bench: Bench) -> None:
    """They have no fingerprint; an hour of nothing else is not closed."""
    bench.ingest(*of_hour(3), *of_hour(2, 1, 10))
    bench.change(update(requests).where((requests.c.at < H + HOUR) | (requests.c.id == "req-10")).values(digest=None))
    assert bench.close(CLOSED + HOUR) == 1
    assert [(each["requests"], each["unproven"]) for each in bench.entries()] == [(2, 1)]
    proof, found = bench.prove()
    assert found == []
    assert (proof.requests, proof.unproven) == (5, 4)


def test_what_retention_deleted_is_not_missed(bench: Bench) -> None:
    """As long as the chain says that it was deleted."""
    bench.ingest(*of_hour(3), *of_hour(2, 1, 10))
    bench.close(CLOSED + HOUR)
    bench.change(delete(requests).where(requests.c.at < H + HOUR))
    assert [what for what, _ in bench.found()] == ["vanished"]
    bench.store.add(RETENTION, "turnout", {"before": H + HOUR}, CLOSED + HOUR)
    assert bench.found() == []


REQUEST_COLUMNS = [column.name for column in requests.columns if column.name not in {"digest", "unit", "verdict", "verdict_by"}]
ATTEMPT_COLUMNS = [column.name for column in attempts.columns]


def other(value: Any, kind: type) -> Any:
    """Something else that the column takes."""
    if kind is bool:
        return not value
    if kind is float:
        return (value or 0.0) + 0.001
    if kind is int:
        return (value or 0) + 1
    return (value or b"") + b"\1" if kind is bytes else (value or "") + "x"


@pytest.mark.parametrize("of", ["requests", "attempts"])
def test_a_change_of_any_column_is_named(bench: Bench, of: str) -> None:
    """By its request, in either database."""
    table, names = (requests, REQUEST_COLUMNS) if of == "requests" else (attempts, ATTEMPT_COLUMNS)
    bench.ingest(*of_hour(3))
    bench.close(CLOSED)
    here = table.c.id == "req-1" if of == "requests" else (table.c.request_id == "req-1") & (table.c.n == 1)
    for name in names:
        with bench.store.connect() as connection:
            was = connection.execute(select(table).where(here)).mappings().one()
            becomes = other(was[name], table.c[name].type.python_type)
            connection.execute(update(table).where(here).values({name: becomes}))
            connection.commit()
        found = bench.found()
        if name != "at":  # its own hour is another one then, if that is another
            named = "req-1x" if (of, name) == ("requests", "id") else "req-1"
            assert ("row_changed", f"request {named}") in found, name
        assert found, name
        with bench.store.connect() as connection:
            connection.execute(delete(table).where(here if name not in {"id", "request_id", "n"} else table.c[name] == becomes))
            connection.execute(insert(table), dict(was))
            connection.commit()
    assert bench.found() == []


def test_what_vanished_and_what_was_added_is_counted_and_where_it_can_be_named(bench: Bench) -> None:
    """One row too many is told by its fingerprint, which is what the hour's sum is too much by."""
    bench.ingest(*of_hour(5))
    bench.close(CLOSED)
    bench.ingest(record(77, at=H + 7.0))
    assert [what for what, _ in bench.found()] == ["pending"]  # a late record that nobody has summed yet
    bench.change(text("delete from rollups_due"))
    (finding,) = bench.prove()[1]
    assert finding.what == "added"
    assert "request req-77 was added" in finding.text
    bench.change(delete(requests).where(requests.c.id.in_(["req-77", "req-2", "req-3"])))
    (finding,) = bench.prove()[1]
    assert finding.what == "vanished"
    assert "5 requests, 3 are there: 2 vanished" in finding.text


def test_a_row_replaced_with_its_fingerprint_is_told_by_its_hour(bench: Bench) -> None:
    """Whoever knows how they are made can make one; the chain holds what it was."""
    bench.ingest(*of_hour(5))
    bench.close(CLOSED)
    bench.change(delete(requests).where(requests.c.id == "req-1"))
    bench.change(delete(attempts).where(attempts.c.request_id == "req-1"))
    bench.ingest(record(1, at=H + 60.0, outcome="failed"))
    bench.change(text("delete from rollups_due"))
    assert bench.found() == [("hour_changed", f"hour {_moment(H)}")]


def test_rows_where_nothing_was_recorded_are_named(bench: Bench) -> None:
    """Between two closed hours."""
    bench.ingest(*of_hour(1), *of_hour(1, 5, 50))
    bench.close(CLOSED + 5 * HOUR)
    bench.ingest(record(9, at=H + 2.5 * HOUR))
    assert [what for what, _ in bench.found()] == ["added"]


def test_a_fingerprint_that_was_taken_away_is_named(bench: Bench) -> None:
    """It would make a changed row look like one of an earlier version."""
    bench.ingest(*of_hour(3))
    bench.close(CLOSED)
    bench.change(update(requests).where(requests.c.id == "req-1").values(digest=None, outcome="failed"))
    assert ("row_changed", "request req-1") in bench.found()


def test_values_of_another_kind_are_named_and_not_stumbled_over(tmp_path) -> None:
    """SQLite keeps whatever is put into its file."""
    bench = Bench(f"sqlite:///{tmp_path / 'ledger.db'}")
    bench.ingest(*of_hour(6))
    bench.close(CLOSED)
    for n, what in enumerate(
        ("stream = 7", "traits = 'text'", "digest = 'text'", "route = cast(x'ff41' as text)", "status = 'x'")
    ):
        bench.change(text(f"update requests set {what} where id = 'req-{n}'"))
    assert [where for what, where in bench.found() if what == "row_changed"] == [f"request req-{n}" for n in range(5)]
    bench.ledger.close()


def test_an_entry_that_was_changed_does_not_hide_its_hour(bench: Bench) -> None:
    """Its hash tells that; the rows are then in an hour that nothing speaks of, and are looked at all the same."""
    bench.ingest(*of_hour(3), *of_hour(1, 1, 10))
    bench.close(CLOSED + HOUR)
    bench.change(update(audit).where(audit.c.seq == 2).values(payload="{}"))
    proof, found = bench.prove()
    assert [finding.what for finding in found] == ["added"]
    assert proof.requests == 4


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
