"""Requests a second that each database takes in, and what a million of them weigh, table by table.

Run: .venv/bin/python bench/store.py [REQUESTS] [--json]    (PostgreSQL where it is installed, on a cluster of its own)
Weights are a measured store's, divided by its requests and multiplied: 1.3 attempts a request, feedback to one in ten, content of one in ten.
"""

import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from tests.support.postgres import Postgres, programs
from tests.support.records import ATTEMPT, RECORD, TRAITS

from turnout.store.ledger import Ledger
from turnout.types.content import Content
from turnout.types.entry import Entry
from turnout.types.feedback import Feedback
from turnout.types.record import Record
from turnout.types.reply import Usage
from turnout.types.traits import Trait

BATCH = 2000
MODELS = (
    "anthropic/claude-haiku-4-5",
    "anthropic/claude-sonnet-4-5",
    "openai/gpt-5",
    "openai/gpt-5-mini",
    "google/gemini-2.5-flash",
)
TASKS = ("code_generation", "chat", "summarisation", "extraction", "classification")
MILLION = 1_000_000


def main() -> None:
    numbers = [argument for argument in sys.argv[1:] if argument.isdigit()]
    figures = measure(int(numbers[0]) if numbers else 100_000)
    if "--json" in sys.argv:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:44} {value:10.1f}")


def measure(requests: int) -> dict[str, float]:
    home = Path(tempfile.mkdtemp(prefix="turnout-store-", dir="/tmp"))
    figures: dict[str, float] = {}
    try:
        figures |= _measured("sqlite", f"sqlite:///{home / 'ledger.db'}", requests)
        found = programs()
        if found is not None:
            (home / "pg").mkdir()
            home.chmod(0o755)
            server = Postgres(found, home / "pg")
            try:
                figures |= _measured("postgresql", server.empty(), requests)
            finally:
                server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return figures


def _measured(name: str, url: str, requests: int) -> dict[str, float]:
    ledger = Ledger(url)
    wall = cpu = 0.0
    for start in range(0, requests, BATCH):
        batch = list(_entries(range(start, start + BATCH)))
        began, began_cpu = time.perf_counter(), time.thread_time()
        refused = ledger.ingest(batch, "s", start + 1)
        wall, cpu = wall + time.perf_counter() - began, cpu + time.thread_time() - began_cpu
        assert not refused
    weights = _weights(ledger, requests)
    ledger.close()
    return {
        f"{name}: requests/s": requests / wall,
        f"{name}: our CPU, us a request": cpu / requests * 1e6,
        **{f"{name}: MB a million, {table}": size / requests for table, size in weights.items()},
    }


def _weights(ledger: Ledger, requests: int) -> dict[str, int]:
    """Bytes by table, its indexes with it."""
    with ledger._engine.connect() as connection:  # noqa: SLF001 - a bench may look inside
        if connection.dialect.name == "sqlite":
            of = "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name GROUP BY 1"
        else:
            connection.exec_driver_sql("COMMIT")
            of = "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"
        found = {str(row[0]): int(row[1]) for row in connection.exec_driver_sql(of)}
    return {table: size for table, size in sorted(found.items(), key=lambda each: -each[1]) if size > requests}


def _entries(numbers: range) -> Iterator[Entry]:
    for n in numbers:
        chance = random.Random(n)
        request = _request(n, chance)
        yield request
        if n % 10 == 0:
            yield Feedback(f"{n:026x}", request.at + 60, "thumb", "user", request.id, tenant="web", value=1.0, verdict=1.0)
            yield Content(request.id, request.at, "redacted", "0badf00d", chance.randbytes(1200))


def _request(n: int, chance: random.Random) -> Record:
    """The ``n``-th of 500 a second, its id in the front's form: time first, so that keys come in order."""
    at = RECORD.at + n / 500
    usage = Usage(input=chance.randrange(50, 4000), cache_read=chance.choice([0, 0, 2048]), output=chance.randrange(20, 900))
    taken = chance.lognormvariate(7, 0.6)
    answer = msgspec.structs.replace(
        ATTEMPT,
        model=chance.choice(MODELS),
        ended_ms=taken,
        first_token_ms=taken / 4,
        usage=usage,
        cost=chance.randrange(10**7, 10**10),
    )
    failed = msgspec.structs.replace(answer, fault="rate_limited", status=429, usage=None, cost=None, detail="too many requests")
    traits = msgspec.structs.replace(
        TRAITS, task=Trait(chance.choice(TASKS), "words:function"), complexity=round(chance.random(), 3), session=f"{n // 6:016x}",
        tags={"team": chance.choice("abcdef"), "env": "prod"},
    )  # fmt: skip
    return msgspec.structs.replace(
        RECORD, id=f"{int(at * 1000):012x}-{n * 2654435761 % 2**63:016x}", at=at, seed=chance.getrandbits(63), plan=f"{chance.getrandbits(256):064x}",
        duration_ms=taken, model=answer.model, cost=answer.cost, traits=traits, attempts=(failed, answer) if n % 10 < 3 else (answer,),
        turn=(chance.getrandbits(53), chance.getrandbits(53)),
    )  # fmt: skip


if __name__ == "__main__":
    main()
