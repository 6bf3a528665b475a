import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from tests.support.records import NOW
from tests.support.tickets import ticket
from turnout.clock import ManualClock
from turnout.control import tickets as module
from turnout.control.tickets import KEPT_S, RECHECK_S, Tickets, keep_collecting
from turnout.store.ledger import Ledger
from turnout.store.tickets import AlreadySettled, TicketStore
from turnout.tickets.spool import Spool
from turnout.types.tickets import TicketStatus

ANSWERED = TicketStatus("req-0", "human", NOW, "web", "answered", "yes", "ana", NOW + 60)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW + 60)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "tickets")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def store(ledger: Ledger) -> TicketStore:
    return ledger.tickets


@pytest.fixture
def tickets(spool: Spool, store: TicketStore, clock: ManualClock) -> Tickets:
    return Tickets(spool, store, clock)


def listed(store: TicketStore) -> list[tuple[str, str]]:
    return [(line.id, line.state) for line in store.list(100)]


def test_what_was_handed_over_comes_into_the_ledger_once(tickets: Tickets, spool: Spool, store: TicketStore):
    """However often it is collected, by this process or the next; its file stays for as long as it is open."""
    for n in range(45):
        spool.add(ticket(n))
    for _ in range(3):
        tickets.collect()
    Tickets(spool, store, ManualClock()).collect()

    assert len(store.list(100)) == len(spool.ids()) == 45
    assert store.find("req-7") == (ticket(7), TicketStatus("req-7", "human", NOW + 7, "web"))


def test_what_people_said_is_told_at_once(tickets: Tickets, spool: Spool, store: TicketStore):
    """In the ledger, then in the spool, where the caller looks."""
    spool.add(ticket())
    tickets.collect()

    assert tickets.settle("req-0", "answered", "yes", "ana") == ANSWERED
    assert spool.settlement("req-0") == store.statuses(["req-0"])["req-0"] == ANSWERED
    assert spool.ids() == frozenset()
    with pytest.raises(AlreadySettled):
        tickets.settle("req-0", "dismissed", "no", "ben")
    assert tickets.settle("req-9", "answered", "yes", "ana") is None
    assert spool.settlement("req-9") is None


def test_who_dies_before_the_answer_is_told_tells_it_after_the_restart(spool: Spool, store: TicketStore, clock: ManualClock):
    """The ledger has the answer, the spool does not: the ticket's file is what the next process finds it by."""
    spool.add(ticket())
    Tickets(spool, store, clock).collect()
    store.settle("req-0", "answered", "yes", "ana", NOW + 60)  # and there it died

    Tickets(spool, store, clock).collect()

    assert (spool.settlement("req-0"), spool.ids()) == (ANSWERED, frozenset())


def test_who_dies_before_the_file_is_gone_opens_nothing_again(spool: Spool, store: TicketStore, clock: ManualClock):
    """The answer was told and the ticket's file is still there: it goes, and the ticket stays answered."""
    spool.add(ticket())
    Tickets(spool, store, clock).collect()
    store.settle("req-0", "answered", "yes", "ana", NOW + 60)
    spool.settle(ANSWERED)
    spool.add(ticket())  # as if it had never gone

    Tickets(spool, store, clock).collect()

    assert (spool.status("req-0"), spool.ids(), listed(store)) == (ANSWERED, frozenset(), [("req-0", "answered")])


def test_a_ledger_that_is_lost_has_the_open_tickets_again(spool: Spool, store: TicketStore, clock: ManualClock, tmp_path: Path):
    """What is open is in the spool: a new ledger begins with it."""
    for n in range(2):
        spool.add(ticket(n))
    first = Tickets(spool, store, clock)
    first.collect()
    first.settle("req-0", "answered", "yes", "ana")
    new = Ledger(tmp_path / "new.db")

    Tickets(spool, new.tickets, clock).collect()

    assert listed(new.tickets) == [("req-1", "open")]
    new.close()


def test_an_answer_the_disk_does_not_take_is_told_later(
    tickets: Tickets, spool: Spool, clock: ManualClock, monkeypatch, caplog: pytest.LogCaptureFixture
):
    """It was noted: whoever gave it is done. Its caller gets it once the disk is well again."""
    spool.add(ticket())
    tickets.collect()
    with monkeypatch.context() as full:
        full.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        assert tickets.settle("req-0", "answered", "yes", "ana") == ANSWERED
    assert "its caller will be told later: disk full" in caplog.text
    assert spool.settlement("req-0") is None

    clock.advance(RECHECK_S)
    tickets.collect()

    assert spool.settlement("req-0") == ANSWERED


