"""A worker's journal: appending costs microseconds, a thread writes, another syncs, nobody waits who did not ask to.

Two threads, because a sync may take seconds on a busy disk while bytes must reach the kernel within the flush interval: what the
kernel has survives the death of the process, what is synced survives the death of the machine.
"""

import asyncio
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count, groupby
from pathlib import Path
from typing import Literal

import msgspec

from turnout.clock import Clock
from turnout.journal.output import OutputSegment, create
from turnout.journal.segment import frame
from turnout.types.entry import Entry

log = logging.getLogger(__name__)


class Limits(msgspec.Struct, frozen=True):
    """``flush_s``: longest stay of a record in memory while the disk is well. ``segment``, ``buffer``: bytes."""

    flush_s: float = 0.1
    segment: int = 4 * 1024 * 1024
    buffer: int = 8 * 1024 * 1024


DEFAULTS = Limits()
_SYNC_AGAIN_S = 1.0


class JournalState(msgspec.Struct, frozen=True):
    """For metrics and health. ``failing`` is the disk's last complaint, None while all is well.

    ``buffered`` bytes wait in memory. ``written_at_once`` counts records that met a full buffer and were written by the request
    itself, ``dropped`` those lost because the buffer was full and the disk refused, or because they came after the end.
    """

    failing: str | None
    buffered: int
    written_at_once: int
    dropped: int


class _Waiter(msgspec.Struct, frozen=True):
    """Someone who waits until the journal is synced up to ``position``."""

    position: int
    future: asyncio.Future[None]


