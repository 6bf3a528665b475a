"""One model behind one credential, as it stands right now: may it be called, and what calling it has shown.

The rules are `turnout.live`'s, pure; this is where their state is kept. A worker's own: nobody else reads or writes it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Protocol

import msgspec

from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import Blame, ProviderFault, TimedOut
from turnout.execute.events import Hindrance
from turnout.execute.room import Need, Room
from turnout.live import balance, health, silence
from turnout.ports import Outgoing
from turnout.types.policy import Credential
from turnout.types.reply import Usage
from turnout.types.resilience import HealthRules

SAMPLES = 128
"""Latest waits from which quantiles are taken."""

HEAR_EVERY = 0.05
"""Seconds for which what headers said holds: reading them all the time would cost more than it tells."""

KEY_FAULTS = frozenset({401, 402, 407})
"""Statuses that speak of the credential, whatever the model; other faults of configuration are this model's."""


_NO_TOKENS = Usage()
"""What a call that was refused has used of a limit per minute; of the requests it was one."""


class Upstream(Protocol):
    """One model at one provider behind one credential, as far as calling it goes.

    ``thinks``: it may be silent for minutes before its first content. ``credential`` is the credential's name, never its value.
    """

    @property
    def dialect(self) -> Dialect: ...

    @property
    def thinks(self) -> bool: ...

    @property
    def model(self) -> str: ...

    @property
    def credential(self) -> str: ...

    def outgoing(self, ask: Ask, front: Dialect) -> Outgoing:
        """Raises TurnoutError when the request cannot be written for it."""
        ...

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderFault:
        """Classify an error answer; no credential is left in its words."""
        ...

    def check(self) -> Outgoing | None:
        """A request that costs nothing and tells whether it can be reached with this credential; None: there is none."""
        ...


class Change(msgspec.Struct, frozen=True):
    """A guard changed its standing at ``at`` (steady seconds). ``until`` is when an ejection is over.

    ``quarantined``: by a configuration fault, that only a person mends.
    """

    name: str
    before: health.Standing
    after: health.Standing
    at: float
    cause: str | None
    until: float | None
    quarantined: bool = False


class Guard:
    """Something that may be unwell, and so keeps requests out: a provider's address, a credential, a model. ``name`` says which.

    ``chance`` draws from 0..1, ``note`` is told of each change of standing. ``probes`` counts those that were let through,
    ``well_at`` is when a success was last told of.
    """

    __slots__ = ("chance", "health", "name", "note", "probes", "rules", "well_at")

    def __init__(self, name: str, rules: HealthRules, chance: Callable[[], float], note: Callable[[Change], None]) -> None:
        self.name = name
        self.rules = rules
        self.chance = chance
        self.note = note
        self.health = health.Health()
        self.probes = 0
        self.well_at = float("-inf")

    def standing(self, now: float) -> health.Standing:
        return health.standing(self.health, self.rules, now)

    def is_clear(self, now: float) -> bool:
        """Nobody needs to be asked whether a request may pass. A degraded one passes all: others come before it where there are others."""
        return self.health.until is None and (self.health.degraded or health.share(self.health, self.rules, now) >= 1.0)

    def admit(self, now: float) -> health.Admission:
        if self.is_clear(now):
            return "go"
        self.health, verdict = health.admit(self.health, self.rules, now, self.chance())
        self.probes += verdict == "probe"
        return verdict

    def observe(self, now: float, *, successes: int = 0, failures: int = 0) -> None:
        if successes:
            self.well_at = now
        told = health.observe(self.health, self.rules, now, successes=successes, failures=failures, chance=self.chance())
        self._become(told, now)

    def probed(self, now: float, *, ok: bool | None) -> None:
        if ok:
            self.well_at = now
        self._become(health.probed(self.health, self.rules, now, ok, self.chance()), now)

    def spoke(self, now: float, began: float) -> None:
        self._become(health.spoke(self.health, self.rules, now, began), now)

    def eject(self, now: float, cause: str) -> None:
        self._become(health.eject(self.health, self.rules, now, self.chance(), cause), now)

    def quarantine(self, now: float, cause: str) -> None:
        """Out for long. Of one that serves well a single such fault is doubted: providers err too, and the next call will tell."""
        known = self.health
        if known.until is None and known.in_row == 0 and known.succeeded >= 1.0:
            self.observe(now, failures=1)
            return
        self._become(health.quarantine(self.health, self.rules, now, cause), now)

    def readmit(self, now: float) -> None:
        """An active check has shown that it is well."""
        self._become(health.Health(at=now, back=now, ejections=self.health.ejections, probing=self.health.probing), now)

    def _become(self, after: health.Health, now: float) -> None:
        before, self.health = self.health, after
        was, is_ = health.standing(before, self.rules, now), health.standing(after, self.rules, now)
        if was != is_ or (after.quarantined and not before.quarantined):
            self.note(Change(self.name, was, is_, now, after.cause, after.until, after.quarantined))


