import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import uvloop

from turnout.clock import ManualClock
from turnout.providers.transport import HttpTransport

CONNECT_S = 5.0


def pytest_asyncio_loop_factories(config, item):
    """Every test of this folder runs on both loops: the worker's and the plain one."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def transport(clock: ManualClock) -> AsyncIterator[HttpTransport]:
    made = HttpTransport(clock=clock, max_connections_per_host=4, keepalive_s=30.0)
    yield made
    await made.close()


@pytest.fixture
def send(transport: HttpTransport) -> Callable:
    """``await send(request)`` with the usual connect timeout."""

    async def sent(request):
        return await transport.send(request, connect_timeout=CONNECT_S)

    return sent


class Certificates(NamedTuple):
    """A CA of our own and a server context that it vouches for as localhost and 127.0.0.1."""

    ca_file: str
    server: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl program to make certificates with")
    folder = tmp_path_factory.mktemp("ca")
    _openssl(
        folder,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=ours -keyout ca.key -out ca.pem",
    )
    _openssl(
        folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
    )
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    _openssl(folder, "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return Certificates(str(folder / "ca.pem"), context)


def _openssl(folder: Path, command: str) -> None:
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
