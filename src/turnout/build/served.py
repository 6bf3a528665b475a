"""``turnout serve`` as a child: for commands that need a whole Turnout of their own, on loopback, for a while."""

import asyncio
import http.client
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

READY_WITHIN = 15.0
ENDS_WITHIN = 10.0


@asynccontextmanager
async def served(config: Path, api_port: int, control_port: int) -> AsyncIterator[None]:
    """Ready when entered, gone when left; what it says goes to ``serve.log`` beside ``config``.

    Raises:
        OSError: it does not start; the text is what it said.
    """
    log = config.with_name("serve.log")
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "turnout", "serve", "--config", str(config)),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            process_group=0,  # Ctrl-C is for whoever asked for it to handle
        )
    try:
        if not await _ready(process, (api_port, control_port)):
            raise OSError(f"the gateway did not start; it said:\n{log.read_text(errors='replace')[-2000:]}")
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(ENDS_WITHIN):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of loopback that nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return tuple(each.getsockname()[1] for each in sockets)
    finally:
        for each in sockets:
            each.close()


def fetch(port: int, path: str, token: str = "", *, timeout: float = 5) -> bytes:
    """A GET on loopback. Raises OSError unless the answer is 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        body = answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"GET {path}: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(f"GET {path}: HTTP {answer.status}")
    return body


async def _ready(process: asyncio.subprocess.Process, ports: tuple[int, ...]) -> bool:
    clock = asyncio.get_running_loop().time
    deadline = clock() + READY_WITHIN
    while clock() < deadline and process.returncode is None:
        try:
            for port in ports:
                await asyncio.to_thread(fetch, port, "/health/ready", timeout=1)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            return True
    return False