class SegmentJournal:
    """Implements :class:`turnout.ports.Journal`; one per worker process. Positions are bytes since it began."""

    def __init__(self, directory: Path, worker: str, clock: Clock, limits: Limits = DEFAULTS) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self._names = _names(worker, clock)
        self._limits = limits
        self._room = limits.buffer
        self._lock = threading.Lock()  # guards what requests touch: frames, waiters, the appended position
        self._frames: list[bytes] = []
        self._waiters: list[_Waiter] = []
        self._appended = 0
        self._io = threading.Lock()  # guards what writing touches: backlog, segments, the written position
        self._backlog = memoryview(b"")
        self._segment: OutputSegment | None = None
        self._full: list[OutputSegment] = []
        self._unsealed: list[OutputSegment] = []  # known to the syncing side only
        self._written = 0
        self._write_error: OSError | None = None
        self._sync_error: OSError | None = None
        self._seal_error: OSError | None = None
        self._written_at_once = 0
        self._dropped = 0
        self._wake_writer = threading.Event()
        self._wake_syncer = threading.Event()
        self._closing = False
        self._threads = [
            threading.Thread(target=run, name="journal", daemon=True) for run in (self._keep_writing, self._keep_syncing)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def state(self) -> JournalState:
        error = self._write_error or self._sync_error or self._seal_error
        return JournalState(
            failing=str(error) if error else None,
            buffered=self._appended - self._written,
            written_at_once=self._written_at_once,
            dropped=self._dropped,
        )

    def append(self, entry: Entry) -> None:
        """Buffered; with the kernel within the flush interval, synced soon after."""
        self._append(frame(entry))

    async def append_durably(self, entry: Entry) -> None:
        """Return when the record is synced; all who wait at a time share one sync.

        Raises:
            OSError: it could not be. The record may still reach the journal later.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._append(frame(entry), future):
            raise self._write_error or OSError("the journal is closed" if self._closing else "the journal's buffer is full")
        self._wake_writer.set()
        await future

    def close(self) -> None:
        """Write, sync, seal, stop. What the disk still refuses then is lost, and said so in the log; so is what comes later."""
        self._closing = True
        self._room = 0
        self._wake_writer.set()
        self._wake_syncer.set()
        for thread in self._threads:
            thread.join()
        self._write()
        if self._segment is not None:
            self._full.append(self._segment)
            self._segment = None
        self._sync()
        if (state := self.state).failing:
            log.error("journal closed with %d bytes unwritten: %s", state.buffered, state.failing)

    def _append(self, data: bytes, future: asyncio.Future[None] | None = None) -> bool:
        """False when the record was dropped."""
        if self._appended - self._written >= self._room and not self._has_made_room():
            self._dropped += 1
            return False
        with self._lock:
            self._frames.append(data)
            self._appended += len(data)
            if future is not None:
                self._waiters.append(_Waiter(self._appended, future))
        return True

    def _has_made_room(self) -> bool:
        """Records are worth a request's waiting for the disk, unless the disk has just refused: then memory's bound wins."""
        if self._closing:
            log.error("a record came after the journal was closed and is lost")
            return False
        if self._write_error is None:
            self._written_at_once += 1
            self._write()
        return self._appended - self._written < self._room

    def _keep_writing(self) -> None:
        while not self._closing:
            self._wake_writer.wait(self._limits.flush_s)
            self._wake_writer.clear()
            self._write()

    def _keep_syncing(self) -> None:
        while not self._closing:
            self._wake_syncer.wait(_SYNC_AGAIN_S if self._sync_error or self._seal_error else None)
            self._wake_syncer.clear()
            self._sync()

    def _write(self) -> None:
        """Hand everything appended to the kernel. What it refuses stays in the backlog, and is tried again from the same byte."""
        if self._appended == self._written:
            return
        with self._io:
            try:
                while self._backlog or self._has_taken_frames():
                    segment = self._segment = self._segment or create(self._directory, self._names)
                    taken = segment.write(self._backlog)
                    self._backlog = self._backlog[taken:]
                    self._written += taken
                    if segment.size >= self._limits.segment and not self._backlog:
                        self._full.append(segment)
                        self._segment = None
            except OSError as error:
                self._write_error = error
                self._settle(self._written, self._appended, error)
            else:
                self._write_error = None
        self._wake_syncer.set()

    def _has_taken_frames(self) -> bool:
        with self._lock:
            frames, self._frames = self._frames, []
        self._backlog = memoryview(b"".join(frames))
        return bool(frames)

    def _sync(self) -> None:
        """Make everything written survive a power cut, tell those who wait for it, then seal what is full.

        Only this side closes segments. Nobody waits for a seal: what is synced is safe under its old name too.
        """
        with self._io:
            written, current = self._written, self._segment
            full, self._full = self._full, []
        unsynced = _refused("sync", full if current is None else [*full, current])
        if unsynced:
            written = self._begin_anew(current)
        self._sync_error = next(iter(unsynced.values()), None)
        self._settle(0, written, self._sync_error)
        unsealed = _refused("seal", [*self._unsealed, *full])
        self._unsealed = list(unsealed)
        self._seal_error = next(iter(unsealed.values()), None)

    def _begin_anew(self, failed: OutputSegment | None) -> int:
        """Leave a segment whose sync failed; up to which position nothing can be promised any more.

        The kernel reports lost bytes once: the next sync of the same file would succeed without them.
        """
        with self._io:
            # A frame that was written in part is completed where it began; what follows it can be promised again.
            if failed is not None and failed is self._segment and not self._backlog:
                self._unsealed.append(failed)
                self._segment = None
            return self._written

    def _settle(self, after: int, up_to: int, error: OSError | None) -> None:
        """Answer those who wait for a position in (after, up_to]."""
        with self._lock:
            answered = [waiter.future for waiter in self._waiters if after < waiter.position <= up_to]
            if not answered:
                return
            self._waiters = [waiter for waiter in self._waiters if not after < waiter.position <= up_to]
        for loop, futures in groupby(answered, asyncio.Future.get_loop):
            with suppress(RuntimeError):  # that loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_answer, list(futures), error)


def _refused(step: Literal["sync", "seal"], segments: Iterable[OutputSegment]) -> dict[OutputSegment, OSError]:
    """Take every segment this step further; those of which the disk refused it, and its words."""
    refused: dict[OutputSegment, OSError] = {}
    for segment in segments:
        try:
            segment.sync() if step == "sync" else segment.seal()
        except OSError as error:
            refused[segment] = error
    return refused


def _answer(futures: Iterable[asyncio.Future[None]], error: OSError | None) -> None:
    for future in futures:
        if future.done():  # whoever waited was cancelled
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _names(worker: str, clock: Clock) -> Callable[[], str]:
    """Segment names that no other writer has used: offsets of ingested segments are kept by name, and a pid comes back."""
    safe = re.sub(r"[^A-Za-z0-9_]", "_", worker)
    run = f"{safe}-{os.getpid()}-{clock.seed():016x}"
    numbers = count(1)
    return lambda: f"{run}-{next(numbers):06d}"
