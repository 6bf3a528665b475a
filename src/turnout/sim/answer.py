"""One answer on its way to the client: its events, their pace, and the fault that may strike on the way."""

import asyncio

import msgspec

from turnout.dialects.collect import events_of
from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import Code, TurnoutError
from turnout.sim.brain import Thought
from turnout.sim.faults import STATUS, Fault
from turnout.sim.http import Exchange, Headers
from turnout.sim.tokens import count
from turnout.types.reply import (
    Event,
    Finished,
    ReasoningDelta,
    Reply,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)

PIECE = 24  # characters of one delta
CONTENT = (TextDelta, ReasoningDelta, ToolCallStarted, ToolCallDelta, Finished)  # an empty answer's finish is its content
MID_BODY = frozenset({"cut", "truncated", "broken_json", "error_in_200", "reset"})


class Pace(msgspec.Struct, frozen=True):
    """Seconds to the first token and per token; zero does not wait at all."""

    first: float
    token: float


class Job(msgspec.Struct, frozen=True):
    """All that delivering needs. ``reported`` is the usage the client is told, which a fault can make differ from the true one."""

    exchange: Exchange
    dialect: Dialect
    ask: Ask
    id: str
    model: str
    thought: Thought
    reported: Usage | None
    pace: Pace
    fault: Fault | None
    headers: Headers


class Delivered:
    """How far the answer got: what a provider would bill, also when the client left half-way."""

    def __init__(self) -> None:
        self.tokens = 0
        self.complete = False


def refuse(exchange: Exchange, dialect: Dialect, error: TurnoutError, headers: Headers = ()) -> None:
    """An error answer before anything was done."""
    extra = [*headers, ("content-type", "application/json")]
    if error.retry_after is not None:
        extra.append(("retry-after", f"{error.retry_after:g}"))
    exchange.answer(error.status, dialect.write_error(error), extra)


def refusal(fault: Fault) -> TurnoutError | None:
    """The error that a fault answers with instead of any content, None if it is of another kind."""
    status = STATUS.get(fault.kind)
    if status is None:
        return None
    code = {429: Code.RATE_LIMITED, 401: Code.UNAUTHENTICATED, 404: Code.MODEL_NOT_FOUND}.get(status, Code.OVERLOADED)
    return TurnoutError(code, f"simulated fault: {fault.kind}", status=status, retry_after=fault.retry_after)


async def deliver(job: Job, delivered: Delivered) -> None:
    """Write the answer; ``delivered`` is kept current, so that it is right even when this is cancelled."""
    fault = job.fault
    if fault is not None and fault.kind == "slow_first_token":
        await asyncio.sleep(fault.seconds)
    if fault is not None and fault.after is None and not await _survives(job, fault, b""):
        return
    await (_stream if job.ask.sketch.stream else _whole)(job, delivered)


async def _whole(job: Job, delivered: Delivered) -> None:
    exchange, dialect, fault = job.exchange, job.dialect, job.fault
    usage = job.thought.usage
    await _pause(job.pace.first + job.pace.token * usage.total_output)
    body = dialect.write_reply(_reply(job))
    headers = [*job.headers, ("content-type", "application/json")]
    if fault is not None and fault.after is not None:
        if fault.kind == "stall":
            await asyncio.sleep(fault.seconds)
        elif fault.kind in MID_BODY:
            half = body[: len(body) // 2]
            if fault.kind == "error_in_200":
                exchange.answer(200, dialect.write_error(_inner_error()), headers)
            elif fault.kind in {"truncated", "broken_json"}:
                exchange.answer(200, half, headers)
            else:
                if fault.kind == "cut" or fault.after:
                    exchange.answer(200, half, headers, claimed=len(body))
                await _hang_up(exchange, fault)
            return
    exchange.answer(200, body, headers)
    delivered.tokens, delivered.complete = usage.total_output, True


def _reply(job: Job) -> Reply:
    return Reply(job.id, job.model, (job.thought.choice,) * (job.ask.sketch.n or 1), job.reported)


async def _stream(job: Job, delivered: Delivered) -> None:
    exchange, fault = job.exchange, job.fault
    writer = job.dialect.writer(job.ask)
    exchange.start(200, [*job.headers, ("content-type", job.dialect.stream_type), ("cache-control", "no-cache")])
    pending: list[bytes] = []
    contents = 0
    wait = job.pace.first
    for event in events_of(_reply(job), PIECE):
        written = writer.write(event)  # once: a writer remembers what it began
        if isinstance(event, CONTENT):
            if fault is not None and fault.after is not None and contents >= fault.after:
                await _flush(exchange, pending)
                if not await _survives(job, fault, written):
                    return
                fault = None
            if wait:
                await _flush(exchange, pending)
                await _pause(wait)
            tokens = _tokens(event)
            wait = job.pace.token * tokens
            delivered.tokens += tokens
            contents += 1
        pending.append(written)
    await _flush(exchange, pending)
    exchange.end()
    delivered.complete = True


async def _survives(job: Job, fault: Fault, coming: bytes) -> bool:
    """Let a fault strike in mid-stream, before the bytes ``coming``; whether the answer goes on after it."""
    exchange = job.exchange
    if fault.kind == "stall":
        await asyncio.sleep(fault.seconds)
        return True
    if fault.kind not in MID_BODY:
        return True
    if fault.kind in {"cut", "reset"} or fault.after is None:
        await _hang_up(exchange, fault)
        return False
    if fault.kind == "error_in_200":
        await exchange.write(job.dialect.error_event(_inner_error()))
    elif fault.kind == "broken_json":
        await exchange.write((coming or b'data: {"broken": 1}').rstrip()[:-5] + b"\n\n")
    exchange.end()
    return False


async def _hang_up(exchange: Exchange, fault: Fault) -> None:
    if fault.kind == "reset":
        await asyncio.sleep(0.005)  # a reset overtakes bytes still in the client's kernel buffer: let them be read first
        exchange.reset()
    else:
        exchange.cut()


async def _flush(exchange: Exchange, pending: list[bytes]) -> None:
    data = b"".join(pending)
    pending.clear()
    await exchange.write(data)


async def _pause(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


def _inner_error() -> TurnoutError:
    return TurnoutError(Code.OVERLOADED, "simulated fault: error_in_200", status=529)


def _tokens(event: Event) -> int:
    match event:
        case TextDelta() | ReasoningDelta():
            return count(event.text)
        case ToolCallStarted():
            return count(event.name)
        case ToolCallDelta():
            return count(event.arguments)
        case _:
            return 0
