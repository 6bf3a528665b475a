"""A record as spans: the request, its decision, each call. Pure: the same record makes the same spans, ids and times included.

No content, and no text of a provider's: it may quote content. Not a tag or header either.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Literal

import msgspec

from turnout.telemetry.names import PATHS, Profile, provider_name
from turnout.types.models import Modality
from turnout.types.money import usd
from turnout.types.record import Attempt, Record
from turnout.types.reply import Usage
from turnout.types.suite import BENCH
from turnout.types.traits import Traits

Value = str | bool | int | float | tuple[str, ...]
Attributes = Mapping[str, Value]

LONGEST = 200
"""Characters of a text that others chose."""

_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 1
_IDS = 2**64
_OWN_FAULT = 500


class Link(msgspec.Struct, frozen=True, gc=False):
    """To a span that this one follows from without being part of it."""

    trace_id: int
    span_id: int


class Span(msgspec.Struct, frozen=True, gc=False):
    """Times in unix nanoseconds. ``error`` names what went wrong, None where nothing did."""

    trace_id: int
    span_id: int
    parent_id: int | None
    name: str
    kind: Literal["server", "internal", "client"]
    start: int
    end: int
    attributes: Attributes
    error: str | None = None
    links: tuple[Link, ...] = ()


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a request stands: its trace, its own span, and the caller's span above it, if there is one, with the caller's choice."""

    trace_id: int
    span_id: int
    parent_id: int | None = None
    parent_sampled: bool | None = None


def place_of(record: Record) -> Place:
    """Of its id alone, but for the caller's trace. A copy is a trace of its own: the caller does not wait for it."""
    own = _derived(record.id)
    parent = _parent_of(record.trace)
    return own if parent is None or record.copy_of is not None else msgspec.structs.replace(parent, span_id=own.span_id)


def spans_of(record: Record, profiles: frozenset[Profile], place: Place, *, sessions: bool = False) -> Iterator[Span]:
    """The request first. ``sessions``: say which conversation it was part of."""
    start = int(record.at * 1e9)
    end = start + int(record.duration_ms * 1e6)
    trace_id, request_id = place.trace_id, place.span_id
    path = PATHS.get(record.traits.front) if record.traits is not None else None
    yield Span(
        trace_id, request_id, place.parent_id, f"POST {path}" if path else "POST", "internal" if record.copy_of else "server",
        start, end, dict(_of_request(record, path, sessions)), _went_wrong(record), _links(record),
    )  # fmt: skip
    if record.traits is not None:
        decided = min(end, start + int(record.decision_us * 1e3))
        attributes = dict(_of_decision(record, record.traits))
        yield Span(trace_id, _after(request_id, 1), request_id, "decide", "internal", start, decided, attributes)
    for n, attempt in enumerate(record.attempts, 1):
        began, ended = (min(end, start + int(ms * 1e6)) for ms in (attempt.started_ms, attempt.ended_ms))
        yield Span(
            trace_id, _after(request_id, 1 + n), request_id, f"chat {attempt.model.partition('/')[2] or attempt.model}", "client",
            began, max(began, ended), dict(_of_attempt(record, attempt, n, profiles)), attempt.fault,
        )  # fmt: skip


def _derived(id_: str) -> Place:
    digest = blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=24).digest()
    return Place(int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:]) or 1)


def _after(span_id: int, n: int) -> int:
    return (span_id + n) % _IDS or _IDS - 1  # zero is no id


def _parent_of(trace: str | None) -> Place | None:
    """Of a ``traceparent``; span_id is the caller's too until it is replaced."""
    found = _PARENT.fullmatch(trace) if trace is not None else None
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    if not (trace_id and span_id):
        return None
    return Place(trace_id, span_id, span_id, bool(flags & _SAMPLED))


def _links(record: Record) -> tuple[Link, ...]:
    if record.copy_of is None or record.copy_of.startswith(BENCH):
        return ()
    original, parent = _derived(record.copy_of), _parent_of(record.trace)
    return (Link(parent.trace_id if parent else original.trace_id, original.span_id),)


def _went_wrong(record: Record) -> str | None:
    """As the conventions for HTTP servers have it: what the caller did wrong, or left, is no failure of ours."""
    if record.outcome == "cut" or (record.outcome in ("failed", "rejected") and record.status >= _OWN_FAULT):
        return record.code or record.outcome
    return None