def test_an_answer_given_elsewhere_is_told_here(tickets: Tickets, spool: Spool, store: TicketStore, clock: ManualClock):
    """Another replica notes it in the ledger they share; the one whose caller waits tells it."""
    spool.add(ticket())
    tickets.collect()
    store.settle("req-0", "answered", "yes", "ana", NOW + 60)

    clock.advance(RECHECK_S)
    tickets.collect()

    assert spool.settlement("req-0") == ANSWERED


def test_a_file_that_is_no_ticket_is_set_aside_and_told(
    tickets: Tickets, spool: Spool, store: TicketStore, caplog: pytest.LogCaptureFixture
):
    """It stops no other, and a person finds it with what it holds."""
    for n in range(3):
        spool.add(ticket(n))
    (spool.open / "req-1.json").write_bytes(b'{"id": "req-1", "ki')

    tickets.collect()

    assert listed(store) == [("req-2", "open"), ("req-0", "open")]
    assert tickets.unreadable() == 1
    assert "set aside" in caplog.text
    assert "ticket req-1" in caplog.text


def test_a_file_that_cannot_be_read_stops_no_other(tickets: Tickets, spool: Spool, store: TicketStore):
    """It is told, and tried again at the next step."""
    for n in (0, 2):
        spool.add(ticket(n))
    (spool.open / "req-1.json").mkdir()

    for _ in range(2):
        with pytest.raises(IsADirectoryError):
            tickets.collect()
        assert listed(store) == [("req-2", "open"), ("req-0", "open")]
    (spool.open / "req-1.json").rmdir()
    spool.add(ticket(1))
    tickets.collect()

    assert len(store.list(100)) == 3


def test_a_ticket_settled_while_it_is_collected_is_no_error(tickets: Tickets, spool: Spool, monkeypatch):
    """Its file may be gone by the time it is to be read."""
    spool.add(ticket())
    monkeypatch.setattr(Spool, "ids", lambda _: frozenset({"req-0", "req-1"}))

    tickets.collect()

    assert listed(tickets.store) == [("req-0", "open")]


def test_a_ledger_that_is_away_loses_nothing(spool: Spool, ledger: Ledger, clock: ManualClock, monkeypatch):
    """Tickets wait in the spool, and come in when it is back."""
    tickets = Tickets(spool, ledger.tickets, clock)
    spool.add(ticket())
    with monkeypatch.context() as away:
        away.setattr(TicketStore, "take_in", lambda *_: (_ for _ in ()).throw(OperationalError("", {}, Exception("locked"))))
        with pytest.raises(SQLAlchemyError):
            tickets.collect()

    tickets.collect()

    assert listed(ledger.tickets) == [("req-0", "open")]


def test_what_was_settled_long_ago_is_forgotten(tickets: Tickets, spool: Spool, store: TicketStore, clock: ManualClock):
    """From the ledger; open tickets stay. (What the spool forgets goes by the age of its files: see the spool's tests.)"""
    for n in range(2):
        spool.add(ticket(n))
    tickets.collect()
    tickets.settle("req-0", "answered", "yes", "ana")

    clock.advance(KEPT_S)
    tickets.clean()
    assert len(listed(store)) == 2
    clock.advance(1)
    tickets.clean()

    assert listed(store) == [("req-1", "open")]
    assert spool.ids() == {"req-1"}


async def test_a_disk_or_ledger_that_is_away_is_told_once_and_waited_for(
    tickets: Tickets, monkeypatch, caplog: pytest.LogCaptureFixture
):
    """Not at every step, and its end is told too."""
    monkeypatch.setattr(module, "PACE_S", 0)
    monkeypatch.setattr(module, "PACE_AFTER_ERROR_S", 0)
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    steps = iter([OSError("disk gone")] * 3 + [None] * 3)

    def collect() -> None:
        step = next(steps, StopIteration)
        if step is StopIteration:
            loop.call_soon_threadsafe(done.set)
        elif isinstance(step, OSError):
            raise step

    monkeypatch.setattr(tickets, "collect", collect)
    with caplog.at_level(logging.WARNING):
        keeping = asyncio.create_task(keep_collecting(tickets))
        await asyncio.wait_for(done.wait(), 5)
        keeping.cancel()

    assert [record.message for record in caplog.records] == [
        "tickets are not collected, trying again: disk gone",
        "tickets are collected again",
    ]
