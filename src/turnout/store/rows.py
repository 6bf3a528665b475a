"""Records as rows and back, without loss. The order of a row's values is the order of its table's columns."""

from collections.abc import Sequence
from typing import Any

import msgspec

from turnout.types.record import Attempt, Record
from turnout.types.reply import Usage
from turnout.types.traits import Traits

Values = tuple[object, ...]
DbRow = Any  # its attributes are the labels of the query it came from

_encode = msgspec.msgpack.Encoder().encode
_decode_traits = msgspec.msgpack.Decoder(Traits).decode
_decode_skipped = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode
RECORDED = 40
"""So many columns of ``requests`` hold the record; those after them are about it."""
_NO_TURN: Values = (None, None)
_NO_USAGE: Values = (None,) * len(Usage.__struct_fields__)


def request_row(record: Record) -> Values:
    traits = record.traits
    usages = [attempt.usage for attempt in record.attempts if attempt.usage is not None]
    return (
        record.id,
        record.at,
        record.worker,
        record.policy,
        record.view,
        record.seed,
        record.plan,
        record.route,
        record.reason,
        record.model,
        record.outcome,
        record.code,
        record.status,
        record.stream,
        record.duration_ms,
        record.first_token_ms,
        record.decision_us,
        record.cost,
        record.baseline,
        len(record.attempts),
        *((traits.task.value, traits.band, traits.complexity, traits.caller, traits.session) if traits else (None,) * 5),
        sum(usage.total_input for usage in usages) if usages else None,
        sum(usage.total_output for usage in usages) if usages else None,
        _encode(traits) if traits else None,
        msgspec.json.encode(record.skipped).decode() if record.skipped else None,
        record.edition,
        record.saved,
        record.drill,
        record.ticket,
        record.copy_of,
        record.trace,
        *(record.turn or _NO_TURN),
        record.trial,
        record.side,
        record.propensity,
    )


def unit_of(record: Record) -> str | None:
    """Whom an arm was drawn for (decide.drawn), where that is more than this one request."""
    traits = record.traits
    if record.trial is None or traits is None:
        return None
    if traits.session is not None:
        return f"session {traits.session}"
    user = traits.tags.get("user")
    return None if user is None else f"user {user}"


def attempt_row(record: Record, n: int, attempt: Attempt) -> Values:
    usage = attempt.usage
    return (
        record.id,
        n,
        attempt.model,
        attempt.model.partition("/")[0],
        attempt.reason,
        attempt.started_ms,
        attempt.ended_ms,
        attempt.first_token_ms,
        attempt.status,
        attempt.fault,
        attempt.detail,
        attempt.cost,
        attempt.upstream_model,
        *(_NO_USAGE if usage is None else msgspec.structs.astuple(usage)),
        record.edition,
    )


def record_of(request: DbRow, attempts: Sequence[DbRow]) -> Record:
    """The record that was stored as these rows; ``attempts`` in order."""
    return Record(
        id=request.id,
        at=request.at,
        worker=request.worker,
        policy=request.policy,
        view=request.view,
        seed=request.seed,
        plan=request.plan,
        route=request.route,
        reason=request.reason,
        model=request.model,
        outcome=request.outcome,
        code=request.code,
        status=request.status,
        stream=request.stream,
        duration_ms=request.duration_ms,
        first_token_ms=request.first_token_ms,
        decision_us=request.decision_us,
        cost=request.cost_pico,
        traits=None if request.traits is None else _decode_traits(request.traits),
        attempts=tuple(map(_attempt_of, attempts)),
        baseline=request.baseline_pico,
        skipped=() if request.skipped is None else _decode_skipped(request.skipped),
        edition=request.edition,
        saved=request.saved_pico,
        drill=request.drill,
        ticket=request.ticket,
        copy_of=request.copy_of,
        trace=request.trace,
        turn=None if request.turn is None else (request.turn_before, request.turn),
        trial=request.trial,
        side=request.side,
        propensity=request.propensity,
    )


def _attempt_of(row: DbRow) -> Attempt:
    usage = None if row.complete is None else Usage(**{name: getattr(row, name) for name in Usage.__struct_fields__})
    return Attempt(
        model=row.model,
        reason=row.reason,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        first_token_ms=row.first_token_ms,
        status=row.status,
        fault=row.fault,
        detail=row.detail,
        usage=usage,
        cost=row.cost_pico,
        upstream_model=row.upstream_model,
    )
