"""What releases decided, over what people wrote (ADR 10): the content of ``turnout.lock.yaml``."""

from typing import Any

import msgspec

from turnout.types.checks import Check
from turnout.types.money import PicoDollars
from turnout.types.release import Role


class Adopted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A release's role on a route, in force since ``at`` (unix seconds) on the word of ``by``. ``when`` as turnout.yaml writes it.

    ``approved``: it was put on the route's approved list with it.
    """

    release: str
    role: Role
    model: str
    at: float
    by: str
    when: dict[str, Any] | None = None
    checks: tuple[Check, ...] = ()
    approved: bool = False


class Running(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trial. ``share`` 0..1 is the candidate's."""

    release: str
    role: Role
    model: str
    share: float
    salt: str
    when: dict[str, Any] | None = None
    checks: tuple[Check, ...] = ()
    approved: bool = False


class Mirroring(msgspec.Struct, frozen=True, omit_defaults=True):
    """Copies to a candidate. ``sample`` 0..1, ``budget`` pico-dollars a day. ``approved`` as elsewhere: it may see the route's requests."""

    release: str
    model: str
    sample: float
    budget: PicoDollars
    when: dict[str, Any] | None = None
    approved: bool = False


class RouteLock(msgspec.Struct, frozen=True, omit_defaults=True):
    """``over`` is a digest of the route as people had written it, ``chooses`` of what it chose from: a change ends the trial, or all of it."""

    over: str
    chooses: str
    adopted: tuple[Adopted, ...] = ()
    trial: Running | None = None
    mirror: Mirroring | None = None


class Frozen(msgspec.Struct, frozen=True):
    """The freeze switch: no release takes a step by itself; harm still rolls back."""

    by: str
    at: float
    why: str = ""


class Lock(msgspec.Struct, frozen=True, omit_defaults=True):
    """``revision`` rises with each change: whoever writes must have read the latest."""

    revision: int = 0
    routes: dict[str, RouteLock] = {}
    frozen: Frozen | None = None
