"""The health of one thing that may be unwell (an address, a credential, a model behind one), as a pure state machine.

    admitting <-> degraded        by the share of failures, remembered for about a window
    admitting, degraded -> ejected    share, failures in a row, silence, or a configuration fault (quarantine)
    ejected -> probing            time alone
    probing -> admitting          enough probes succeeded; its share of traffic then grows back (the ramp)
    probing -> ejected            a probe failed; for twice as long

Only probes decide once a deployment is ejected: whatever began before tells of the past (but see :func:`spoke`).
``now`` is steady seconds, ``chance`` 0..1.
"""

from math import exp
from typing import Literal

import msgspec

from turnout.types.resilience import HealthRules

Standing = Literal["admitting", "degraded", "ejected", "probing"]
Admission = Literal["go", "probe", "no"]
Badness = tuple[bool, float, float]
NOT_BAD: Badness = (False, 0.0, 0.0)

TRICKLE = 0.1
"""The share of requests that a degraded deployment gets, so that its recovery is seen; the ramp begins with it too."""

SILENCE = "silence"

_FEWEST_FAILURES = 2
"""Up to this many remembered failures are chance: one in twenty is 5 % but no trend."""

_SCATTER = 0.2
"""An ejection lasts this share less or more, by chance, so that workers do not come back in step."""


class Health(msgspec.Struct, frozen=True, gc=False):
    """What is known. ``succeeded`` and ``failed`` are remembered counts as of ``at``; ``in_row`` failures since the last success.

    ``until`` is None while admitted; ``since`` the time of the last ejection, ``cause`` its reason. ``probing`` counts probes in flight,
    ``passed`` those that succeeded since the ejection. ``ejections`` counts as of ``back``, the time of the last readmission.
    """

    succeeded: float = 0.0
    failed: float = 0.0
    at: float = 0.0
    in_row: int = 0
    degraded: bool = False
    until: float | None = None
    since: float | None = None
    cause: str | None = None
    quarantined: bool = False
    probing: int = 0
    passed: int = 0
    ejections: int = 0
    back: float | None = None


def standing(health: Health, rules: HealthRules, now: float) -> Standing:
    """Where it stands; an ejection's end and a fading memory need no event to be seen."""
    if health.until is not None:
        return "ejected" if now < health.until else "probing"
    return "degraded" if _is_degraded(health, rules, now) else "admitting"


def share(health: Health, rules: HealthRules, now: float) -> float:
    """The share of requests it may get: 1, less while degraded or on the ramp, 0 while ejected or probing."""
    if health.until is not None:
        return 0.0
    if _is_degraded(health, rules, now):
        return TRICKLE
    if health.back is None or now >= health.back + rules.ramp:
        return 1.0
    return TRICKLE + (1.0 - TRICKLE) * max(0.0, now - health.back) / rules.ramp


def admit(health: Health, rules: HealthRules, now: float, chance: float) -> tuple[Health, Admission]:
    """May this request go there? ``probe``: yes, and its outcome must come back through :func:`probed`, whatever it is."""
    if health.until is None:
        return health, "go" if chance < share(health, rules, now) else "no"
    if now < health.until or health.probing >= _probes(health, rules):
        return health, "no"
    return msgspec.structs.replace(health, probing=health.probing + 1), "probe"


def observe(
    health: Health, rules: HealthRules, now: float, *, successes: int = 0, failures: int = 0, chance: float = 0.5
) -> Health:
    """Fold outcomes in, the successes first: a batch is folded when a failure comes. While it is ejected they move only its share."""
    faded = _fading(health, rules, now)
    succeeded = health.succeeded * faded + successes
    failed = health.failed * faded + failures
    in_row = failures if successes else health.in_row + failures
    if health.until is not None:
        return msgspec.structs.replace(health, succeeded=succeeded, failed=failed, at=now)

    counted = succeeded + failed
    stays = _is_degraded(health, rules, now) and failed > counted * rules.degraded_at / 2
    degraded = stays or (failures > 0 and _reaches(failed, counted, rules.degraded_at, rules))
    told = msgspec.structs.replace(health, succeeded=succeeded, failed=failed, at=now, in_row=in_row, degraded=degraded)
    if in_row >= rules.consecutive:
        return eject(told, rules, now, chance, "consecutive failures")
    if failures and _reaches(failed, counted, rules.eject_at, rules):
        return eject(told, rules, now, chance, "share of failures")
    return told


