import asyncio
import os
from pathlib import Path

import pytest

from tests.support.records import NOW
from tests.support.tickets import ticket
from turnout.clock import ManualClock
from turnout.tickets import waiting
from turnout.tickets.desk import Desk, NoRoom
from turnout.tickets.spool import Spool
from turnout.types.tickets import TicketStatus

SOON = 5.0
"""Seconds that a test waits for what must come; none takes them."""
LONG = 3600.0
"""Seconds that callers wait: whoever is not told in time fails its test, and is not saved by the look at its end."""


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_EVERY", 0.005)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def desk(tmp_path: Path, clock: ManualClock) -> Desk:
    return Desk(tmp_path / "tickets", clock)


@pytest.fixture
def people(tmp_path: Path) -> Spool:
    """The same directory, as the control process has it."""
    return Spool(tmp_path / "tickets")


def answered(n: int = 0) -> TicketStatus:
    return TicketStatus(f"req-{n}", "human", NOW + n, "web", "answered", f"answer {n}", "ana", NOW + 60)


async def test_what_was_handed_over_is_on_disk(desk: Desk, people: Spool):
    """Nothing but the directory is needed, and nothing more is to come."""
    await desk.hand_over(ticket())

    assert people.ticket("req-0") == ticket()
    assert (desk.handed_over, desk.refused) == (1, 0)


async def test_handing_over_what_is_too_large_leaves_it_out(desk: Desk, people: Spool):
    """A person gets the text and is told."""
    await desk.hand_over(ticket(body=b"x" * 2_000_000))

    kept = people.ticket("req-0")
    assert kept is not None
    assert (kept.body, len(kept.left_out)) == (None, 1)


async def test_the_waiting_caller_gets_the_answer(desk: Desk, people: Spool):
    """As soon as it is there, each its own; who is not answered waits on."""
    for n in range(3):
        await desk.hand_over(ticket(n))
    waits = [asyncio.create_task(desk.wait(f"req-{n}", LONG)) for n in range(3)]
    await asyncio.sleep(0)
    assert desk.waiting == 3

    for n in (1, 0):
        people.settle(answered(n))
        assert await asyncio.wait_for(waits[n], SOON) == answered(n)

    assert not waits[2].done()
    waits[2].cancel()


async def test_an_answer_from_before_the_wait_is_found(desk: Desk, people: Spool, monkeypatch):
    """People may be quicker than the caller's decision to wait, and no look that is still to come may find it."""
    monkeypatch.setattr(waiting, "LOOK_EVERY", LONG)
    people.settle(answered(0))
    other = asyncio.create_task(desk.wait("req-5", LONG))
    for _ in range(3):
        await asyncio.sleep(0)  # the one look that others bring about begins

    assert await asyncio.wait_for(desk.wait("req-0", LONG), SOON) == answered(0)
    assert await desk.wait("req-0", 0) == answered(0)
    other.cancel()


async def test_two_settled_within_one_tick_of_the_disk_are_both_told(desk: Desk, people: Spool):
    """A second change may bear the first one's time: it is found by the look after."""
    waits = [asyncio.create_task(desk.wait(f"req-{n}", LONG)) for n in range(2)]
    people.settle(answered(0))
    await asyncio.wait_for(waits[0], SOON)
    mark = people.settled.stat()
    people.settle(answered(1))
    os.utime(people.settled, ns=(mark.st_atime_ns, mark.st_mtime_ns))

    assert await asyncio.wait_for(waits[1], SOON) == answered(1)


async def test_the_limit_of_a_wait_is_kept(desk: Desk):
    """Nobody said anything in time: None, and the ticket stays where it is."""
    await desk.hand_over(ticket())

    assert await desk.wait("req-0", 0.01) is None
    assert desk.waiting == 0
    status = await desk.status("req-0", "web")
    assert status is not None
    assert status.state == "open"


async def test_what_was_said_in_the_last_moment_counts(desk: Desk, people: Spool, monkeypatch):
    """Whose time is over looks once more: between the last look and the end somebody may have answered."""
    monkeypatch.setattr(waiting, "LOOK_EVERY", LONG)
    looks = iter([None])  # the look at the beginning
    monkeypatch.setattr(desk._waiting._spool, "settlement", lambda ticket_id: next(looks, people.settlement(ticket_id)))
    wait = asyncio.create_task(desk.wait("req-0", 0.01))
    for _ in range(3):
        await asyncio.sleep(0)
    people.settle(answered())

    assert await asyncio.wait_for(wait, SOON) == answered()


