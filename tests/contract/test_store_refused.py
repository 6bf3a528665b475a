"""What a database has no place for is set aside, whatever the database: it stops no other record, and is kept as it came."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from tests.support.records import TRAITS, attempt, record
from turnout.store.ledger import Ledger
from turnout.store.schema import refused
from turnout.types.content import Content
from turnout.types.entry import Entry
from turnout.types.record import Record

MONSTROUS: dict[str, Record] = {
    "an integer beyond 64 bits": record(1, seed=2**63),
    "a cost beyond 64 bits": record(1, cost=2**70),
    "a text of half a pair": record(1, code="\ud800"),
    "an attempt's": record(1, attempts=(attempt(detail="\ud800"),)),
    "an attempt's tokens": record(1, attempts=(attempt(), attempt(usage=msgspec.structs.replace(attempt().usage, input=2**64)))),
}
UNKNOWN_TO_POSTGRES: dict[str, Record] = {
    "a NUL": record(1, code="a\0b"),
    "an attempt's NUL": record(1, attempts=(attempt(detail="\0"),)),
    "a NUL in the id": record(1, id="req\0-1"),
    "a small integer": record(1, status=70_000),
    "an integer": record(1, policy=2**31),
    "an edition": record(1, edition=2**15),
    "a text too long for an index": record(
        1, traits=msgspec.structs.replace(TRAITS, session="".join(chr(33 + n * n % 8191) for n in range(9000)))
    ),
}


def kept(ledger: Ledger) -> list[tuple[str, str, bytes]]:
    with ledger._engine.connect() as raw:
        return [
            tuple(row) for row in raw.execute(select(refused.c.segment, refused.c.error, refused.c.record).order_by(refused.c.n))
        ]


@pytest.mark.parametrize("which", [*MONSTROUS, *UNKNOWN_TO_POSTGRES])
def test_a_record_the_store_cannot_take_stops_no_other(ledger: Ledger, which: str):
    """It is counted and kept; the rest of its batch is stored, and the segment goes on. What SQLite can hold, it holds."""
    monstrous = (MONSTROUS | UNKNOWN_TO_POSTGRES)[which]
    fits = which in UNKNOWN_TO_POSTGRES and ledger._engine.dialect.name == "sqlite"

    unfit = ledger.ingest([record(0), monstrous, record(2)], "s", 30)

    assert unfit == (0 if fits else 1)
    assert (ledger.request("req-0"), ledger.request("req-2"), ledger.offset("s")) == (record(0), record(2), 30)
    if fits:
        assert ledger.request(monstrous.id) == monstrous
        assert kept(ledger) == []
        return
    ((segment, error, body),) = kept(ledger)
    assert segment == "s"
    assert error.isascii()
    assert error.partition(":")[0].endswith(("Error", "Failure"))
    assert b"req" in body
    if which in UNKNOWN_TO_POSTGRES:  # what a journal can hold is decoded again
        assert msgspec.msgpack.decode(body, type=Record) == monstrous


@pytest.mark.parametrize("n", range(3))
def test_the_refused_may_come_anywhere_and_many_at_a_time(ledger: Ledger, n: int):
    """A statement that failed spoils none before or after it."""
    bad = [record(10 + i, seed=2**63 + i) for i in range(3)]
    good = [record(i) for i in range(4)]
    batch: list[Entry] = [*good[:n], bad[0], bad[1], *good[n:], bad[2]]

    assert ledger.ingest(batch, "s", 1) == 3
    assert [line.id for line in ledger.recent(10)] == ["req-3", "req-2", "req-1", "req-0"]
    assert len(kept(ledger)) == 3
    assert ledger.ingest([record(5)], "s", 2) == 0


def test_content_the_store_cannot_take_is_refused_too(ledger: Ledger):
    """Any entry of the journal may be one."""
    contents: list[Any] = [Content(f"req-{n}", 1.0, "full", key, b"\0\xff") for n, key in enumerate(["k", "\ud800"])]

    assert ledger.ingest(contents, "s", 1) == 1
    assert ledger.contents.get("req-0") == contents[0]


def test_bytes_come_back_as_bytes(ledger: Ledger):
    """Whatever the driver calls them."""
    ledger.ingest([Content("req-0", 1.5, "redacted", "k", bytes(range(256)))], "s", 1)

    found = ledger.contents.get("req-0")

    assert found is not None
    assert type(found.sealed) is bytes
    assert found.sealed == bytes(range(256))


def test_money_is_exact_whatever_its_sign(ledger: Ledger):
    """Sums are made in two parts; databases agree neither on what divides nor on what a sum's type is."""
    costs = [-(10**18) - 1, 10**18 + 7, -999_999, 1, 0, 9 * 10**18]
    ledger.ingest([record(n, cost=cost, baseline=2 * 10**18 + 1) for n, cost in enumerate(costs)], "s", 1)

    summary = ledger.summary(0, 2e9)

    assert summary.cost == sum(costs)
    assert summary.baseline == 6 * (2 * 10**18 + 1)
    assert [type(summary.cost), type(summary.requests), type(summary.fallbacks)] == [int, int, int]