def eject(health: Health, rules: HealthRules, now: float, chance: float, cause: str) -> Health:
    """Out, for a time that doubles with each ejection not yet forgotten. One that is out already stays out as long as it was to."""
    if health.until is not None and now < health.until:
        return health
    ejections = _remembered(health, rules, now) + 1
    lasts = min(rules.ejection * 2.0 ** min(ejections - 1, 60), rules.longest_ejection)
    until = now + lasts * (1.0 - _SCATTER + 2.0 * _SCATTER * chance)
    return _out(health, now, until, cause, ejections=ejections)


def quarantine(health: Health, rules: HealthRules, now: float, cause: str) -> Health:
    """Out for long, by a configuration fault: only a person mends it. Overrides an ejection; a second one adds nothing."""
    if health.quarantined and health.until is not None and now < health.until:
        return health
    return _out(health, now, now + rules.quarantine, cause, ejections=_remembered(health, rules, now), quarantined=True)


def probed(
    health: Health, rules: HealthRules, now: float, ok: bool | None, chance: float = 0.5  # noqa: FBT001 - a verdict of three
) -> Health:  # fmt: skip
    """A probe is over. None: no verdict (cancelled, or the caller's own fault), its place is free again.

    A verdict that comes when others have settled the matter is an outcome like any other.
    """
    freed = msgspec.structs.replace(health, probing=max(0, health.probing - 1))
    if ok is None:
        return freed
    if health.until is None or now < health.until:
        return observe(freed, rules, now, successes=int(ok), failures=int(not ok), chance=chance)
    if not ok:
        return eject(freed, rules, now, chance, "probe failed")
    needed = 1 if health.quarantined else rules.successes
    if health.passed + 1 >= needed:
        return _readmitted(freed, now)
    return msgspec.structs.replace(freed, passed=health.passed + 1)


def spoke(health: Health, rules: HealthRules, now: float, began: float | None = None) -> Health:  # noqa: ARG001 - one shape for all
    """An attempt that was no probe had an answer. After a silence any answer readmits: the silence was all there was against it.

    Otherwise only one to an attempt that ``began`` after the ejection (the least bad of all that were ejected) tells something: probing
    may begin at once.
    """
    if health.until is None:
        return health
    if health.cause == SILENCE:
        return _readmitted(health, now)
    if began is None or health.since is None or began < health.since or health.until <= now:
        return health
    return msgspec.structs.replace(health, until=now)


def badness(health: Health, now: float) -> Badness:
    """Sorts the least bad first: what only a person can mend comes last, then the soonest ready, then the least share of failures."""
    counted = health.succeeded + health.failed
    wait = 0.0 if health.until is None else max(0.0, health.until - now)
    return health.quarantined, wait, health.failed / counted if counted else 0.0


def _out(health: Health, now: float, until: float, cause: str, *, ejections: int, quarantined: bool = False) -> Health:
    return msgspec.structs.replace(
        health,
        until=until,
        since=now,
        cause=cause,
        quarantined=quarantined,
        ejections=ejections,
        passed=0,
        in_row=0,
        degraded=False,
    )


def _readmitted(health: Health, now: float) -> Health:
    """With a clean memory, but for how often it was ejected."""
    return Health(at=now, probing=health.probing, since=health.since, ejections=health.ejections, back=now)


def _probes(health: Health, rules: HealthRules) -> int:
    return 1 if health.quarantined else rules.probes + health.passed


def _remembered(health: Health, rules: HealthRules, now: float) -> int:
    """Ejections not yet forgotten: each window spent admitted forgets one (Envoy: each interval), as it does the outcomes."""
    if health.until is not None or health.back is None:
        return health.ejections
    return max(0, health.ejections - int((now - health.back) / rules.window))


def _fading(health: Health, rules: HealthRules, now: float) -> float:
    return exp(min(0.0, health.at - now) / rules.window)


def _is_degraded(health: Health, rules: HealthRules, now: float) -> bool:
    """Until a quarter of the evidence it takes is left: on a trickle the proof of a recovery may never come."""
    if not health.degraded:
        return False
    return (health.succeeded + health.failed) * _fading(health, rules, now) >= rules.samples / 4


def _reaches(failed: float, counted: float, share_of_failures: float, rules: HealthRules) -> bool:
    return counted >= rules.samples and failed > _FEWEST_FAILURES and failed >= counted * share_of_failures
