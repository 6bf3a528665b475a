import os
import shutil
from pathlib import Path

import pytest

from tests.support.tickets import ticket
from turnout.tickets import spool as module
from turnout.tickets.spool import NotATicket, Spool
from turnout.types.tickets import Ticket, TicketStatus

ANSWERED = TicketStatus("req-0", "human", ticket().at, "web", "answered", "It is at the door.", "ana", ticket().at + 60)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "data" / "tickets")


def test_a_ticket_comes_back_as_it_was(spool: Spool):
    """Body and all, through the disk; and it is open."""
    spool.add(ticket())

    assert spool.ids() == {"req-0"}
    assert spool.ticket("req-0") == ticket()
    assert spool.status("req-0") == TicketStatus("req-0", "human", ticket().at, "web")


def test_before_the_first_ticket_there_is_nothing(spool: Spool):
    """Reading needs no directory, and makes none."""
    assert (spool.ids(), spool.ticket("req-0"), spool.status("req-0"), spool.unreadable()) == (frozenset(), None, None, 0)
    spool.clean(1e12)
    assert not spool.open.parent.exists()


def test_a_settled_ticket_is_open_no_more(spool: Spool):
    """Its answer is there, its content gone from the spool; settling once more changes nothing."""
    spool.add(ticket())
    for _ in range(2):
        spool.settle(ANSWERED)

        assert spool.ids() == frozenset()
        assert spool.status("req-0") == spool.settlement("req-0") == ANSWERED


def test_whoever_dies_between_answer_and_clearing_leaves_the_answer(spool: Spool, monkeypatch):
    """The answer holds from its first moment; the ticket's file says that the step is to be done again."""
    spool.add(ticket())
    with monkeypatch.context() as dying:
        dying.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            spool.settle(ANSWERED)

    assert spool.status("req-0") == ANSWERED
    assert spool.ids() == {"req-0"}
    spool.settle(ANSWERED)
    assert spool.ids() == frozenset()


def test_a_ticket_settled_between_two_looks_is_found(spool: Spool, monkeypatch):
    """Whatever moment is asked in, a ticket that exists is never said not to."""
    spool.add(ticket())
    look = Spool.settlement

    def settled_after_the_first_look(self: Spool, ticket_id: str) -> TicketStatus | None:
        monkeypatch.setattr(Spool, "settlement", look)
        found = look(self, ticket_id)
        self.settle(ANSWERED)
        return found

    monkeypatch.setattr(Spool, "settlement", settled_after_the_first_look)

    assert spool.status("req-0") == ANSWERED


def test_a_ticket_is_synced_before_it_counts(spool: Spool, monkeypatch):
    """The content before it has its name, the name before anybody is told: else a power cut leaves an empty ticket, or none."""
    spool.add(ticket(1))
    synced = []

    def sync(fd: int) -> None:
        synced.append((os.fstat(fd).st_ino, (spool.open / "req-0.json").exists()))

    monkeypatch.setattr(os, "fsync", sync)
    spool.add(ticket())

    assert synced == [((spool.open / "req-0.json").stat().st_ino, False), (spool.open.stat().st_ino, True)]


def test_the_first_tickets_directories_are_synced_too(spool: Spool, monkeypatch):
    """A ticket in a directory that a power cut takes away is lost like any other."""
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_ino))
    spool.add(ticket())

    made = spool.open.parent
    assert {made.stat().st_ino, made.parent.stat().st_ino} <= set(synced)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_no_ticket(spool: Spool, monkeypatch, step: str):
    """Who is told that it failed must not be answered by people all the same; nothing half written stays either."""
    spool.add(ticket(1))

    def refuse(*_, **__):
        raise OSError("disk full")

    with monkeypatch.context() as full:
        full.setattr(os if step == "fsync" else Path, step, refuse)
        with pytest.raises(OSError, match="disk full"):
            spool.add(ticket())

    assert spool.ids() == {"req-1"}
    assert [path.name for path in spool.open.iterdir()] == ["req-1.json"]


def test_a_name_that_may_be_lost_is_no_ticket(spool: Spool, monkeypatch):
    """When the directory cannot be synced, the file may be gone after a power cut: it is taken back."""
    spool.add(ticket(1))
    monkeypatch.setattr(module, "_sync_directory", lambda _: (_ for _ in ()).throw(OSError("io error")))

    with pytest.raises(OSError, match="io error"):
        spool.add(ticket())

    assert spool.ids() == {"req-1"}


def test_what_is_on_disk_is_its_owners(spool: Spool):
    """Conversations are nobody else's to read, whatever the umask."""
    before = os.umask(0)
    try:
        spool.add(ticket())
    finally:
        os.umask(before)

    assert (spool.open / "req-0.json").stat().st_mode & 0o777 == 0o600
    assert spool.open.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"", b"{", b'{"id": "req-0"}', b"\xff\xfe", b"[]"])
def test_what_is_no_ticket_is_said_to_be_none(spool: Spool, content: bytes):
    """It can be set aside with all it holds, and is in nobody's way then."""
    spool.add(ticket())
    (spool.open / "req-0.json").write_bytes(content)

    with pytest.raises(NotATicket, match="req-0"):
        spool.ticket("req-0")
    spool.set_aside("req-0")

    assert (spool.ids(), spool.unreadable()) == (frozenset(), 1)
    assert (spool.open.parent / "unreadable" / "req-0.json").read_bytes() == content


def test_a_ticket_under_anothers_name_is_none(spool: Spool):
    """A copied file must not be answered for the request it is named by."""
    spool.add(ticket())
    shutil.copy(spool.open / "req-0.json", spool.open / "req-9.json")

    with pytest.raises(NotATicket, match="says that it is req-0"):
        spool.ticket("req-9")


@pytest.mark.parametrize("name", ["", "..", "../settled/req-0", "a/b", "a b", "a" * 101, "req-0\n", "é"])
def test_no_id_leads_out_of_the_directory(spool: Spool, name: str):
    """An id becomes part of a path."""
    with pytest.raises(ValueError, match="no ticket's id"):
        spool.add(ticket(id=name))
    with pytest.raises(ValueError, match="no ticket's id"):
        spool.status(name)


def test_only_tickets_are_tickets(spool: Spool):
    """Half-written files and whatever else lies about are not listed."""
    spool.add(ticket())
    for name in ("req-1.json.12-3.tmp", "a b.json", "notes.txt"):
        (spool.open / name).write_text("{}")

    assert spool.ids() == {"req-0"}


def test_cleaning_takes_what_is_old_and_no_open_ticket(spool: Spool):
    """Settlements past their time and half-written files of the dead go; a ticket stays until somebody settles it."""
    for n in range(3):
        spool.add(ticket(n))
    spool.settle(ANSWERED)
    spool.settle(TicketStatus("req-1", "human", 0.0, "web", "dismissed", "spam", "ana", 1.0))
    torn = spool.open / "req-7.json.12-3.tmp"
    torn.write_text("{")
    for path in (spool.settled / "req-0.json", spool.open / "req-2.json", torn):
        os.utime(path, (1000, 1000))

    spool.clean(before=2000)

    assert [path.name for path in spool.settled.iterdir()] == ["req-1.json"]
    assert [path.name for path in spool.open.iterdir()] == ["req-2.json"]


def test_a_newer_versions_ticket_can_be_read(spool: Spool):
    """Fields that are not known yet are passed over: an upgrade may go back."""
    spool.add(ticket())
    path = spool.open / "req-0.json"
    path.write_bytes(path.read_bytes()[:-1] + b',"colour":"red"}')

    assert isinstance(spool.ticket("req-0"), Ticket)
