"""What became of a cell, in the page's words, and whether client, ledger and provider tell the same story of it."""

from collections.abc import Iterator
from typing import Any

import msgspec
from tools.fault_matrix.cells import Cell
from tools.fault_matrix.client import Answer, Heard, hear
from tools.fault_matrix.sound import FALLBACK, PRIMARY

EARLY = 0.02
"""Seconds by which a limit may seem to end early: clocks of two processes, and timers of whole milliseconds."""
LATE = 2.0
"""Seconds by which it may be late: the machine is busy with the other cells."""
NONE = "-"

_LIMITS = {
    "no connection to": "connect",
    "no content within": "first token",
    "no further byte": "idle",
    "no answer within": "total",
    "the request's deadline passed": "deadline",
}
"""What an attempt's record says -> the limit that ended it."""


class Outcome(msgspec.Struct, frozen=True):
    """``fault`` and ``limit`` are the first attempt's. ``billed``: what each attempt cost, so that their number is that of attempts."""

    fault: str
    limit: str
    gets: str
    billed: str


def judge(cell: Cell, answer: Answer, record: dict[str, Any], reached: int, saved: int) -> tuple[Outcome, list[str]]:
    """Its outcome, and every disagreement. ``reached`` and ``saved``: requests that its provider and the fallback counted."""
    heard = hear(cell.key.front, answer)
    attempts = record["attempts"]
    outcome = Outcome(
        attempts[0]["fault"] or NONE, _limit(attempts[0]), _gets(answer, heard, record), " + ".join(_bill(cell, attempt) for attempt in attempts)
    )  # fmt: skip
    problems = [*_story(answer, heard, record), *_money(answer, record), *_time(cell, answer, record, outcome.limit)]
    if attempts[0]["fault"] is None and attempts[0]["upstream_model"] != cell.fault.model:
        problems.append(f"{cell.fault.model} answered, the ledger says {attempts[0]['upstream_model']}")
    tried = sum(attempt["model"] == f"{cell.id}/m" for attempt in attempts)
    if cell.is_reached and reached != tried:
        problems.append(f"the provider was called {reached} times, the ledger says {tried}")
    if saved != len(attempts) - tried:
        problems.append(f"the fallback was called {saved} times, the ledger says {len(attempts) - tried}")
    return outcome, problems


def _gets(answer: Answer, heard: Heard, record: dict[str, Any]) -> str:
    if answer.status != 200:
        after = f", Retry-After {answer.headers['retry-after']}" if "retry-after" in answer.headers else ""
        return f"{answer.status} {record['code']}{after}"
    if heard.error is not None:
        return "cut" if heard.text else "cut before any text"
    if not heard.sound:
        return "UNREADABLE"
    if not (heard.ended and answer.complete):
        return "BROKEN OFF"
    return {PRIMARY.text: "its answer", FALLBACK.text: "fallback"}.get(heard.text, f"WRONG TEXT {heard.text!r}")


def _limit(attempt: dict[str, Any]) -> str:
    return next((limit for words, limit in _LIMITS.items() if (attempt["detail"] or "").startswith(words)), NONE)


def _bill(cell: Cell, attempt: dict[str, Any]) -> str:
    cost = attempt["cost_usd"]
    if cell.key.phase == "connect" and cell.fault.name in ("reset", "closed") and attempt["model"] == f"{cell.id}/m" and not cost:
        return "free or unknown"  # by chance of a millisecond the request has gone out before the connection ends, or has not
    return "unknown" if cost is None else "known" if cost else "free"


def _story(answer: Answer, heard: Heard, record: dict[str, Any]) -> Iterator[str]:
    """Client and ledger: the same ending, status, model and number of attempts; and a client that can tell what it got."""
    told = "failed" if answer.status != 200 else "cut" if heard.error is not None else "ok"
    same = {
        "outcome": (told, record["outcome"]),
        "status": (answer.status, record["status"]),
        "attempts": (answer.headers["x-turnout-attempts"], str(len(record["attempts"]))),
        "model": (answer.headers["x-turnout-model"], record["model"] or "none"),
        "the error": (heard.error is not None, record["code"] is not None),
    }
    yield from (
        f"{what}: the client has {client!r}, the ledger {ledger!r}" for what, (client, ledger) in same.items() if client != ledger
    )
    if record["stream"] != answer.headers["content-type"].startswith("text/event-stream") and answer.status == 200:
        yield "asked for a stream and got none, or the other way round"
    if told == "failed" and answer.headers.get("x-should-retry") != "false":
        yield "an SDK would try again what our chain has tried"
    if told == "cut" and (not PRIMARY.text.startswith(heard.text) or record["attempts"][-1]["fault"] is None):
        yield f"cut, and yet {heard.text!r} or no fault in the ledger"
    if told != "failed" and not heard.sound:
        yield f"the client cannot read what it got: {answer.body[-200:]!r}"
    if not answer.complete:
        yield "HTTP's own end did not come"


def _money(answer: Answer, record: dict[str, Any]) -> Iterator[str]:
    """The sum of the attempts; unknown if any is; each known one the price of the tokens that it told, once."""
    costs = [attempt["cost_usd"] for attempt in record["attempts"]]
    total = None if None in costs else sum(costs)
    if not _equal(total, record["cost_usd"]):
        yield f"the request cost {record['cost_usd']}, its attempts {costs}"
    stated = answer.headers.get("x-turnout-cost-usd")
    if stated is not None and not _equal(float(stated), record["cost_usd"]):
        yield f"the client was told {stated}, the ledger {record['cost_usd']}"
    for attempt in record["attempts"]:
        told = PRIMARY if attempt["model"] == f"{record['route']}/m" else FALLBACK
        if attempt["cost_usd"] and not any(_equal(attempt["cost_usd"], told.price_usd * factor) for factor in (1, 10)):
            yield f"{attempt['model']} cost {attempt['cost_usd']}, which is no price of its tokens"
        if attempt["cost_usd"] == 0 and attempt["status"] == 200:
            yield f"{attempt['model']} took the request and is said to be free"


def _equal(one: float | None, other: float | None) -> bool:
    return one is other if one is None or other is None else abs(one - other) < 1e-11


def _time(cell: Cell, answer: Answer, record: dict[str, Any], limit: str) -> Iterator[str]:
    """The first attempt took as long as its limit says, and the client waited no longer than the chain did."""
    first = record["attempts"][0]
    took = (first["ended_ms"] - first["started_ms"]) / 1000
    if limit == NONE:
        if min(took, answer.seconds) > cell.fault.limits.connect:
            yield f"took {took:.2f} s though no limit ended it"
    else:
        bound = getattr(cell.fault.limits, limit.replace(" ", "_"))
        if limit != "idle" and not bound - EARLY <= took <= bound + LATE:
            yield f"ended by {limit} ({bound:g} s) after {took:.2f} s"
        if answer.seconds < bound - EARLY:
            yield f"ended by {limit} ({bound:g} s), and the client had its answer after {answer.seconds:.2f} s"
    if answer.seconds > record["duration_ms"] / 1000 + LATE:
        yield f"the client waited {answer.seconds:.2f} s, the chain took {record['duration_ms']:.0f} ms"
