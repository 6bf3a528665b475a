"""The audit trail's own chores: hours are closed, checkpoints signed, the chain looked through, its oldest part let go."""

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from turnout import __version__
from turnout.audit import checkpoint as checkpoints
from turnout.audit.chain import Finding, Trail
from turnout.audit.checkpoint import FOREIGN_KEY, NOTES, Checkpoint
from turnout.audit.kinds import CHECKPOINT, DRILL, PRUNED, START
from turnout.clock import Clock
from turnout.drill import current
from turnout.store.audit import AuditStore, LedgerTrail
from turnout.store.closed_hours import ClosedHours
from turnout.store.schema import VERSION
from turnout.types.drill import Drill
from turnout.types.seconds import DAY
from turnout.types.view import DECIDER_VERSION

KEEP = 400 * DAY
"""Seconds that entries are kept: a year, and a month to look at it in. Never shorter than the requests they speak of."""
_ACTOR = "turnout"


class Verification(msgspec.Struct, frozen=True):
    """Of the chain and its checkpoints ``at`` (unix seconds); ``ok`` when nothing but notes was found. ``head`` is its last entry."""

    at: float
    ok: bool
    entries: int
    head: int
    findings: tuple[Finding, ...]


class AuditKeeper:
    """What the control process does about the audit trail. Methods raise OSError and sqlalchemy.exc.SQLAlchemyError."""

    def __init__(self, store: AuditStore, data_dir: Path, clock: Clock, keep: float = KEEP) -> None:
        self.store = store
        self.trail: Trail = LedgerTrail(store, clock.now)
        self._hours = ClosedHours(store)
        self._data_dir = data_dir
        self._clock = clock
        self._keep = max(keep, KEEP)
        self.verified: Verification | None = None
        self._began = False
        self._drill: Drill | None = None

    def look(self) -> None:
        """To be called a few times a minute: that this process began is told once, and hours that are over go into the chain."""
        if not self._began:
            self.trail.add(START, _ACTOR, {"turnout": __version__, "decider": DECIDER_VERSION, "tables": VERSION})
            self._began = True
        self._hours.close(self._clock.now())

    def watch_drills(self) -> None:
        """To be called every second or so: that a drill began or ended on real traffic, whoever runs it."""
        found = current.read(self._data_dir)
        running = found if found is not None and found.on != "simulated" and self._clock.now() < found.until else None
        if self._drill is not None and (running is None or running.id != self._drill.id):
            self.trail.add(DRILL, _ACTOR, {"drill": self._drill.id, "event": "ended"})
            self._drill = None
        if running is not None and self._drill is None:
            aim = {
                "kind": running.kind,
                "on": running.on,
                "provider": running.provider,
                "model": running.model,
                "region": running.region,
            }
            self.trail.add(DRILL, _ACTOR, {"drill": running.id, "event": "began", "share": running.share, **aim})
            self._drill = running

    def daily(self) -> None:
        """To be called every hour or so: once a day the chain is signed, looked through, and shortened."""
        now = self._clock.now()
        latest = self.store.latest()
        signed = self.store.page(1, kind=CHECKPOINT)
        if latest is not None and latest.kind != CHECKPOINT and (not signed or now - signed[0].at >= DAY):
            self.checkpoint(_ACTOR)
        if self.verified is None or now - self.verified.at >= DAY:
            self.verified = self.verify()
            self._prune(now)

    def checkpoint(self, actor: str) -> Checkpoint:
        """Sign the chain as it is now; kept in the data directory and in the chain."""
        return make_checkpoint(self.store, self._data_dir, self._clock.now(), actor)

    def latest_checkpoint(self) -> Checkpoint | None:
        found = self.store.page(1, kind=CHECKPOINT)
        return checkpoints.from_text(found[0].payload) if found else None

    def public_key(self) -> str:
        return checkpoints.public_text(checkpoints.signing_key(self._data_dir))

    def verify(self) -> Verification:
        """The chain against itself and all checkpoints in the data directory. The rows it speaks of are `turnout audit verify`'s.

        On a ledger that others share, signatures of theirs are told, and are no fault: their keys are not known here.
        """
        found: list[Finding] = []
        held = tuple(held_checkpoints(self._data_dir, found))
        found += checkpoints.verify(self.store.entries(), held, (self.public_key(),))
        head = self.store.latest()
        wrong = [finding for finding in faults(found) if not (self.store.is_shared and finding.what == FOREIGN_KEY)]
        return Verification(self._clock.now(), not wrong, self.store.count(), head.seq if head else 0, tuple(found))

    def _prune(self, now: float) -> None:
        """Only a chain that is whole: what is wrong with it must not be deleted before somebody looked."""
        if self.verified is not None and self.verified.ok and (gone := self.store.prune(now - self._keep)):
            self.trail.add(PRUNED, _ACTOR, {"entries": gone, "before": now - self._keep})


def make_checkpoint(store: AuditStore, data_dir: Path, at: float, actor: str) -> Checkpoint:
    """Sign the chain's head; the checkpoint is the entry after it, and a file in the data directory.

    Raises:
        OSError, Unusable: the key or the file.
        sqlalchemy.exc.SQLAlchemyError: the ledger.
    """
    key = checkpoints.signing_key(data_dir)
    entry = store.add_upon(
        CHECKPOINT,
        actor,
        lambda origin, head: msgspec.structs.asdict(checkpoints.sign(key, origin or "", head, round(at, 3))),
        at,
    )
    made = checkpoints.from_text(entry.payload)
    checkpoints.keep(made, data_dir)
    return made


def held_checkpoints(data_dir: Path, unreadable: list[Finding]) -> Iterator[Checkpoint]:
    """Those in the data directory; what is none is told as a finding."""
    for path in checkpoints.kept(data_dir):
        try:
            yield checkpoints.from_text(path.read_bytes())
        except (OSError, ValueError, msgspec.DecodeError) as error:
            unreadable.append(Finding("unreadable", str(path), f"it is no checkpoint any more: {error}"))


def faults(found: Collection[Finding]) -> list[Finding]:
    """What is wrong, without what is only to be known."""
    return [finding for finding in found if finding.what not in NOTES]
