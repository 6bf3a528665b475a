"""Names to addresses: who waits for whom."""

import asyncio
import gc
import socket
import threading
from collections.abc import Iterator

import pytest

from turnout.errors import Unavailable
from turnout.providers.transport.dial import Lookups

from .hostile import OK, always, post, read, serving, until

SILENT = "silent.example"


class Names:
    """The system's resolver, but that the server of some names is silent until it is told to speak."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.threads: list[threading.Thread] = []
        self.speak = threading.Event()
        self.known = True
        self._system = socket.getaddrinfo

    def getaddrinfo(self, host, port, *args, flags=0, **more):
        if not str(host).endswith(SILENT):
            return self._system(host, port, *args, flags=flags, **more)
        if not flags & socket.AI_NUMERICHOST:
            self.asked.append(host)
            self.threads.append(threading.current_thread())
            self.speak.wait(10)
            if self.known:
                return self._system("127.0.0.1", port, *args, flags=flags, **more)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    yield made
    made.speak.set()
    for thread in made.threads:
        thread.join(5)


async def test_a_name_that_hangs_holds_up_nobody(transport, names):
    """Many lookups without an answer, then a name and an address that are well: these notice nothing."""
    names.known = False
    async with serving(always(OK)) as server:
        hung = [asyncio.ensure_future(transport.send(post(f"http://{n}.{SILENT}/"), connect_timeout=5)) for n in range(40)]
        await until(lambda: len(names.asked) == 40)
        for host in ("localhost", "127.0.0.1"):
            assert await read(await transport.send(post(server.url(host=host)), connect_timeout=2)) == b"hello"

        names.speak.set()
        for failed in await asyncio.gather(*hung, return_exceptions=True):
            assert isinstance(failed, Unavailable)


async def test_one_lookup_serves_all_who_wait(names):
    """Whoever leaves takes it from nobody; who comes after its end asks anew; another port is another question."""
    lookups = Lookups()
    waiting = [asyncio.ensure_future(lookups.find(SILENT, port)) for port in (80, 80, 80, 81)]
    await until(lambda: len(names.asked) == 2)
    waiting[0].cancel()
    await asyncio.sleep(0)
    names.speak.set()

    assert [found[0][4] for found in await asyncio.gather(*waiting[1:])] == [("127.0.0.1", port) for port in (80, 80, 81)]
    assert (await lookups.find(SILENT, 80))[0][4] == ("127.0.0.1", 80)
    assert len(names.asked) == 3


async def test_a_failed_lookup_is_told_to_all_who_wait(names):
    """And is not remembered."""
    names.known = False
    lookups = Lookups()
    waiting = [asyncio.ensure_future(lookups.find(SILENT, 80)) for _ in range(2)]
    await until(lambda: len(names.asked) == 1)
    names.speak.set()

    assert [str(failed) for failed in await asyncio.gather(*waiting, return_exceptions=True)] == ["[Errno -2] no such name"] * 2
    names.known = True
    assert await lookups.find(SILENT, 80)


async def test_a_failed_lookup_that_nobody_waits_for_is_silent(names):
    """No complaint about an error that was never looked at."""
    names.known = False
    complaints: list[dict] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    lookups = Lookups()
    left = asyncio.ensure_future(lookups.find(SILENT, 80))
    await until(lambda: len(names.asked) == 1)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    names.speak.set()
    await until(lambda: not lookups._under_way)
    names.threads[0].join(5)
    del left
    gc.collect()

    assert complaints == []


async def test_an_address_is_not_looked_up(names):
    """It costs no thread, in either family."""
    before = threading.active_count()
    addresses = [(await Lookups().find(host, 80))[0][4][:2] for host in ("127.0.0.1", "::1")]

    assert addresses == [("127.0.0.1", 80), ("::1", 80)]
    assert threading.active_count() == before


async def test_a_lookup_does_not_delay_the_end_of_the_process(names):
    """Its thread is one that the interpreter does not wait for."""
    waiting = asyncio.ensure_future(Lookups().find(SILENT, 80))
    await until(lambda: len(names.threads) == 1)

    assert names.threads[0].daemon
    names.speak.set()
    await waiting
