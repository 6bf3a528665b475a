"""What a worker does about health once a second: lets time work on its boards, tells people and metrics, and leaves what it sees for all."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from turnout.build.figures import note_board, note_cache, note_checks, note_tickets
from turnout.build.process import say
from turnout.execute.board import Board, worst
from turnout.execute.deployment import Change
from turnout.execute.lookout import Lookout
from turnout.execute.seen import seen
from turnout.serve.worker import Gateway
from turnout.types.health import WorkerHealth

LOOK_EVERY = 1.0
WRITE_EVERY = 5.0
"""Seconds between two writings while nobody's standing changes."""
SAY_EVERY = 30.0
"""Seconds between two words that the same thing is out: what comes and goes all the time is told now and then."""


class HealthWatch:
    """Looks after one worker's boards: the first of ``boards`` is its own, the others are of drills and nobody's news."""

    def __init__(self, gateway: Gateway, boards: Callable[[], Iterable[Board]], lookout: Lookout, file: Path) -> None:
        self._gateway = gateway
        self._boards = boards
        self._lookout = lookout
        self._file = file
        self._teller = Teller(gateway.worker)
        self._written: tuple[object, ...] = ()
        self._written_at = float("-inf")

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY)

    def look(self) -> None:
        gateway, now = self._gateway, self._gateway.clock.steady()
        own, *others = self._boards()
        for board in (own, *others):
            board.tick(now)
        changes = drained(own)
        for change in changes:
            if change.after == "ejected":
                gateway.metrics.add("turnout_ejections", (change.name, cause_of(change)))
        for text in self._teller.tell(changes, now):
            say(gateway.worker, text)
        note_board(gateway.metrics, own, now)
        note_checks(gateway.metrics, self._lookout)
        note_cache(gateway.metrics, gateway.cache.counts)
        note_tickets(gateway.metrics, gateway.desk)
        with contextlib.suppress(OSError):  # the journal's complaint about the same disk says it
            self._write(own, now)

    def close(self) -> None:
        """The worker ends: what it saw is nobody's health any more."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _write(self, board: Board, now: float) -> None:
        standings = tuple((guard.name, guard.standing(now)) for guard in (worst(member, now) for member in board.deployments))
        if standings == self._written and now - self._written_at < WRITE_EVERY:
            return
        view, unix = self._gateway.snapshot.view, self._gateway.clock.now()
        homes = {provider.id: provider.region for provider in view.policy.providers}
        regions = {facts.id: facts.region or homes.get(facts.provider) for facts in view.facts.values()}
        deployments, checks = seen(board, regions, now, unix), tuple(self._lookout.latest.values())
        health = WorkerHealth(self._gateway.worker, unix, board.lines.waiting, deployments, checks)
        self._file.parent.mkdir(exist_ok=True)
        temporary = self._file.with_suffix(".tmp")
        temporary.write_bytes(msgspec.json.encode(health))
        temporary.replace(self._file)
        self._written, self._written_at = standings, now


class Teller:
    """Which changes of standing a person must know, in a line each, and each thing only now and then."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._told: dict[str, tuple[float, bool]] = {}
        self._untold: dict[str, Change] = {}

    def tell(self, changes: Iterable[Change], now: float) -> list[str]:
        """Lines due ``now`` (steady seconds). Of several about one thing the last one counts."""
        self._untold |= {change.name: change for change in changes}
        lines: list[str] = []
        for name, change in list(self._untold.items()):
            at, was_out = self._told.get(name, (float("-inf"), False))
            is_out = change.after in ("ejected", "probing")
            if is_out and now - at < SAY_EVERY:
                continue
            del self._untold[name]
            if is_out:
                self._told[name] = (now, True)
                lines.append(_in_words(change))
            elif was_out:
                self._told[name] = (at, False)
                lines.append(_in_words(change))
        return lines


def drained(board: Board) -> list[Change]:
    """The changes of standing that nobody was told of; afterwards there are none."""
    changes = list(board.changes)
    board.changes.clear()
    return changes


def cause_of(change: Change) -> str:
    """One of few words."""
    return "configuration" if change.quarantined else change.cause or ""


def _in_words(change: Change) -> str:
    why = " ".join((change.cause or "").split())
    if change.after not in ("ejected", "probing"):
        return f"{change.name} is well again and gets requests"
    lasts = max(0.0, (change.until or change.at) - change.at)
    if not change.quarantined:
        return f"{change.name} gets no requests for {lasts:.0f} s: {why}"
    owner, _, credential = change.name.partition(" ")
    out = f"{change.name} gets no requests for {lasts / 60:.0f} min"
    if "/" in owner:  # a model; or else the credential itself was refused, which a check sees mended
        return f"{out}: {why}; check that {owner} exists there, and that its key may call it"
    return f"{out}, or until a check finds it mended: {why}; {_check_credential(owner, credential)}"


def _check_credential(provider: str, credential: str) -> str:
    return f"check the credential {credential}" if credential else f"give the provider {provider} a credential (api_key)"
