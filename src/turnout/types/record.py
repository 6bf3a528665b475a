"""What is written down of one request: the inputs of its decision and what really happened."""

from typing import Literal

import msgspec

from turnout.types.money import PicoDollars
from turnout.types.reply import Usage
from turnout.types.traits import Traits

Outcome = Literal["ok", "rejected", "failed", "cut", "cancelled", "begun"]
Side = Literal["candidate", "control", "mirror"]
"""The arm of a trial a request was in, or that it is a mirror's copy."""


class Attempt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One upstream call. Times in milliseconds from the request's arrival; ``fault`` None means it answered well.

    ``cost`` is None when the price or the usage is unknown: loud, never zero. A failed attempt that billed tokens says so.
    """

    model: str
    reason: str
    started_ms: float
    ended_ms: float
    first_token_ms: float | None
    status: int | None
    fault: str | None
    detail: str | None
    usage: Usage | None
    cost: PicoDollars | None
    upstream_model: str | None = None


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One request. ``at`` is unix seconds of arrival. ``traits`` None when the request was refused before it could be decided.

    Outcomes: ``ok``; ``rejected`` (by us, nothing was called); ``failed`` (chain exhausted); ``cut`` (failed after the first
    content reached the client); ``cancelled`` (the client left); ``begun`` (provisional: a stream of an audited route whose
    final record has not come yet, ADR 2). ``skipped`` pairs the plan's steps that dispatch left out with the reason.
    ``saved`` is what the call was charged whose answer was given again, ``ticket`` the request's own when it was handed to people,
    ``drill`` that of a rehearsal the request was part of. ``copy_of`` is the request of a client's that this one was made from: nobody
    waited for it, and it costs what it costs. ``edition`` counts a request's records from 0: an audited route's are written before the answer too, and the last one holds.
    ``trace`` is the caller's own W3C ``traceparent``. ``turn`` tells a session's turns apart without their content: digests of the
    conversation before the last message of the user's, and of that message. ``trial`` is the release on whose trial it was, ``side`` its
    arm, ``propensity`` the probability with which that arm (or, of an exploring route, its first model) was drawn.
    """

    id: str
    at: float
    worker: str
    policy: int
    view: str
    seed: int
    plan: str
    route: str | None
    reason: str | None
    model: str | None
    outcome: Outcome
    code: str | None
    status: int
    stream: bool
    duration_ms: float
    first_token_ms: float | None
    decision_us: float
    cost: PicoDollars | None
    traits: Traits | None
    attempts: tuple[Attempt, ...]
    baseline: PicoDollars | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    edition: int = 0
    saved: PicoDollars | None = None
    drill: str | None = None
    ticket: str | None = None
    copy_of: str | None = None
    trace: str | None = None
    turn: tuple[int, int] | None = None
    trial: str | None = None
    side: Side | None = None
    propensity: float | None = None
