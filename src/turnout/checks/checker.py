"""Checks run beside the worker, not in it: the quick ones at once, the others in a process of their own."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterable
from contextlib import suppress

from turnout.checks.answer import Answer, Failed
from turnout.checks.process import SIZE, VERDICT, Job, framed
from turnout.checks.verify import verify
from turnout.types.checks import Check, JsonValid, Length, NotRefusal, PythonCompiles, name_of

QUICK = (JsonValid, Length, NotRefusal)
"""Linear, small and without anyone's pattern: they cost less than asking."""


class Checker:
    """``verify`` with a bound of time (``seconds`` a check). The process is started by the first check that needs it.

    Checks wait for one another, as one process serves a worker: a 2 kB answer takes it about a millisecond.
    """

    def __init__(self, seconds: float = 2.0) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._process: Process | None = None

    async def verify(self, checks: Iterable[Check], answer: Answer) -> Failed | None:
        """The first check that the answer fails. One that takes too long, or brings its process down, has failed."""
        for check in checks:
            failed = verify((check,), answer) if isinstance(check, QUICK) else await self._ask(check, answer)
            if failed is not None:
                return failed
        return None

    async def warm(self, checks: Iterable[Check]) -> None:
        """Start the process if one of them needs it, so that no answer waits for that."""
        if self._process is None and any(not isinstance(check, QUICK) for check in checks):
            await self._ask(PythonCompiles(), Answer(""))

    async def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            _kill(process)
            await process.wait()

    async def _ask(self, check: Check, answer: Answer) -> Failed | None:
        try:
            job = framed(Job(check, answer, self._seconds))
        except UnicodeEncodeError:
            return Failed(name_of(check), "a character that UTF-8 does not have")
        async with self._turn:
            process = await self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(job)
                await process.stdin.drain()
                size = int.from_bytes(await process.stdout.readexactly(SIZE), "big")
                return VERDICT.decode(await process.stdout.readexactly(size))
            except (OSError, asyncio.IncompleteReadError):  # it has ended, or its alarm will end it
                self._process = None
                return Failed(name_of(check), self._ending(await process.wait()))
            except asyncio.CancelledError:  # its verdict would be taken for that of the next check
                self._process = None
                _kill(process)
                raise

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            path = os.pathsep.join(filter(None, sys.path))  # hooks are found there as they are here
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "turnout.checks.process",
                stdin=PIPE, stdout=PIPE, env={**os.environ, "PYTHONPATH": path},
            )  # fmt: skip
        return self._process

    def _ending(self, code: int) -> str:
        return f"it took longer than {self._seconds:g} s" if code == -signal.SIGALRM else f"its process ended with {code}"


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
