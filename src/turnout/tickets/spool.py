"""Tickets on disk, where worker and control process meet. A step may die anywhere and be repeated.

open/ID.json        a ticket, written by a worker: from then on it is handed over. Stays until the next is there
settled/ID.json     what people said of it, written by the control process; kept for a time, for callers to fetch
unreadable/ID.json  what was in ``open`` and is no ticket, for a person to look at
"""

import os
import re
import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from turnout.types.tickets import Ticket, TicketStatus

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_NAME = re.compile(rf"({_ID.pattern})\.json")
_encode = msgspec.json.Encoder().encode
_decode_ticket = msgspec.json.Decoder(Ticket).decode
_decode_status = msgspec.json.Decoder(TicketStatus).decode


class NotATicket(Exception):
    """What is in the file is none, or one of a version that is not ours."""


class Spool:
    """The directory of tickets, made when the first one comes.

    Every method raises OSError when the disk refuses, and ValueError for an id that is no file's name.
    """

    def __init__(self, directory: Path) -> None:
        self.open = directory / "open"
        self.settled = directory / "settled"
        self._unreadable = directory / "unreadable"

    def add(self, ticket: Ticket) -> None:
        """Return when the ticket survives a power cut; when it raises, there is none."""
        path = _file(self.open, ticket.id)
        try:
            _put(path, _encode(ticket))
        except OSError:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise

    def ids(self) -> frozenset[str]:
        """Of the open tickets, and of those whose settlement is still to be told."""
        try:
            names = os.listdir(self.open)  # noqa: PTH208 - thousands of names, several times a second: no Path is made of each
        except FileNotFoundError:
            return frozenset()
        return frozenset(found[1] for name in names if (found := _NAME.fullmatch(name)))

    def ticket(self, ticket_id: str) -> Ticket | None:
        """An open ticket; None when there is none any more. Raises NotATicket."""
        content = _content(_file(self.open, ticket_id))
        if content is None:
            return None
        try:
            ticket = _decode_ticket(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotATicket(f"ticket {ticket_id}: {error}") from error
        if ticket.id != ticket_id:
            raise NotATicket(f"ticket {ticket_id}: its content says that it is {ticket.id}")
        return ticket

    def set_aside(self, ticket_id: str) -> None:
        """Out of the way, with what it holds."""
        _make(self._unreadable)
        _file(self.open, ticket_id).replace(_file(self._unreadable, ticket_id))

    def unreadable(self) -> int:
        """How many a person should look at."""
        return len(_files(self._unreadable))

    def settle(self, status: TicketStatus) -> None:
        """Tell what people said: first the answer, then the question goes, so that whoever dies in between is asked to do it again."""
        _put(_file(self.settled, status.id), _encode(status))
        _file(self.open, status.id).unlink(missing_ok=True)

    def settlement(self, ticket_id: str) -> TicketStatus | None:
        """What people said of it; None as long as they have said nothing."""
        return _status(_file(self.settled, ticket_id))

    def status(self, ticket_id: str) -> TicketStatus | None:
        """How it stands with a ticket; None when there is none. One that is settled between two looks is found at the third."""
        return self.settlement(ticket_id) or _status(_file(self.open, ticket_id)) or self.settlement(ticket_id)

    def clean(self, before: float) -> None:
        """Remove what was settled before then (unix seconds), and what writers that died then left half written."""
        begun = (path for path in _files(self.open) if path.suffix == ".tmp")
        for path in (*_files(self.settled), *begun):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()


def is_id(text: str) -> bool:
    """An id that anybody may send, before it becomes part of a path."""
    return _ID.fullmatch(text) is not None


def _file(place: Path, ticket_id: str) -> Path:
    if not is_id(ticket_id):
        raise ValueError(f"{ticket_id!r} is no ticket's id")
    return place / f"{ticket_id}.json"


def _files(place: Path) -> list[Path]:
    try:
        return list(place.iterdir())
    except FileNotFoundError:
        return []


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _status(path: Path) -> TicketStatus | None:
    """What cannot be read says nothing: the collector sets it aside and tells."""
    content = _content(path)
    try:
        return None if content is None else _decode_status(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _put(path: Path, content: bytes) -> None:
    """Whole or not at all, and there after a power cut. Two may write the same file at once: each has a beginning of its own."""
    _make(path.parent)
    begun = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with os.fdopen(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        begun.replace(path)
    except OSError:
        begun.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _make(place: Path) -> None:
    if not place.is_dir():
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        for parent in (place.parent, place.parent.parent):
            _sync_directory(parent)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
