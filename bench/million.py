"""A ledger of a million requests like those of a company: made, summed, read as pages read it.

Run: .venv/bin/python -m bench.million PATH-OR-URL [REQUESTS]   (a file that is not there yet, or an empty PostgreSQL database)
"""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec
from sqlalchemy import Engine, inspect, text
from tests.support.records import RECORD, TRAITS

from turnout.store.engine import make_engine
from turnout.store.ledger import Ledger
from turnout.store.queries import Filters
from turnout.store.rollups.marks import mark_all
from turnout.store.rollups.sums import calls, cells, tags, window
from turnout.types.money import PicoDollars
from turnout.types.record import Attempt, Record
from turnout.types.reply import Usage
from turnout.types.traits import Trait, Traits

REQUESTS = 1_000_000
DAYS = 60
DENSE_S, DENSE = 6 * 3600, 0.15
"""The last hours, and their share of all requests."""
BATCH = 2000
WINDOWS = ("15m", "1h", "6h", "24h", "7d", "30d", "90d", "all")

MODELS = {  # dollars per million tokens read and written, milliseconds to the first token, tokens per second
    "anthropic/claude-opus-4-5": (5.0, 25.0, 1100, 60), "anthropic/claude-haiku-4-5": (1.0, 5.0, 450, 150),
    "openai/gpt-5": (1.25, 10.0, 1400, 80), "openai/gpt-5-mini": (0.25, 2.0, 700, 140),
    "google/gemini-2.5-pro": (1.25, 10.0, 1200, 100), "google/gemini-2.5-flash": (0.3, 2.5, 400, 220),
    "mistral/mistral-large": (2.0, 6.0, 600, 70), "local/qwen3-32b": (0.0, 0.0, 250, 90),
}  # fmt: skip
ROUTES = {  # models by share, tasks, callers
    "code": (((1, 60), (0, 25), (2, 15)), ("code_generation", "code_review", "refactoring"), ("ide", "ci")),
    "support": (((5, 70), (3, 25), (0, 5)), ("chat", "classification"), ("helpdesk", "web")),
    "documents": (((4, 50), (6, 30), (2, 20)), ("summarization", "extraction", "translation"), ("web", "batch")),
    "internal": (((7, 90), (3, 10)), ("chat", "translation", "qa"), ("intranet",)),
    "research": (((0, 60), (2, 40)), ("reasoning", "qa"), ("ide", "batch")),
}
OUTCOMES = (("ok", 960), ("failed", 12), ("cut", 4), ("cancelled", 14), ("rejected", 10))


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    where, wanted = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else REQUESTS
    now = time.time()
    ledger = Ledger(where)
    print(f"{fill(ledger, wanted, now):,.0f} requests/s stored")
    engine = make_engine(where)
    verdicts(engine)
    began = time.perf_counter()
    while ledger.roll_up(now).left:
        pass
    print(f"{time.perf_counter() - began:.1f} s to sum them all")
    ledger.close()
    for name, size in sizes(engine, where):
        print(f"{size * REQUESTS / wanted / 1e6:10.1f} MB per million  {name}")
    engine.dispose()
    for name, (cold, warm) in reading(where, now).items():
        print(f"{cold:9.1f} ms cold {warm:9.1f} ms warm  {name}")


def fill(ledger: Ledger, wanted: int, now: float) -> float:
    """Requests stored a second, without the making of them."""
    source, stored, spent = requests(wanted, now), 0, 0.0
    while batch := list(islice(source, BATCH)):
        began = time.perf_counter()
        stored += len(batch)
        ledger.ingest(batch, "made", stored)
        spent += time.perf_counter() - began
    return stored / spent


