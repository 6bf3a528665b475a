"""How SQLite means to answer, as it says itself: what is cheap on a test's three rows is to be cheap on millions."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.records import NOW, record
from turnout.store.ledger import Ledger
from turnout.store.queries import Filters

QUERIES: dict[str, Callable[[Ledger], object]] = {
    "the latest": lambda ledger: ledger.recent(50),
    "a page back": lambda ledger: ledger.recent(50, Filters(before=NOW)),
    "of a route": lambda ledger: ledger.recent(50, Filters(route="code")),
    "of a session": lambda ledger: ledger.recent(50, Filters(session="s-1")),
    "by a provider's fault": lambda ledger: ledger.recent(50, Filters(fault="timeout", tag="team=web")),
    "slices": lambda ledger: ledger.slices(0, int(NOW), 3600),
    "one": lambda ledger: ledger.request("req-0"),
    "summary": lambda ledger: ledger.summary(NOW - 3600, NOW),
    "latencies": lambda ledger: ledger.latency_by_model(NOW - 3600),
}
FINE = (
    "INDEX",
    "PRIMARY KEY",
    "TEMP B-TREE FOR GROUP BY",
    "FOR LAST TERM OF ORDER BY",
    "FOR RIGHT PART OF ORDER BY",
    "CORRELATED SCALAR",
)
"""By an index; or sorting what came at one moment; or asking of each row that was found."""


@pytest.mark.parametrize("name", QUERIES)
def test_a_window_is_read_by_its_index(sqlite: Ledger, name: str):
    """No query reads a table from its start, or sorts what it has found in order to throw most of it away."""
    sqlite.ingest([record(n) for n in range(3)], "s", 1)
    asked: list[tuple[str, Any]] = []
    event.listen(sqlite._engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    QUERIES[name](sqlite)

    done = tuple(asked)  # what explains them is asked too
    assert done
    with sqlite._engine.connect() as connection:
        for statement, values in done:
            plan = [row[3] for row in connection.exec_driver_sql(f"explain query plan {statement}", values)]
            assert all(any(fine in step for fine in FINE) for step in plan), plan