class Lease(msgspec.Struct, frozen=True, eq=False):
    """One call that dispatch let pass. It is given back to the deployment once, however it ended.

    ``probes`` are the guards whose recovery it tries; ``need`` is what was set aside for it, None where nobody asked.
    """

    deployment: "Deployment"
    stream: bool
    probes: tuple[Guard, ...] = ()
    need: Need | None = None


class Shared:
    """What all models behind one credential share: its room, and how many calls that asked for it are under way. ``limits`` are the policy's."""

    __slots__ = ("in_flight", "limits", "room")

    def __init__(self, room: Room, limits: Credential | None) -> None:
        self.room = room
        self.limits = limits
        self.in_flight = 0


class Away(msgspec.Struct, frozen=True):
    """Why it may not be called now, and until when (steady seconds)."""

    reason: Hindrance
    until: float
    badness: health.Badness = health.NOT_BAD


class Deployment:
    """A model behind a credential. The guards of its address and its credential, and what is ``shared``, other models have too."""

    __slots__ = (
        "address", "credential", "firsts", "guards", "hear_at", "in_flight", "is_open", "own", "room", "rules", "shared", "streams",
        "successes", "totals", "upstream", "usual_stream", "usual_whole", "wait", "weighs", "wholes",
    )  # fmt: skip

    def __init__(self, upstream: Upstream, own: Guard, address: Guard, credential: Guard, room: Room, shared: "Shared") -> None:
        self.upstream = upstream
        self.rules = own.rules
        self.own = own
        self.address = address
        self.credential = credential
        self.guards = (address, credential, own)
        self.room = room
        self.shared = shared
        self.streams = self.wholes = silence.Silence()
        self.wait = balance.Wait()
        self.weighs = False
        self.hear_at = 0.0
        self.usual_stream = Lease(self, stream=True)
        self.usual_whole = Lease(self, stream=False)
        self.in_flight = 0
        self.successes = 0
        self.firsts: deque[float] = deque(maxlen=SAMPLES)
        self.totals: deque[float] = deque(maxlen=SAMPLES)
        self.is_open = False
        self.refresh(0.0)

    def take(self, now: float, cap: float, *, stream: bool) -> Lease | None:
        """The usual case, in as few steps as will do: nothing is known against it. None: ask :meth:`consider`.

        ``cap``: no silence is longer than this many seconds.
        """
        heard = self.streams if stream else self.wholes
        if not self.is_open or silence.is_silent(heard, self.rules, now, cap):
            return None
        self._hear(stream, silence.begun(heard, now))
        self.in_flight += 1
        return self.usual_stream if stream else self.usual_whole

    def consider(self, now: float, cap: float, need: Need) -> Lease | Away:
        """With all that is known: its health first, then its room."""
        heard = self.streams if need.stream else self.wholes
        if self.own.health.until is None and silence.is_silent(heard, self.rules, now, cap):
            self._hear(need.stream, silence.restarted(heard))
            self.own.eject(now, health.SILENCE)
            self.refresh(now)
        probes = self._admitted(now)
        if probes is None:
            worst = self.badness(now)
            return Away("ejected", now + worst[1], worst)
        ready = self.room_at(now, need)
        if ready > now:
            for guard in probes:
                guard.probed(now, ok=None)
            return Away("quota", ready)
        self.room.take(now, need)
        self.shared.room.take(now, need)
        self.shared.in_flight += 1
        return self._begin(now, Lease(self, need.stream, probes, need))

    def room_at(self, now: float, need: Need) -> float:
        """When there is room for this, as far as is known; ``now`` if there is."""
        return max(self.room.ready(now, need, self.in_flight), self.shared.room.ready(now, need, self.shared.in_flight))

    def is_out(self, now: float) -> bool:
        """It is ejected, or its address or credential is."""
        return any(guard.standing(now) == "ejected" for guard in self.guards)

    def badness(self, now: float) -> health.Badness:
        """That of the worst of its guards."""
        return max(health.badness(guard.health, now) for guard in self.guards)

    def usual_wait(self, cap: float, *, stream: bool) -> float:
        """Seconds within which it is usually heard of; ``cap`` where nothing is known."""
        return silence.limit(self.streams if stream else self.wholes, self.rules, cap)

    def force(self, now: float, *, stream: bool) -> Lease:
        """Whatever is known against it."""
        return self._begin(now, Lease(self, stream))

    def _begin(self, now: float, lease: Lease) -> Lease:
        self._hear(lease.stream, silence.begun(self.streams if lease.stream else self.wholes, now))
        self.in_flight += 1
        return lease

    def _hear(self, stream: bool, heard: silence.Silence) -> None:  # noqa: FBT001 - which of the two
        if stream:
            self.streams = heard
        else:
            self.wholes = heard

    def _admitted(self, now: float) -> tuple[Guard, ...] | None:
        """The guards that this call is a probe of; None: one of them does not let it pass."""
        probes: list[Guard] = []
        for guard in self.guards:
            verdict = guard.admit(now)
            if verdict == "no":
                for taken in probes:
                    taken.probed(now, ok=None)
                return None
            if verdict == "probe":
                probes.append(guard)
        return tuple(probes)

    def answered(self, lease: Lease, began: float, spoke: float | None, now: float, usage: Usage | None) -> None:
        """The call ended well. ``spoke`` is when a stream's first content came."""
        self.in_flight -= 1
        self.successes += 1
        if spoke is None:
            spoke = now
        else:
            self.firsts.append(spoke - began)
        self.totals.append(now - began)
        if self.weighs:
            self.wait = balance.waited(self.wait, now, spoke - began)
        self._hear(lease.stream, silence.sign(self.streams if lease.stream else self.wholes, spoke - began))
        if self.is_open and lease.need is None:
            return
        self.room.served(now, self.in_flight + 1)
        self._release(lease, now, usage)
        for guard in lease.probes:
            guard.probed(now, ok=True)
        for guard in self.guards:
            if guard not in lease.probes:
                guard.spoke(now, began)
        self.refresh(now)

    def failed(self, lease: Lease, now: float, fault: ProviderFault, *, heard: bool, hung_up: bool) -> None:
        """The call failed. ``heard``: the head of an answer came; where none did, it tells of the address, unless it was we who hung up."""
        self.in_flight -= 1
        self.fold(now)
        if not isinstance(fault, TimedOut):
            self._hear(lease.stream, silence.sign(self.streams if lease.stream else self.wholes, None))
        if fault.blame is Blame.CONFIGURATION:
            guard = self.credential if fault.status in KEY_FAULTS else self.own
            guard.quarantine(now, f"{fault.status or fault.name}: {fault.message[:200]}")
        elif fault.blame is Blame.CAPACITY:
            self.room.refused(now, fault.retry_after, self.in_flight + 1)
        refused = (fault.status or 0) >= 400 or not (heard or hung_up)
        self._release(lease, now, _NO_TOKENS if refused else None)
        for guard in lease.probes:
            guard.probed(now, ok=self._verdict(guard, fault.blame, heard=heard))
        if fault.blame is Blame.HEALTH:
            guard = self.own if heard or hung_up else self.address
            if guard not in lease.probes:
                guard.observe(now, failures=1)
        self.refresh(now)

    def _verdict(self, guard: Guard, blame: Blame, *, heard: bool) -> bool | None:
        """What a failure tells of a guard that it was a probe of: an address that answers is well, whatever it says."""
        if blame is Blame.QUALITY or (heard and guard is self.address):
            return True
        return False if blame is Blame.HEALTH and guard is not self.credential else None

    def dropped(self, lease: Lease, began: float, now: float, *, outrun: bool = False, heard: bool = False) -> None:
        """We hung up. That tells nothing, unless it was ``outrun``: hedges shall not hide that it is silent, nor keep it probing for ever.

        ``heard``: its answer's head had come.
        """
        self.in_flight -= 1
        known = self.streams if lease.stream else self.wholes
        if not outrun and now - began <= silence.limit(known, self.rules, inf):  # who was kept waiting too long bears witness
            self._hear(lease.stream, silence.left(known, began))
        self._release(lease, now, None)
        for guard in lease.probes:
            guard.probed(now, ok=self._verdict(guard, Blame.HEALTH, heard=heard) if outrun else None)

    def _release(self, lease: Lease, now: float, usage: Usage | None) -> None:
        if lease.need is not None:
            self.room.settle(now, lease.need, usage)
            self.shared.room.settle(now, lease.need, usage)
            self.shared.in_flight -= 1

    def hear(self, headers: Sequence[tuple[bytes, bytes]], now: float, unix: float) -> None:
        """What an answer's headers say of the room that is left."""
        self.hear_at = now + HEAR_EVERY
        self.room.hear(headers, now, unix)
        self.is_open = self.is_open and self.room.is_boundless(now)

    def fold(self, now: float) -> None:
        """Successes are only counted, and told to the guards when it matters."""
        if self.successes:
            for guard in self.guards:
                guard.observe(now, successes=self.successes)
            self.successes = 0

    def refresh(self, now: float) -> None:
        """Whether :meth:`take` will do until something happens."""
        self.is_open = (
            self.room.is_boundless(now)
            and self.shared.room.is_boundless(now)
            and all(guard.is_clear(now) for guard in self.guards)
        )
