"""Tickets while processes are killed: real processes, a real disk, SIGKILL."""

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.support.records import NOW
from tests.support.tickets import ticket
from turnout.clock import ManualClock, SystemClock
from turnout.control.tickets import Tickets, keep_collecting
from turnout.store.ledger import Ledger
from turnout.tickets.desk import Desk
from turnout.tickets.spool import Spool

WORKER = """
import asyncio, sys
from pathlib import Path
from tests.support.tickets import ticket
from turnout.clock import SystemClock
from turnout.tickets.desk import Desk

async def main():
    desk = Desk(Path(sys.argv[1]) / "tickets", SystemClock())
    first = int(sys.argv[2])
    async def one(n):
        await desk.hand_over(ticket(n))
        print(f"req-{n}", flush=True)
    for n in range(first, first + 100_000, 8):
        await asyncio.gather(*map(one, range(n, n + 8)))

asyncio.run(main())
"""
"""Says the id of each ticket once it is handed over."""

CONTROL = """
import sys
from pathlib import Path
from turnout.clock import SystemClock
from turnout.control.tickets import Tickets
from turnout.store.ledger import Ledger
from turnout.store.tickets import TicketFilters
from turnout.tickets.spool import Spool

data, life = Path(sys.argv[1]), sys.argv[2]
ledger = Ledger(data / "ledger.db")
tickets = Tickets(Spool(data / "tickets"), ledger.tickets, SystemClock())
while True:
    tickets.collect()
    for line in ledger.tickets.list(10, TicketFilters(state="open")):
        tickets.settle(line.id, "answered", f"{line.id} in life {life}", "ana")
        print(line.id, flush=True)
"""
"""Answers all there is; says the id of each ticket once its answer was taken."""


def said_before_killed(program: str, lines: int, *args: object) -> list[str]:
    """What a process said in its life, which ends by SIGKILL once it has said so many lines."""
    life = subprocess.Popen([sys.executable, "-c", program, *map(str, args)], stdout=subprocess.PIPE, text=True)
    assert life.stdout is not None
    with life:
        said = [life.stdout.readline().strip() for _ in range(lines)]
        life.kill()
        said += life.stdout.read().split()  # what it could still say before it died counts
    assert said[0], "it died by itself"
    return said


def test_what_was_handed_over_survives_its_worker(tmp_path: Path):
    """Every ticket that was said to be handed over reaches people whole, whenever the worker is killed; nothing else is torn."""
    handed_over = [said for life in range(3) for said in said_before_killed(WORKER, 5 + 6 * life, tmp_path, 200_000 * life)]
    ledger = Ledger(tmp_path / "ledger.db")
    tickets = Tickets(Spool(tmp_path / "tickets"), ledger.tickets, ManualClock())

    tickets.collect()

    assert len(handed_over) >= 33
    assert tickets.unreadable() == 0
    for ticket_id in handed_over:
        found = ledger.tickets.find(ticket_id)
        assert found is not None
        assert found[0] == ticket(int(ticket_id.removeprefix("req-")))
    ledger.close()


def test_what_people_said_survives_the_control_process(tmp_path: Path):
    """Whenever it is killed, each answer it took is told, once and unchanged, and no ticket is lost or answered twice."""
    spool = Spool(tmp_path / "tickets")
    every = {f"req-{n}" for n in range(60)}
    for n in range(60):
        spool.add(ticket(n))

    said = {ticket_id: life for life in range(4) for ticket_id in said_before_killed(CONTROL, 1 + 4 * life, tmp_path, life)}
    ledger = Ledger(tmp_path / "ledger.db")
    Tickets(spool, ledger.tickets, ManualClock()).collect()

    statuses = ledger.tickets.statuses(every)
    assert statuses.keys() == every
    for ticket_id, status in statuses.items():
        assert spool.status(ticket_id) == status
        if ticket_id in said:
            assert status.text == f"{ticket_id} in life {said[ticket_id]}"
    assert {ticket_id for ticket_id, one in statuses.items() if one.state == "open"} == spool.ids()
    ledger.close()


async def test_a_caller_waits_through_the_absence_of_the_control_process(tmp_path: Path):
    """Nobody is there to take the ticket at first; whoever takes and answers it and dies at once has answered the caller."""
    desk = Desk(tmp_path / "tickets", SystemClock())
    await desk.hand_over(ticket())
    waiting = asyncio.create_task(desk.wait("req-0", 30))

    await asyncio.to_thread(said_before_killed, CONTROL, 1, tmp_path, 0)

    status = await waiting
    assert status is not None
    assert (status.text, status.tenant, status.at) == ("req-0 in life 0", "web", NOW)


async def test_an_answer_reaches_its_caller(tmp_path: Path):
    """Both processes' parts together, at the pace that is shipped."""
    ledger = Ledger(tmp_path / "ledger.db")
    tickets = Tickets(Spool(tmp_path / "tickets"), ledger.tickets, SystemClock())
    desk = Desk(tmp_path / "tickets", SystemClock())
    collecting = asyncio.create_task(keep_collecting(tickets))
    await desk.hand_over(ticket())
    waiting = asyncio.create_task(desk.wait("req-0", 30))
    for _ in range(1000):
        if tickets.settle("req-0", "answered", "yes", "ana") is not None:
            break
        await asyncio.sleep(0.01)

    status = await waiting

    assert status is not None
    assert status.text == "yes"
    collecting.cancel()
    ledger.close()
