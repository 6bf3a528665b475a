"""Tickets with ``turnout serve``: the control process that is shipped, killed while a caller waits."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.e2e_load.running import Serving, policy, serving, until
from tests.support.tickets import ticket
from turnout.clock import SystemClock
from turnout.tickets.desk import Desk


def ask_control(turnout: Serving, path: str, body: dict[str, str] | None = None) -> Any:
    headers = {
        "authorization": f"Bearer {(turnout.data_dir / 'admin-token').read_text().strip()}",
        "content-type": "application/json",
    }
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"http://127.0.0.1:{turnout.control_port}{path}", data, headers), timeout=10) as answer:
        return json.load(answer)


def kill_control(turnout: Serving) -> None:
    """SIGKILL; returns when the supervisor has begun another."""
    (control,) = turnout.children("control")
    control.kill()
    until(lambda: any(child.pid != control.pid for child in turnout.children("control")), "another control process")
    turnout.until_ready()


def listed(turnout: Serving) -> list[str]:
    return [one["id"] for one in ask_control(turnout, "/api/tickets?state=open")["tickets"]]


async def test_a_person_answers_a_waiting_caller_whoever_was_killed(tmp_path: Path):
    """The queue survives kill -9: before the ticket was seen, after it was, and after it was answered."""
    with serving(tmp_path, policy(9)) as turnout:
        desk = Desk(turnout.data_dir / "tickets", SystemClock())
        await desk.hand_over(ticket(0))
        await asyncio.to_thread(kill_control, turnout)
        await asyncio.to_thread(until, lambda: listed(turnout) == ["req-0"], "the ticket is listed")
        await desk.hand_over(ticket(1))
        await asyncio.to_thread(until, lambda: listed(turnout) == ["req-1", "req-0"], "both are listed")
        await asyncio.to_thread(kill_control, turnout)
        waiting = asyncio.create_task(desk.wait("req-0", 60))

        said = await asyncio.to_thread(ask_control, turnout, "/api/tickets/req-0/answer", {"text": "At the door.", "by": "ana"})
        standing = await asyncio.wait_for(waiting, 5)
        await asyncio.to_thread(kill_control, turnout)

        assert standing is not None
        assert (standing.text, standing.settled_at) == ("At the door.", said["settled_at"])
        assert await asyncio.to_thread(listed, turnout) == ["req-1"]
        shown = await asyncio.to_thread(ask_control, turnout, "/api/tickets/req-0")
        assert (shown["state"], shown["by"], shown["messages"][1]["text"]) == ("answered", "ana", "Where is my parcel?")
        assert "chore broke" not in turnout.said()
