"""The control process, the database or the disk is away under traffic: requests go on, it is seen, and afterwards nothing is missing."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aiohttp
import pytest
from sqlalchemy import text

from tests.e2e_load.load import Steady
from tests.e2e_load.running import Serving, policy, serving, until, upstream
from tests.support.postgres import Postgres
from turnout.audit.checkpoint import public_text, signing_key
from turnout.build.chores import LEAD_EVERY, LEASE
from turnout.content.seal import new_key
from turnout.store.engine import make_engine
from turnout.store.ledger import Ledger
from turnout.store.rollups.cells import Cell
from turnout.store.rollups.sums import cells
from turnout.types.seconds import MINUTE

RATE = 80.0
RATED = 4
"""Every so many answers a user says what it was worth."""
ROOM = "320m"
"""Of a disk that can be filled: more than what is little (pages.state.DISK_LOW)."""
AWAY = 4.0
PATIENCE = 60.0
LED_WITHIN = LEASE + 2 * LEAD_EVERY
Trouble = Callable[[], Awaitable[None]]


class Traffic(Steady):
    """Requests and, of some answers, what their users thought."""

    def __init__(self, url: str) -> None:
        super().__init__(url, RATE)
        self.rated: set[str] = set()
        self.unheard = 0

    async def rate(self, url: str) -> None:
        async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=20)) as session:
            looked = 0
            while True:
                for seen in self.seen[looked::RATED]:
                    await self._one_opinion(session, {"request_id": seen.id, "kind": "thumb", "value": 1})
                looked = len(self.seen)
                await asyncio.sleep(0.1)

    async def _one_opinion(self, session: aiohttp.ClientSession, said: dict[str, Any]) -> None:
        """Sent again, as the answer says, where the disk did not take it."""
        while True:
            async with session.post("/v1/feedback", json=said) as answer:
                self.unheard += answer.status == 503
                if answer.status == 202:
                    self.rated.add(said["request_id"])
                    return
                assert answer.status == 503, await answer.text()
            await asyncio.sleep(0.5)


async def live(turnout: Serving, trouble: Trouble) -> Traffic:
    """Traffic before, during and after the trouble."""
    traffic = Traffic(turnout.url)
    tasks = [asyncio.create_task(traffic.run()), asyncio.create_task(traffic.rate(turnout.url))]
    await asyncio.sleep(1)
    await trouble()
    await asyncio.sleep(1)
    traffic.stop()
    await tasks[0]
    await asyncio.sleep(0.3)
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert tasks[1].cancelled(), tasks[1].exception()
    return traffic


def rules(port: int, folder: Path, store: str) -> dict[str, Any]:
    """All content is kept."""
    key = folder / "content.key"
    key.write_text(new_key())
    key.chmod(0o600)
    return policy(port) | {"store": {"url": store, "content": "full", "content_key": f"file:{key}"}}


def nothing_is_missing(turnout: Serving, store: str, traffic: Traffic, *others: Serving) -> None:
    """Every request was answered and is in the ledger once, with its content and verdict; sums are the rows'; the chain is whole."""
    assert {seen.status for seen in traffic.seen} == {200}
    ids = {seen.id for seen in traffic.seen}
    with reader(store) as ask:
        until(lambda: ids <= {row[0] for row in ask("select id from requests")}, "every request in the ledger", PATIENCE)
        until(lambda: len(ask("select 1 from contents")) >= len(ids), "all content in the ledger", PATIENCE)
        until(lambda: len(ask("select 1 from feedback")) >= len(traffic.rated), "all feedback in the ledger", PATIENCE)
        assert {row[0] for row in ask("select id from requests")} == ids
        assert ask("select request_id, count(*) from attempts group by request_id having count(*) <> 1") == []
        assert {row[0] for row in ask("select request_id from contents")} == ids
        assert {row[0] for row in ask("select id from requests where verdict_by = 'user'")} == traffic.rated
        assert ask("select * from refused") == []
        until(lambda: not ask("select 1 from rollups_due"), "all sums", PATIENCE)
        [row] = ask("select count(*), sum(cost_pico), sum(tokens_in), count(verdict) from requests")
    assert tuple(map(int, row)) == summed(store)
    until(lambda: alerts(turnout) == [], "all well on the page", PATIENCE)
    command = [
        sys.executable,
        "-m",
        "turnout",
        "audit",
        "verify",
        "--config",
        str(turnout.config),
        "--data-dir",
        str(turnout.data_dir),
    ]
    for one in (turnout, *others):
        command += ["--public-key", public_text(signing_key(one.data_dir))]
    verified = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr


@contextmanager
def reader(store: str) -> Iterator[Callable[[str], list[Any]]]:
    engine = make_engine(store)

    def ask(query: str) -> list[Any]:
        with engine.connect() as connection:
            return list(connection.execute(text(query)))

    try:
        yield ask
    finally:
        engine.dispose()


