"""What the control process does about the audit trail, by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.tickets import ticket
from turnout.audit.chain import Entry, read
from turnout.audit.checkpoint import kept
from turnout.clock import ManualClock
from turnout.control.audit_keeper import DAY, KEEP, AuditKeeper
from turnout.control.tickets import Tickets
from turnout.drill.current import LEASE, lift, put
from turnout.store.ledger import Ledger
from turnout.tickets.spool import Spool
from turnout.types.drill import Drill

NOW = 1_790_000_000.0


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.ledger = folder, ManualClock(NOW), Ledger(folder / "ledger.db")
        self.keeper = AuditKeeper(self.ledger.audit, folder, self.clock)

    def entries(self, kind: str | None = None) -> list[Entry]:
        return list(self.ledger.audit.entries(kind=kind))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.ledger.close()


def test_a_start_is_told_once(bench: Bench) -> None:
    """With the versions of what began."""
    bench.keeper.look()
    bench.keeper.look()
    (entry,) = bench.entries("start")
    assert read(entry).keys() == {"turnout", "decider", "tables"}


def test_a_chain_is_signed_once_a_day_and_only_when_it_went_on(bench: Bench) -> None:
    """Into the chain and into the data directory."""
    bench.keeper.daily()
    assert bench.entries() == []
    for hours in (0, 1, 30, 31, 60):
        bench.clock.advance(NOW + hours * 3600 - bench.clock.now())
        if hours != 60:
            bench.keeper.trail.add("note", "test", {"hours": hours})
        bench.keeper.daily()
    assert [read(entry)["at"] for entry in bench.entries("checkpoint")] == [NOW, NOW + 30 * 3600, NOW + 60 * 3600]
    bench.clock.advance(30 * 3600)
    bench.keeper.daily()
    assert len(bench.entries("checkpoint")) == len(kept(bench.folder)) == 3


def test_the_chain_is_looked_through_once_a_day(bench: Bench) -> None:
    """What is found is there to be shown."""
    bench.keeper.trail.add("note", "test", {})
    bench.keeper.daily()
    assert bench.keeper.verified is not None
    assert bench.keeper.verified.ok
    with bench.ledger.audit.connect() as connection:
        connection.execute(text("update audit set actor = 'me' where seq = 2"))
        connection.commit()
    bench.keeper.daily()
    assert bench.keeper.verified.ok
    bench.clock.advance(DAY)
    bench.keeper.daily()
    assert not bench.keeper.verified.ok
    assert [(finding.what, finding.where) for finding in bench.keeper.verified.findings] == [("changed", "entry 2")]


def test_what_is_older_than_a_year_goes_up_to_a_checkpoint(bench: Bench) -> None:
    """And what is left verifies, with the checkpoints that were kept."""
    bench.keeper.trail.add("note", "test", {})
    bench.keeper.daily()
    bench.clock.advance(KEEP - DAY)
    bench.keeper.trail.add("note", "test", {})
    bench.keeper.daily()
    assert len(bench.entries()) == 5
    bench.clock.advance(2 * DAY)
    bench.keeper.daily()
    assert [entry.seq for entry in bench.entries()][:1] == [3]
    assert [read(entry)["entries"] for entry in bench.entries("pruned")] == [2]
    assert bench.keeper.verify().ok


def test_a_chain_that_is_not_whole_is_not_shortened(bench: Bench) -> None:
    """What is wrong with it is there for people to see."""
    bench.keeper.trail.add("note", "test", {})
    bench.keeper.daily()
    with bench.ledger.audit.connect() as connection:
        connection.execute(text("update audit set actor = 'me' where seq = 2"))
        connection.commit()
    bench.clock.advance(KEEP + DAY)
    bench.keeper.daily()
    assert [entry.seq for entry in bench.entries()] == [1, 2, 3]


def test_a_drill_on_real_traffic_is_told_when_it_begins_and_ends(bench: Bench) -> None:
    """Whoever runs it; a simulated one touches nothing."""

    def drill(name: str, on: str = "live") -> None:
        put(bench.folder, Drill(name, "outage", NOW, NOW + 60, NOW + 90, provider="openai", on=on), bench.clock.now())  # type: ignore[arg-type]  # one of three
        bench.keeper.watch_drills()

    drill("d-0", on="simulated")
    drill("d-1")
    drill("d-1")
    drill("d-2", on="mirror")
    bench.clock.advance(LEASE + 1)  # who ran it died
    bench.keeper.watch_drills()
    drill("d-3")
    lift(bench.folder)
    bench.keeper.watch_drills()
    bench.keeper.watch_drills()
    told = [read(entry) for entry in bench.entries("drill")]
    assert [(each["drill"], each["event"]) for each in told] == [
        ("d-1", "began"), ("d-1", "ended"), ("d-2", "began"), ("d-2", "ended"), ("d-3", "began"), ("d-3", "ended"),
    ]  # fmt: skip
    assert told[0]["provider"] == "openai"


def test_a_settled_ticket_is_told_with_who_settled_it(bench: Bench) -> None:
    """And with nothing of what was said."""
    spool = Spool(bench.folder / "tickets")
    spool.add(ticket(0))
    tickets = Tickets(spool, bench.ledger.tickets, bench.clock, bench.keeper.trail)
    tickets.collect()
    tickets.settle(ticket(0).id, "answered", "the parcel is lost", "ann")
    (entry,) = bench.entries("ticket")
    assert (entry.actor, read(entry)) == ("ann", {"ticket": ticket(0).id, "state": "answered"})