def verdicts(engine: Engine) -> None:
    """On a tenth of the answers, as if users had given them."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "update requests set verdict = 1.0 - (seed / 10) % 4 / 3, verdict_by = 'user' where seed % 10 = 0 and outcome = 'ok'"
            )
        )
        mark_all(connection)
        if engine.dialect.name == "postgresql":
            connection.execute(text("analyze"))  # as its autovacuum would by now


def reading(where: str, now: float) -> dict[str, tuple[float, float]]:
    """Milliseconds of what pages do, with nothing in memory and again."""
    return {
        **{
            f"slices and sums of {name}": _cold_and_warm(where, lambda ledger, name=name: _page(ledger, name, now))
            for name in WINDOWS
        },
        "summary of everything": _cold_and_warm(where, lambda ledger: ledger.summary(0, now)),
        "summary of an hour": _cold_and_warm(where, lambda ledger: ledger.summary(now - 3600, now)),
        "the latest 50": _cold_and_warm(where, lambda ledger: ledger.search(50)),
        "a search that finds nothing": _cold_and_warm(where, lambda ledger: ledger.search(50, Filters(model="none/such"))),
        "a tag that is nowhere": _cold_and_warm(where, lambda ledger: ledger.search(50, Filters(tag="team=none"))),
        "a provider's fault that never was": _cold_and_warm(where, lambda ledger: ledger.search(50, Filters(fault="none"))),
        "the slowest of a week": _cold_and_warm(where, lambda ledger: ledger.worst("slowest", now - 7 * 86_400, now)),
    }


def requests(wanted: int, now: float) -> Iterator[Record]:
    """In order of arrival: days busier than nights, and the last hours busy."""
    chance = random.Random(4)
    traits = _traits()
    dense = int(wanted * DENSE)
    since = now - DAYS * 86_400
    hours = [since + hour * 3600 for hour in range(DAYS * 24 - DENSE_S // 3600)]
    busy = [1 + 3 * (8 <= hour % 24 < 18) for hour in range(len(hours))]
    share = (wanted - dense) / sum(busy)
    made = passed = 0
    for hour, weight in zip(hours, busy, strict=True):
        passed += weight
        due = int(passed * share) - made
        for n in range(due):
            yield _request(chance, traits, hour + 3600 * (n + chance.random()) / due)
        made += due
    for n in range(wanted - made):
        yield _request(chance, traits, now - DENSE_S + DENSE_S * (n + chance.random()) / (wanted - made))


def _traits() -> dict[str, list[Traits]]:
    """A route's kinds of requests."""
    return {
        route: [
            msgspec.structs.replace(
                TRAITS, task=Trait(task, "words"), caller=caller, session=None, complexity=level / 10, band=("simple", "moderate", "high")[level // 4],
                tags={"team": caller, "feature": f"{task}-{level}", "env": "prod" if level else "test"},
            )
            for task in tasks for caller in callers for level in range(0, 10, 3)
        ]
        for route, (_, tasks, callers) in ROUTES.items()
    }  # fmt: skip


def _request(chance: random.Random, traits: dict[str, list[Traits]], at: float) -> Record:
    route = chance.choice(("code", "code", "support", "support", "support", "documents", "documents", "internal", "research"))
    (outcome,) = chance.choices([name for name, _ in OUTCOMES], [share for _, share in OUTCOMES])
    kind = chance.choice(traits[route])
    calls = [] if outcome == "rejected" else _calls(chance, route, outcome)
    cost = PicoDollars(sum(call.cost or 0 for call in calls))
    seed = chance.getrandbits(62)
    ended = calls[-1].ended_ms + 1.0 if calls else 1.5
    return Record(
        id=f"{int(at * 1000):012x}-{seed:016x}", at=at, worker=str(seed % 4), policy=3 + int(at // (20 * 86_400)) % 3, view=RECORD.view,
        seed=seed, plan=RECORD.plan, route=route, reason="fallback" if len(calls) > 1 else "cheapest", model=calls[-1].model if calls else None,
        outcome=outcome, code=None if outcome in {"ok", "cancelled"} else "upstream_failed", status=200 if outcome == "ok" else 502,
        stream=bool(seed & 1), duration_ms=ended, first_token_ms=calls[-1].first_token_ms if calls else None,
        decision_us=30 + 40 * chance.random(), cost=cost, traits=kind, attempts=tuple(calls), baseline=PicoDollars(cost * 3),
    )  # fmt: skip


def _calls(chance: random.Random, route: str, outcome: str) -> list[Attempt]:
    """One and a quarter on average; those before the last have failed."""
    choices = ROUTES[route][0]
    n, began, made = chance.choice((1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3)), 0.4, []
    for left in reversed(range(n)):
        (place,) = chance.choices([one for one, _ in choices], [share for _, share in choices])
        model, (read_price, write_price, first_ms, speed) = list(MODELS.items())[place]
        failed = left or outcome in {"failed", "cut"}
        read, written = int(chance.lognormvariate(6.5, 1.0)), int(chance.lognormvariate(5.3, 0.8))
        first = began + first_ms * chance.lognormvariate(0, 0.35)
        ended = began + 200.0 if failed else first + written * 1000 / speed
        made.append(
            Attempt(
                model, "fallback" if made else "cheapest", began, ended, None if failed else first, 503 if failed else 200,
                chance.choice(("unavailable", "rate_limited", "timeout")) if failed else None, None,
                None if failed else Usage(input=read, cache_read=read // 4, output=written),
                PicoDollars(0 if failed else int((read * read_price + written * write_price) * 1e6)), None,
            )
        )  # fmt: skip
        began = ended
    return made


def _page(ledger: Ledger, name: str, now: float) -> None:
    """What a rich page asks of a window."""
    span = window(name, now)
    slices = ledger.slices(span.since, span.until, span.period)
    for names in ((), ("model",), ("route",), ("model", "task"), ("caller",)):
        found = cells(slices, *names)
    for cell in found.values():
        cell.duration.quantile(0.95)
    calls(slices, "provider")
    tags(slices)


def _cold_and_warm(where: str, do: Callable[[Ledger], object]) -> tuple[float, float]:
    ledger = Ledger(where)
    try:
        return _ms(lambda: do(ledger)), min(_ms(lambda: do(ledger)) for _ in range(3))
    finally:
        ledger.close()


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def sizes(engine: Engine, where: str) -> Sequence[tuple[str, int]]:
    """Bytes of each table with its indexes, or of the whole file where SQLite was built without the means to tell."""
    names = inspect(engine).get_table_names()
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            asked = text("select pg_total_relation_size(cast(:name as regclass))")
            found = [(name, connection.execute(asked, {"name": name}).scalar_one()) for name in names]
        elif connection.exec_driver_sql(
            "select 1 from pragma_compile_options where compile_options = 'ENABLE_DBSTAT_VTAB'"
        ).first():
            asked = text("select sum(pgsize) from dbstat where name in (select name from sqlite_master where tbl_name = :name)")
            found = [(name, connection.execute(asked, {"name": name}).scalar() or 0) for name in names]
        else:
            found = [("all tables", Path(where.removeprefix("sqlite:///")).stat().st_size)]
    return sorted(((name, size) for name, size in found if size > os.sysconf("SC_PAGESIZE") * 4), key=lambda pair: -pair[1])


if __name__ == "__main__":
    main()
