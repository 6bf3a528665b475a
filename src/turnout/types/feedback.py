"""What somebody, or something, thought of an answer (PRODUCT B3, R12)."""

from typing import Literal

import msgspec

Kind = Literal[
    "thumb", "stars", "nps", "label", "accepted", "edited", "rejected", "outcome", "value", "check", "judge", "implicit"
]
"""The last three are what Turnout finds out by itself: no caller may send them."""

Source = Literal["user", "import", "check", "judge", "implicit"]


class Feedback(msgspec.Struct, frozen=True, tag="feedback", gc=False):
    """One opinion on a request, or on all requests of a session up to then. ``at`` is unix seconds of what it speaks of.

    ``id`` names it: the same id again is the same opinion, said twice. A later one of another id, but the same subject, source,
    tenant, kind and name, replaces it. ``tenant`` is the key it came with, and the only one whose requests it may judge; None where
    there are no keys, and from an administrator, who may judge all. ``value`` is a number in the kind's own scale
    (thumb -1 or 1, stars 1..5, nps 0..10, the rest as they are; None for a label without a number), ``name`` what a label, an outcome, a value, a check or a signal is called.
    ``verdict`` is what it says of the answer's being acceptable, 0..1; None when it says nothing of that.
    """

    id: str
    at: float
    kind: Kind
    source: Source
    request_id: str | None = None
    session: str | None = None
    tenant: str | None = None
    name: str | None = None
    value: float | None = None
    verdict: float | None = None
    note: str | None = None
