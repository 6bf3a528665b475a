"""What a viewer waits for: every page of the dashboard, on a ledger of a million requests, by the real control process over HTTP.

Cold is a process that has just begun, its SQLite file pushed out of the machine's memory; warm the median of five; and again with
500 requests a second coming in beside it. A bare count of the requests and an empty answer, in the same run, say what the machine can do.
Run: .venv/bin/python -m bench.pages PATH-OR-URL [REQUESTS] [--json]   (a ledger that bench.million made, or a place for one;
the word postgresql for a server of its own, which is gone afterwards)
"""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, get_args, get_type_hints
from urllib.parse import urlencode

import msgspec
from sqlalchemy import text
from tests.e2e_load.running import Serving, policy, serving, until, upstream
from tests.support.postgres import Postgres, programs

from bench.million import REQUESTS, fill, requests, verdicts
from turnout.clock import SystemClock
from turnout.control.pages.registry import PAGES, Listed
from turnout.journal.writer import SegmentJournal
from turnout.store.engine import make_engine
from turnout.store.ledger import Ledger
from turnout.store.queries import Filters

WINDOWS = ("1h", "24h", "7d", "30d", "400d")
TIMES = 5
BESIDE = 500
"""Requests a second that come in while pages are asked."""
SETTLE_S = 60.0
COLD_MS, WARM_MS = 1000, 300
FILTERS = (
    {"model": "none/such"}, {"tag": "team=none"}, {"fault": "none"}, {"session": "none"}, {"judged": "bad"}, {"min_cost_usd": "1000"},
    {"outcome": "failed", "route": "code"}, {"find": "0"}, {"policy": "999"},
)  # fmt: skip
EXPORTS = (
    ("cost", "parts", "csv", "400d"), ("cost", "tags", "json", "400d"), ("quality", "matrix", "csv", "400d"),
    ("latency", "routes", "json", "30d"), ("decisions", "requests", "csv", "30d"),
)  # fmt: skip
Figures = dict[str, dict[str, float]]
"""Milliseconds by what was asked: ``cold``, ``warm``, ``beside``."""


def main() -> None:
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    if not words:
        raise SystemExit(__doc__)
    if words[0] == "feed":
        feed(Path(words[1]))
        return
    with place_of(words[0]) as where:
        figures = measure(where, int(words[1]) if len(words) > 1 else REQUESTS)
    if "--json" in sys.argv:
        print(json.dumps(figures))
        return
    print(f"{'':44} {'cold ms':>9} {'warm ms':>9} {'beside ms':>9}")
    for name, ms in figures.items():
        over = ms.get("cold", 0) > COLD_MS or ms.get("warm", 0) > WARM_MS or ms.get("beside", 0) > WARM_MS
        print(f"{name:44}", *(f"{ms[of]:9.1f}" if of in ms else f"{'':9}" for of in ("cold", "warm", "beside")), "  OVER" * over)


@contextmanager
def place_of(word: str) -> Iterator[str]:
    if word != "postgresql":
        yield word
        return
    found = programs()
    if found is None:
        raise SystemExit("PostgreSQL is not installed")
    with TemporaryDirectory(prefix="turnout-pages-", dir="/tmp") as home:
        Path(home).chmod(0o755)
        (Path(home) / "pg").mkdir()
        server = Postgres(found, Path(home) / "pg")
        try:
            yield server.empty()
        finally:
            server.stop()


def measure(where: str, wanted: int) -> Figures:
    newest = made(where, wanted)
    url = where if "://" in where else f"sqlite:///{Path(where).resolve()}"
    with TemporaryDirectory() as place, upstream() as port:
        rules = policy(port) | {"store": {"url": url}}
        with serving(Path(place), rules) as turnout:
            figures: Figures = {"reference: a bare count of the requests": bare(where)}
            asks = {"reference: an empty answer": "/health/live", **dict(asked(newest))}
            for name, path in asks.items():
                fresh(turnout, where)
                figures[name] = {"cold": ms_of(turnout, path)}
            settle(turnout)
            for name, path in asks.items():
                figures[name]["warm"] = warm(turnout, path)
            feeding = subprocess.Popen([sys.executable, "-m", "bench.pages", "feed", str(turnout.data_dir / "journal")])
            try:
                time.sleep(3)
                for name, path in asks.items():
                    figures[name]["beside"] = warm(turnout, path)
            finally:
                feeding.kill()
                feeding.wait()
    return figures


