"""The ledger's rows, and whether they say what the clients heard."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from bench.askers import Heard
from turnout.types.money import PICO_PER_USD

Tokens = tuple[int, int, int]
NOT_TOLD: Tokens = (0, 0, 0)
"""Where a provider tells no usage and the client's dialect must name one."""


class Tried(msgspec.Struct, frozen=True):
    """One attempt; ``at`` in unix seconds. ``tokens`` are read, read from a cache, and written; None where none were told."""

    model: str
    at: float
    seconds: float
    fault: str | None
    status: int | None
    cost: int | None
    tokens: Tokens | None


class Row(msgspec.Struct, frozen=True):
    """One request, its attempts in order."""

    id: str
    at: float
    worker: str
    status: int
    outcome: str
    model: str | None
    cost: int | None
    tried: tuple[Tried, ...]


def rows(ledger: Path) -> dict[str, Row]:
    """All that it has, by id."""
    with closing(sqlite3.connect(ledger)) as open_ledger:
        requests = list(open_ledger.execute("select id, at, worker, status, outcome, model, cost_pico from requests"))
        began = {id_: at for id_, at, *_ in requests}
        tried: dict[str, list[Tried]] = defaultdict(list)
        for id_, model, started, ended, fault, status, cost, read, cached, written, thought in open_ledger.execute(
            "select request_id, model, started_ms, ended_ms, fault, status, cost_pico, input, cache_read, output, reasoning "
            "from attempts order by request_id, n"
        ):
            tokens = None if read is None else (read, cached, written + thought)
            at = began.get(id_, 0.0) + started / 1000
            tried[id_].append(Tried(model, at, (ended - started) / 1000, fault, status, cost, tokens))
    return {row[0]: Row(*row, tuple(tried[row[0]])) for row in requests}


def count(ledger: Path) -> int:
    """Requests that have come in."""
    with closing(sqlite3.connect(ledger)) as open_ledger:
        (found,) = open_ledger.execute("select count(*) from requests").fetchone()
    return int(found)


def unbilled(stats: Any, books: Mapping[str, Row]) -> list[str]:
    """Where the attempts written down are not the calls that the sim counted, or their known costs not its invoice."""
    tried = [one for row in books.values() for one in row.tried]
    return [
        f"{model}: the sim has {said}, the ledger {written}"
        for model, seen in stats["models"].items()
        if (said := (seen["requests"], seen["billed_pico"]))
        != (written := (sum(one.model == model for one in tried), sum(one.cost or 0 for one in tried if one.model == model)))
    ]


def disagreements(heard: Iterable[Heard], books: Mapping[str, Row]) -> list[str]:
    """Where what a client heard is not what was written down: existence, status, model, attempts, tokens, cost, ending."""
    return [f"{one.id}: {problem}" for one in heard if (problem := _disagreement(one, books.get(one.id))) is not None]


def _disagreement(heard: Heard, row: Row | None) -> str | None:
    if row is None:
        return f"not in the ledger (heard: {heard.status} {heard.said.error})"
    told = (heard.status, heard.ok, heard.model if heard.status == 200 else None)
    if told != (row.status, row.outcome == "ok", row.model):
        return f"heard {told}, written {(row.status, row.outcome, row.model)}"
    if not heard.ok:
        return None
    if heard.attempts != len(row.tried):
        return f"heard of {heard.attempts} attempts, written {len(row.tried)}"
    served = next((one for one in row.tried if one.fault is None), row.tried[-1])  # who lost to a hedge may end later
    told = heard.said.tokens if heard.said.tokens != NOT_TOLD else served.tokens and NOT_TOLD
    if served.fault is not None or served.model != row.model or told != served.tokens:
        return f"heard {heard.said.tokens}, written {served}"
    if heard.cost is not None and round(float(heard.cost) * PICO_PER_USD) != row.cost:
        return f"heard a cost of {heard.cost}, written {row.cost}"
    costs = [attempt.cost for attempt in row.tried]
    known = None if any(cost is None for cost in costs) else sum(cost or 0 for cost in costs)
    return None if known == row.cost else f"attempts cost {costs}, the request {row.cost}"