async def test_who_leaves_while_waiting_leaves_the_ticket(desk: Desk, people: Spool):
    """A caller's cancelled wait holds nothing, and others of the same ticket wait on."""
    await desk.hand_over(ticket())
    leaving, staying = (asyncio.create_task(desk.wait("req-0", LONG)) for _ in range(2))
    await asyncio.sleep(0)
    assert desk.waiting == 2
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving

    people.settle(answered())
    assert await asyncio.wait_for(staying, SOON) == answered()
    assert desk.waiting == 0


async def test_nothing_runs_while_nobody_waits(desk: Desk, people: Spool):
    """The looks end with the last one who waits, and begin again with the next."""
    for n in range(2):
        wait = asyncio.create_task(desk.wait(f"req-{n}", LONG))
        people.settle(answered(n))
        await asyncio.wait_for(wait, SOON)
        looking = desk._waiting._looking
        assert looking is not None
        await asyncio.wait_for(looking, SOON)


async def test_a_disk_that_stumbles_ends_no_wait(desk: Desk, people: Spool, monkeypatch):
    """A look that fails is taken again."""
    wait = asyncio.create_task(desk.wait("req-0", LONG))
    await asyncio.sleep(0)
    assert desk.waiting == 1
    look, stumbles = desk._waiting._settled, iter([OSError("io error")] * 3)

    def stumble(ids: tuple[str, ...]) -> list[TicketStatus]:
        for error in stumbles:
            raise error
        return look(ids)

    monkeypatch.setattr(desk._waiting, "_settled", stumble)
    people.settle(answered())

    assert await asyncio.wait_for(wait, SOON) == answered()


async def test_who_finds_no_room_to_wait_is_not_kept(tmp_path: Path, clock: ManualClock):
    """Callers that wait are bounded: the next gets its ticket's id at once."""
    desk = Desk(tmp_path / "tickets", clock, most_waiting=1)
    first = asyncio.create_task(desk.wait("req-0", LONG))
    await asyncio.sleep(0)
    assert desk.waiting == 1

    assert await asyncio.wait_for(desk.wait("req-1", 3600), SOON) is None
    first.cancel()


async def test_open_tickets_are_bounded(tmp_path: Path, clock: ManualClock, people: Spool):
    """Beyond the limit handing over fails in words and is counted, until people have settled some."""
    desk, other = (Desk(tmp_path / "tickets", clock, most_open=3) for _ in range(2))
    await other.hand_over(ticket(0))
    for n in (1, 2):
        await desk.hand_over(ticket(n))

    with pytest.raises(NoRoom, match="3 tickets wait for people already, and 3 are the most"):
        await desk.hand_over(ticket(3))
    assert (desk.handed_over, desk.refused, people.ids()) == (2, 1, {"req-0", "req-1", "req-2"})

    people.settle(answered(0))
    clock.advance(1.0)
    await desk.hand_over(ticket(4))
    assert people.ids() == {"req-1", "req-2", "req-4"}


async def test_a_disk_that_refuses_is_told_and_counted(tmp_path: Path, clock: ManualClock):
    """The caller must hear that nobody has its request."""
    (tmp_path / "tickets").write_text("a file where the directory should be")
    desk = Desk(tmp_path / "tickets", clock)

    with pytest.raises(OSError, match="directory"):
        await desk.hand_over(ticket())

    assert (desk.handed_over, desk.refused) == (0, 1)


async def test_a_ticket_is_its_tenants_alone(desk: Desk, people: Spool):
    """Open, answered or never made: to another key, or to none, it does not exist."""
    await desk.hand_over(ticket(0))
    await desk.hand_over(ticket(1, tenant=None))
    for _ in ("open", "answered"):
        for stranger in ("mobile", None, ""):
            assert await desk.status("req-0", stranger) is None
        assert await desk.status("req-1", "web") is None
        assert await desk.status("req-0", "web") is not None
        assert await desk.status("req-1", None) is not None
        people.settle(answered(0))


@pytest.mark.parametrize("name", ["req-404", "../open/req-0", "", "\0", "a" * 5000])
async def test_any_text_may_be_asked_for(desk: Desk, name: str):
    """What is no ticket's id is no ticket's, and no error."""
    await desk.hand_over(ticket())

    assert await desk.status(name, "web") is None


async def test_a_torn_file_is_no_ticket(desk: Desk, people: Spool):
    """Its caller hears that there is none, not an error of ours."""
    await desk.hand_over(ticket())
    (people.open / "req-0.json").write_bytes(b'{"id": "req')

    assert await desk.status("req-0", "web") is None