def _of_request(record: Record, path: str | None, sessions: bool) -> Iterator[tuple[str, Value]]:  # noqa: FBT001 - private, passed on
    yield "http.request.method", "POST"
    if path is not None:
        yield "http.route", path
    yield "http.response.status_code", record.status
    yield "turnout.request_id", record.id
    yield "turnout.outcome", record.outcome
    if record.outcome not in ("ok", "begun"):
        yield "error.type", record.code or record.outcome
    yield "turnout.policy", record.policy
    yield from _given(("turnout.route", record.route), ("turnout.reason", record.reason), ("turnout.model", record.model))
    yield "turnout.attempts", len(record.attempts)
    if record.reason == "fallback":
        yield "turnout.fallback", True
    yield from _cost(record.cost)
    if record.reason == "cache":
        yield "turnout.cached", True
    if record.saved is not None:
        yield "turnout.saved_usd", usd(record.saved)
    yield from _given(("turnout.drill", record.drill), ("turnout.ticket", record.ticket), ("turnout.copy_of", record.copy_of))
    if (traits := record.traits) is not None:
        yield "turnout.requested_model", traits.model[:LONGEST]
        yield from _given(("turnout.key", traits.caller))
        if sessions and traits.session:
            yield "gen_ai.conversation.id", traits.session[:LONGEST]


def _of_decision(record: Record, traits: Traits) -> Iterator[tuple[str, Value]]:
    """What was decided, from what, and what dispatch left out of it."""
    yield from _given(("turnout.route", record.route), ("turnout.reason", record.reason))
    yield "turnout.policy", record.policy
    yield "turnout.view", record.view
    yield "turnout.plan", record.plan
    yield from _given(("turnout.task", traits.task.value), ("turnout.band", traits.band))
    yield "turnout.task_source", traits.task.source
    if traits.complexity is not None:
        yield "turnout.complexity", traits.complexity
    if record.skipped:
        yield "turnout.skipped", tuple(f"{model}: {reason}" for model, reason in record.skipped)
    yield "turnout.attempts", len(record.attempts)
    yield "turnout.decision_seconds", record.decision_us / 1e6


def _of_attempt(record: Record, attempt: Attempt, n: int, profiles: frozenset[Profile]) -> Iterator[tuple[str, Value]]:
    provider, _, name = attempt.model.partition("/")
    yield "gen_ai.operation.name", "chat"
    yield "gen_ai.provider.name", provider_name(provider)
    yield "gen_ai.request.model", name or attempt.model
    if attempt.upstream_model is not None:
        yield "gen_ai.response.model", attempt.upstream_model[:LONGEST]
    yield "gen_ai.request.stream", record.stream
    if (traits := record.traits) is not None:
        if traits.max_output is not None:
            yield "gen_ai.request.max_tokens", traits.max_output
        if traits.n != 1:
            yield "gen_ai.request.choice.count", traits.n
    if record.stream and attempt.first_token_ms is not None:
        yield "gen_ai.response.time_to_first_chunk", max(0.0, attempt.first_token_ms - attempt.started_ms) / 1e3
    if attempt.usage is not None:
        yield from _of_usage(attempt.usage, profiles)
    if attempt.status is not None:
        yield "http.response.status_code", attempt.status
    if attempt.fault is not None:
        yield "error.type", attempt.fault
    yield "turnout.request_id", record.id
    yield "turnout.attempt", n
    yield "turnout.model", attempt.model
    yield "turnout.reason", attempt.reason
    yield from _given(("turnout.route", record.route), ("turnout.drill", record.drill))
    yield from _cost(attempt.cost)


def _of_usage(usage: Usage, profiles: frozenset[Profile]) -> Iterator[tuple[str, Value]]:
    written = usage.cache_write + usage.cache_write_1h
    yield "gen_ai.usage.input_tokens", usage.total_input
    yield "gen_ai.usage.output_tokens", usage.total_output
    yield "gen_ai.usage.cache_read.input_tokens", usage.cache_read
    if "old" in profiles:
        yield "gen_ai.usage.cache_creation.input_tokens", written
    if "new" in profiles:
        yield "gen_ai.usage.cache_write.input_tokens", written
        yield "gen_ai.usage.reasoning.output_tokens", usage.reasoning
        for medium in ("audio", "image"):
            for way in ("input", "output"):
                if tokens := getattr(usage, f"{way}_{medium}"):
                    yield f"gen_ai.usage.{medium}.{way}_tokens", tokens


def modality(bits: int) -> Literal["text", "unknown"]:
    """Of tokens that a provider did not tell apart: text where there was nothing else."""
    return "text" if bits == Modality.TEXT else "unknown"


def _cost(cost: int | None) -> Iterator[tuple[str, Value]]:
    yield ("turnout.cost_unknown", True) if cost is None else ("turnout.cost_usd", usd(cost))


def _given(*pairs: tuple[str, str | None]) -> Iterator[tuple[str, Value]]:
    return ((name, value) for name, value in pairs if value is not None)