def made(where: str, wanted: int) -> str:
    """A request's id in the ledger, which is made if it is empty."""
    ledger = Ledger(where)
    try:
        if not ledger.recent(1):
            now = time.time()
            fill(ledger, wanted, now)
            engine = make_engine(where)
            verdicts(engine)
            engine.dispose()
            while ledger.roll_up(now).left:
                pass
        return ledger.recent(1, Filters(outcome="ok"))[0].id
    finally:
        ledger.close()


def asked(newest: str) -> Iterator[tuple[str, str]]:
    for listed in PAGES:
        for window in windows(listed):
            yield f"{listed.name} {window}".strip(), path_of(listed.name, {"window": window})
    for where in FILTERS:
        yield f"decisions {' '.join(f'{k}={v}' for k, v in where.items())}", path_of("decisions", {"window": "400d", **where})
    yield "one decision", path_of("decisions", {"id": newest})
    yield "cost by tag", path_of("cost", {"window": "400d", "by": "tag"})
    yield "cost of one route by model", path_of("cost", {"window": "400d", "by": "model", "route": "support"})
    yield "quality of one model", path_of("quality", {"window": "400d", "model": "openai/gpt-5"})
    yield "policy 1", path_of("policy", {"id": "1"})
    for page, table, kind, window in EXPORTS:
        yield f"export {page}/{table}.{kind} {window}", path_of(f"{page}/{table}.{kind}", {"window": window})
    yield "summary of everything", "/api/summary?window=0"
    yield "a list of a thousand", "/api/requests?limit=1000"
    yield "metrics", "/metrics"


def windows(listed: Listed) -> tuple[str, ...]:
    """Those that the page has; none, where it looks at no window."""
    allowed = get_args(get_type_hints(listed.asked)["window"])
    return tuple(window for window in WINDOWS if window in allowed) or ("",)


def path_of(page: str, query: dict[str, str]) -> str:
    return f"/api/pages/{page}?{urlencode({name: value for name, value in query.items() if value})}"


def fresh(turnout: Serving, where: str) -> None:
    """Another control process, that remembers nothing, nor does the machine of its file."""
    [old] = turnout.children("control")
    old.kill()
    if "://" not in where:
        with Path(where).open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    until(lambda: [child.pid for child in turnout.children("control")] not in ([], [old.pid]), "another control process")
    turnout.until_ready()


def settle(turnout: Serving) -> None:
    """A ledger that no control process had seen before has many hours to be closed, 48 at a look: that goes on for a while."""
    seen, end = None, time.monotonic() + SETTLE_S
    while time.monotonic() < end and (entry := json.loads(answer(turnout, "/api/pages/audit/entries.json"))["rows"][0]) != seen:
        seen = entry
        time.sleep(11)


def warm(turnout: Serving, path: str) -> float:
    answer(turnout, path)
    return median(ms_of(turnout, path) for _ in range(TIMES))


def ms_of(turnout: Serving, path: str) -> float:
    began = time.perf_counter()
    answer(turnout, path)
    return (time.perf_counter() - began) * 1000


def answer(turnout: Serving, path: str) -> bytes:
    token = (turnout.data_dir / "admin-token").read_text().strip()
    connection = http.client.HTTPConnection("127.0.0.1", turnout.control_port, timeout=60)
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {token}"})
        said = connection.getresponse()
        body = said.read()
        assert said.status == 200, (path, said.status, body[:300])
        return body
    finally:
        connection.close()


def bare(where: str) -> dict[str, float]:
    engine = make_engine(where)
    try:
        with engine.connect() as connection:
            taken = []
            for _ in range(1 + TIMES):
                began = time.perf_counter()
                connection.execute(text("select count(*) from requests")).scalar_one()
                taken.append((time.perf_counter() - began) * 1000)
        return {"cold": taken[0], "warm": median(taken[1:])}
    finally:
        engine.dispose()


def feed(directory: Path) -> None:
    """Requests of now into a journal, as a worker writes them, until killed."""
    journal = SegmentJournal(directory, "feed", SystemClock())
    source: Iterator[Any] = requests(2_000_000, time.time())
    begun = time.perf_counter()
    for n in count():
        for record in islice(source, BESIDE // 10):
            now = time.time()
            journal.append(msgspec.structs.replace(record, id=f"{int(now * 1000):012x}-{record.seed:016x}", at=now))
        time.sleep(max(0.0, begun + (n + 1) / 10 - time.perf_counter()))


if __name__ == "__main__":
    main()
