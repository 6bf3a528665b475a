"""How the processes end: drained, hurried, bereaved."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import aiohttp
import pytest
from bench import free_port
from bench.streams import deaf_client

from tests.e2e_load.load import CHAT, once
from tests.e2e_load.running import Serving, alive, ask, policy, serving, until, upstream
from turnout.build.process import DRAIN_WITHIN

DRAINED_WITHIN = 10.0
EVENTS = 60


async def streamed(turnout: Serving, after_first: asyncio.Event) -> bytes:
    """A whole stream; ``after_first`` is set once its first content is here."""
    async with aiohttp.ClientSession() as session, session.post(turnout.url + CHAT, json=ask(stream=True)) as answer:
        assert answer.status == 200
        body = b""
        async for piece in answer.content.iter_any():
            body += piece
            after_first.set()
    return body


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except ConnectionRefusedError:
        return True
    except TimeoutError:  # its first packet came while the door was being shut, and was dropped: neither let in nor refused
        return False
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
async def test_streams_under_way_end_and_nobody_new_is_let_in(number, tmp_path):
    """A drain refuses new connections at once, lets each stream come to its end, records it, and leaves nothing behind."""
    with upstream(events=EVENTS, pace=0.03) as port, serving(tmp_path, policy(port), workers=2) as turnout:
        pids = [process.pid for process in turnout.everyone()]
        flowing = [asyncio.Event() for _ in range(8)]
        streams = [asyncio.create_task(streamed(turnout, first)) for first in flowing]
        await asyncio.gather(*(first.wait() for first in flowing))
        turnout.process.send_signal(number)
        told = time.monotonic()
        await asyncio.to_thread(until, lambda: refuses(turnout.port), "new connections are refused", 1.0)
        refused = [stream for stream in streams if not stream.done()]
        bodies = await asyncio.gather(*streams)
        code = await asyncio.to_thread(turnout.process.wait, DRAINED_WITHIN)
        took = time.monotonic() - told

    assert refused  # they were still flowing when the door was shut
    assert all(body.count(b" word") == EVENTS and body.endswith(b"data: [DONE]\n\n") for body in bodies)
    assert code == 0
    assert took < DRAINED_WITHIN
    assert alive(pids) == []
    assert turnout.said() == ""
    ledger = sqlite3.connect(turnout.data_dir / "ledger.db")
    assert ledger.execute("select outcome, count(*) from requests group by 1").fetchall() == [("ok", len(streams))]
    assert list((turnout.data_dir / "journal").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
async def test_a_second_signal_hurries(number, tmp_path):
    """Who asks twice waits no longer: streams are cut with an error event, recorded as such, and the exit is still a good one."""
    with upstream(events=10_000, pace=0.03) as port, serving(tmp_path, policy(port)) as turnout:
        pids = [process.pid for process in turnout.everyone()]
        flowing = asyncio.Event()
        stream = asyncio.create_task(streamed(turnout, flowing))
        await flowing.wait()
        turnout.process.send_signal(number)
        await asyncio.to_thread(until, lambda: refuses(turnout.port), "new connections are refused", 1.0)
        still_flowing = not stream.done()
        turnout.process.send_signal(number)
        told = time.monotonic()
        code = await asyncio.to_thread(turnout.process.wait, DRAINED_WITHIN)
        took = time.monotonic() - told
        [ended] = await asyncio.gather(stream, return_exceptions=True)

    assert still_flowing
    assert code == 0
    assert took < 5
    assert alive(pids) == []
    assert isinstance(ended, (bytes, aiohttp.ClientError))
    ledger = sqlite3.connect(turnout.data_dir / "ledger.db")
    [(outcome,)] = ledger.execute("select outcome from requests").fetchall()
    assert outcome != "ok"
    assert "Traceback" not in turnout.said()


@pytest.mark.slow
async def test_a_drain_does_not_wait_for_ever(tmp_path):
    """Past its time a drain cuts what does not end, even a client that takes nothing, and the exit is still a good one."""
    with upstream(events=10_000, pace=0.03) as port, serving(tmp_path, policy(port)) as turnout, deaf_client(turnout.port):
        pids = [process.pid for process in turnout.everyone()]
        flowing = asyncio.Event()
        stream = asyncio.create_task(streamed(turnout, flowing))
        await flowing.wait()
        turnout.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        code = await asyncio.to_thread(turnout.process.wait, DRAIN_WITHIN + 10)
        took = time.monotonic() - told
        await asyncio.gather(stream, return_exceptions=True)

    assert code == 0
    assert DRAIN_WITHIN <= took < DRAIN_WITHIN + 8
    assert alive(pids) == []


async def test_children_of_a_killed_supervisor_end_by_themselves(tmp_path):
    """kill -9 of the supervisor leaves nothing behind for long, though streams under way still come to their end."""
    with upstream(events=EVENTS, pace=0.03) as port, serving(tmp_path, policy(port), workers=2) as turnout:
        pids = [process.pid for process in turnout.everyone()]
        flowing = asyncio.Event()
        stream = asyncio.create_task(streamed(turnout, flowing))
        await flowing.wait()
        turnout.process.kill()
        body = await stream
        await asyncio.to_thread(until, lambda: alive(pids) == [], "every child has ended", DRAINED_WITHIN)

    assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("taken", ["data", "control"])
def test_a_port_in_use_is_said(taken, tmp_path):
    """Either plane's port being taken ends the command with code 1 and a line that names the address; nothing else was touched."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ports = {"data": ("--port", "--control-port"), "control": ("--control-port", "--port")}[taken]
        config = tmp_path / "turnout.json"
        config.write_text(json.dumps(policy(9)))
        ended = subprocess.run(
            [
                sys.executable, "-m", "turnout", "serve", "--config", str(config), "--data-dir", str(tmp_path / "data"),
                ports[0], str(port), ports[1], str(free_port()),
            ],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip

    assert ended.returncode == 1
    assert not (tmp_path / "data").exists()
    assert ended.stderr.splitlines()[-1] == f"cannot listen on 127.0.0.1:{port}: {os.strerror(98)}"


async def test_a_worker_that_dies_at_once_is_not_restarted_in_a_frenzy(tmp_path):
    """Restarts of a child that cannot live are at least a second apart, and the others serve meanwhile."""
    with upstream() as port, serving(tmp_path, policy(port), workers=2) as turnout:
        for _ in range(3):
            for gateway in turnout.children("gateway 1"):
                gateway.kill()
            await asyncio.sleep(0.3)
        seen = await once(turnout.url)
        restarts = turnout.said().count("starting it again")

    assert seen.status == 200
    assert 1 <= restarts <= 3