def summed(store: str) -> tuple[int, int, int, int]:
    """What the minutes' sums say of the same."""
    ledger = Ledger(store)
    try:
        now = int(time.time())
        total = cells(ledger.slices(now // MINUTE * MINUTE - 60 * MINUTE, now + MINUTE, MINUTE)).get((), Cell())
    finally:
        ledger.close()
    return total.requests, total.cost, total.tokens_in, total.graded


def alerts(turnout: Serving) -> list[str]:
    status, page = page_now(turnout)
    assert status == 200, page
    return [note["text"] for note in page["alerts"]]


def page_now(turnout: Serving) -> tuple[int, Any]:
    """Its status and what it says, also where it cannot be made."""
    token = (turnout.data_dir / "admin-token").read_text().strip()
    asked = Request(
        f"http://127.0.0.1:{turnout.control_port}/api/pages/now?window=1h", headers={"authorization": f"Bearer {token}"}
    )
    try:
        with urlopen(asked, timeout=20) as answer:
            return answer.status, json.load(answer)
    except HTTPError as refused:
        return refused.code, json.load(refused)


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.slow)])
async def test_the_control_process_is_killed_again_and_again(kills: int, tmp_path: Path) -> None:
    """kill -9 each time it has come back; a page that is asked for meanwhile waits for the next one."""
    store = f"sqlite:///{tmp_path / 'ledger.db'}"
    with upstream() as port, serving(tmp_path, rules(port, tmp_path, store)) as turnout:

        async def trouble() -> None:
            for _ in range(kills):
                [victim] = turnout.children("control")
                victim.kill()
                status, _ = await asyncio.to_thread(page_now, turnout)
                assert status == 200
                assert victim.pid not in [child.pid for child in turnout.children("control")]
                await asyncio.sleep(0.4)

        traffic = await live(turnout, trouble)
        await asyncio.to_thread(nothing_is_missing, turnout, store, traffic)
        assert turnout.said().count("turnout.build.control ended with -9; starting it again") == kills


@pytest.mark.slow
async def test_the_database_goes_away_and_comes_back(postgres: Postgres, tmp_path: Path) -> None:
    """Twice, as in a crash: pages say that the ledger does not answer, and are well by themselves when it does."""
    store = postgres.fresh()
    with upstream() as port, serving(tmp_path, rules(port, tmp_path, store)) as turnout:

        async def trouble() -> None:
            for _ in range(2):
                await asyncio.to_thread(postgres.stop)
                try:
                    await asyncio.sleep(AWAY)
                    status, said = await asyncio.to_thread(page_now, turnout)
                finally:
                    await asyncio.to_thread(postgres.start)
                assert (status, said["error"]["code"]) == (503, "overloaded")
                assert "the ledger does not answer" in said["error"]["message"]
                await asyncio.sleep(AWAY)

        traffic = await live(turnout, trouble)
        await asyncio.to_thread(nothing_is_missing, turnout, store, traffic)
        assert "journal not ingested, trying again" in turnout.said()
        assert "journal is ingested again" in turnout.said()
    postgres.drop(store)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own for the data directory. Skips where none can be mounted."""
    place = folder / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=700", "turnout-test", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no disk of our own can be mounted to be filled: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(ballast: Path) -> None:
    """To the last block."""
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


@pytest.mark.slow
async def test_the_disk_is_full_for_a_while(tmp_path: Path) -> None:
    """Neither journal, ledger, health nor the log has room: what waits is held in memory, a page tells it; all is recorded once there is room."""
    with upstream() as port, small_disk(tmp_path) as disk:
        store = f"sqlite:///{disk / 'data' / 'ledger.db'}"
        with serving(disk, rules(port, disk, store)) as turnout:
            ballast, seen = disk / "ballast", list[Any]()

            async def trouble() -> None:
                assert await asyncio.to_thread(alerts, turnout) == []
                for _ in range(int(AWAY / 0.5)):  # what is let go of meanwhile is taken at once
                    fill(ballast)
                    await asyncio.sleep(0.5)
                seen.append(await asyncio.to_thread(page_now, turnout))
                ballast.unlink()
                await asyncio.sleep(AWAY)

            traffic = await live(turnout, trouble)
            await asyncio.to_thread(nothing_is_missing, turnout, store, traffic)
            [(status, page)] = seen
            assert status == 503 or any(
                "The disk of the data directory has 0 MiB left" in note["text"] for note in page["alerts"]
            )


@pytest.mark.slow
async def test_two_on_one_database(postgres: Postgres, tmp_path: Path) -> None:
    """Each records its own requests; one of them sums; when that one is gone the other does, nothing is summed twice, and both number one policy alike."""
    store = postgres.fresh()
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    with upstream() as port, ExitStack() as stack:
        first, second = (stack.enter_context(serving(folder, rules(port, tmp_path, store))) for folder in folders)
        with reader(store) as ask:
            traffic = [Traffic(turnout.url) for turnout in (first, second)]
            running = [asyncio.create_task(one.run()) for one in traffic]
            await asyncio.sleep(3)
            assert [row[0].partition(":")[2] for row in ask("select holder from leases")] == [str(folders[0] / "data")]
            traffic[0].stop()
            await running[0]
            await asyncio.sleep(1)  # its journal is in the ledger
            first.kill_all()
            await asyncio.sleep(3)
            traffic[1].stop()
            await running[1]
            await asyncio.to_thread(
                until,
                lambda: ask("select holder from leases")[0][0].endswith(f":{folders[1] / 'data'}"),
                "the other leads",
                LED_WITHIN,
            )
            both = Traffic(second.url)
            both.seen = traffic[0].seen + traffic[1].seen
            await asyncio.to_thread(nothing_is_missing, second, store, both, first)
            policies = ask("select version, base from policies order by version")
            assert [version for version, _ in policies] == [1]
            assert {row[0] for row in ask("select policy from requests")} == {1}
    postgres.drop(store)
