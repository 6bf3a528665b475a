"""kill -9 under load: of a worker, then of the control process."""

import asyncio
import re
import sqlite3
import time
from urllib.request import urlopen

import msgspec
import pytest

from tests.e2e_load.load import Seen, Steady
from tests.e2e_load.running import Serving, policy, serving, until, upstream

RATE = 150.0
PROMISED = 0.25
"""Seconds after which an answered request's record survives a kill (PRODUCT B1)."""

TEARDOWN = 0.2
"""Seconds until the kernel has closed the sockets of a killed process."""


class Crash(msgspec.Struct, frozen=True):
    at: float
    pid: int


@pytest.mark.slow  # test_ledger_away has a kill in the default run
async def test_what_was_answered_is_in_the_ledger_once(tmp_path):
    """Of two workers one is killed, then the control process, then the other worker: nothing older than promised is lost or doubled,
    only requests in the dead worker's hands fail, and everything is back by itself."""
    with upstream() as port, serving(tmp_path, policy(port), workers=2) as turnout:
        steady = Steady(turnout.url, RATE)
        running = asyncio.create_task(steady.run())
        workers = []
        for title in ("gateway 1", "control", "gateway 2"):
            await asyncio.sleep(1.5)
            crash = kill(turnout, title)
            if title != "control":
                workers.append(crash)
            await asyncio.to_thread(
                until, lambda title=title, crash=crash: restarted(turnout, title, crash.pid), f"{title} is back"
            )
        await asyncio.sleep(1.5)
        steady.stop()
        await running
        # What the last kill may have cost is known; all else arrives.
        promised = [seen for seen in steady.seen if seen.status and not any(lost_with(seen, crash) for crash in workers)]
        answered = {seen.id for seen in promised}
        await asyncio.to_thread(
            until, lambda: answered <= attempts_by_request(turnout).keys(), "all that was promised in the ledger"
        )
        attempts = attempts_by_request(turnout)
        said = turnout.said()

    assert len(steady.seen) > 5 * RATE * 0.8
    assert {seen.status for seen in steady.seen} <= {0, 200}
    assert {attempts[seen.id] for seen in promised} == {1}
    broken = [seen for seen in steady.seen if seen.status == 0]
    assert len(broken) < 64  # connections a client holds to one worker
    for seen in broken:
        assert any(seen.began <= crash.at + TEARDOWN and crash.at <= seen.ended + TEARDOWN for crash in workers), seen
    assert said.count("starting it again") == 3


def kill(turnout: Serving, title: str) -> Crash:
    [victim] = turnout.children(title)
    victim.kill()
    return Crash(time.time(), victim.pid)


def restarted(turnout: Serving, title: str, old: int) -> bool:
    return [child.pid for child in turnout.children(title)] not in ([], [old])


def lost_with(seen: Seen, crash: Crash) -> bool:
    """Whether its record may have died with a worker."""
    return seen.ended > crash.at - PROMISED and seen.began <= crash.at


def attempts_by_request(turnout: Serving) -> dict[str, int]:
    """How many attempts the ledger has of each request."""
    with sqlite3.connect(turnout.data_dir / "ledger.db") as ledger:
        return dict(ledger.execute("select id, (select count(*) from attempts where request_id = id) from requests"))


async def test_counters_survive_a_worker(tmp_path):
    """What a scrape has shown never goes back when a worker is killed, and goes on from there when it is restarted."""
    with upstream() as port, serving(tmp_path, policy(port)) as turnout:
        steady = Steady(turnout.url, RATE)
        running = asyncio.create_task(steady.run())
        shown: list[float] = []
        for _ in range(3):
            await asyncio.sleep(0.5)
            shown.append(await asyncio.to_thread(requests_counted, turnout))
        [gateway] = turnout.children("gateway")
        gateway.kill()
        await asyncio.to_thread(until, lambda: restarted(turnout, "gateway", gateway.pid), "the worker is back")
        await asyncio.to_thread(turnout.until_ready)
        for _ in range(2):
            shown.append(await asyncio.to_thread(requests_counted, turnout))
            await asyncio.sleep(0.5)
        steady.stop()
        await running

    assert shown == sorted(shown)
    assert shown[2] > 0
    assert shown[-1] > shown[2]


def requests_counted(turnout: Serving) -> float:
    with urlopen(turnout.url + "/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return sum(float(value) for value in re.findall(r"^turnout_requests_total\{.*\} (\S+)$", text, re.MULTILINE))


def test_a_damaged_view_does_not_stop_the_program(tmp_path):
    """With the current view's files spoilt the next start writes them anew: it is the same policy, under its number."""
    with upstream() as port:
        with serving(tmp_path, policy(port)) as turnout:
            views = turnout.data_dir / "views"
        for file in views.glob("*.json"):
            file.write_bytes(file.read_bytes()[:20])
        with serving(tmp_path, policy(port)) as turnout, urlopen(turnout.url + "/health/ready", timeout=5) as answer:
            ready = msgspec.json.decode(answer.read())

    assert ready["policy"] == 1


def test_processes_are_named_and_no_more_than_needed(tmp_path):
    """One supervisor, one control process and as many gateways as asked for, by their names."""
    with upstream() as port, serving(tmp_path, policy(port), workers=2) as turnout:
        names = sorted(process.cmdline()[0] for process in turnout.everyone())

    assert names == ["turnout: control", "turnout: gateway 1", "turnout: gateway 2", "turnout: serve"]
