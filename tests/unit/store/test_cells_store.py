"""Measured quality in the ledger: the cells as they were put, and what they are made of."""

from tests.support.records import NOW, TRAITS, attempt, record
from turnout.store.cells import CellStore, Judged, Part, serving
from turnout.store.ledger import Ledger
from turnout.types.feedback import Feedback
from turnout.types.matrix import Cell
from turnout.types.money import PicoDollars

CELL = Cell("a/m", "qa", None, "benchmark", 0.8, 0.7, 0.9, 40, 32.0, NOW, "suite-1", PicoDollars(5), 900.0)
HAIKU = "anthropic/claude-haiku-4-5"


def said(n: int, verdict: float, source: str = "user", tenant: str | None = "web") -> Feedback:
    kind = {"user": "thumb", "judge": "judge", "check": "check", "implicit": "implicit"}[source]
    return Feedback(f"f-{n}-{source}", NOW + n + 5, kind, source, f"req-{n}", tenant=tenant, verdict=verdict)  # type: ignore[arg-type]  # of the table


def test_a_cell_stands_in_place_of_the_one_before(ledger: Ledger) -> None:
    """One of each kind: model, task, band, and what it was measured by."""
    simple, live = (
        Cell("a/m", "qa", band, basis, 0.5, 0.4, 0.6, 9, 4.5, NOW) for band, basis in (("simple", "benchmark"), (None, "live"))
    )
    ledger.cells.put([CELL, simple, live])
    newer = Cell("a/m", "qa", None, "benchmark", 0.9, 0.8, 0.95, 80, 72.0, NOW + 1, "suite-2")
    ledger.cells.put([newer])
    assert ledger.cells.all() == (newer, live, simple)

    ledger.cells.replace("live", [])
    assert ledger.cells.all() == (newer, simple)
    ledger.cells.replace("benchmark", [CELL, live])
    assert ledger.cells.all() == (CELL,)


def test_verdicts_count_for_the_model_that_tried_first(ledger: Ledger) -> None:
    """And for none where a failure, a cache or a drill came between; a refused first try counts for who was refused."""
    down, refused = attempt(fault="unavailable"), attempt(fault="check_failed", reason="cascade", model="a/small")
    other = attempt(model="b/large", started_ms=900.0, ended_ms=1900.0)
    records = [
        record(0),
        record(1, model="b/large", attempts=(down, other)),
        record(2, model="b/large", attempts=(refused, other)),
        record(3, model=None, attempts=(), reason="cache"),
        record(4, drill="d-1"),
        record(5),
        record(6),
        record(7, traits=None),
    ]
    ledger.ingest([*records, *(said(n, 1.0) for n in (0, 1, 2, 3, 4, 7)), said(5, 0.25, "judge", None)], "s", 1)

    found = ledger.cells.judged(NOW, ("user", "judge"))
    version, cost = "claude-haiku-4-5-20251001", PicoDollars(1_450_000_000)
    assert found == (
        Judged(NOW + 5, HAIKU, "code_generation", "moderate", 0.25, "judge", False, version, cost, 830.0),
        Judged(NOW + 2, "a/small", "code_generation", "moderate", 1.0, "user", True, version, cost, 830.0),
        Judged(NOW, HAIKU, "code_generation", "moderate", 1.0, "user", False, version, cost, 830.0),
    )
    assert [one.at for one in ledger.cells.judged(NOW + 1, ("user",))] == [NOW + 2]
    assert [one.at for one in ledger.cells.judged(NOW, ("user", "judge"), limit=1)] == [NOW + 5]


def test_the_mix_is_what_clients_got(ledger: Ledger) -> None:
    """By route, task, band and model, with what it cost; copies, drills and failures are no part of it."""
    big = {"model": "b/large", "attempts": (attempt(model="b/large"),), "cost": PicoDollars(7)}
    ledger.ingest(
        [
            record(0), record(1), record(2, traits=TRAITS, **big), record(3, cost=None), record(4, outcome="failed"), record(5, copy_of="req-0"),
            record(6, drill="d"), record(7, route="other", **big), record(8, route="split", **big), record(9, route="split"),
        ], "s", 1,
    )  # fmt: skip
    mine = Part("code", "code_generation", "moderate", HAIKU, 3, PicoDollars(2_900_000_000))
    found = ledger.cells.mix(NOW)
    assert [part for part in found if part.route == "code"] == [
        mine, Part("code", "code_generation", "moderate", "b/large", 1, PicoDollars(7)),
    ]  # fmt: skip
    assert ledger.cells.mix(NOW + 2, "other") == (Part("other", "code_generation", "moderate", "b/large", 1, PicoDollars(7)),)
    assert serving(found) == {"code": HAIKU, "other": "b/large"}


def test_judged_requests_are_found_by_their_own_index(sqlite: Ledger) -> None:
    """Few of many requests are judged: the others are not read for it."""
    sqlite.ingest([record(n) for n in range(3)], "s", 1)
    asked: list = []
    from sqlalchemy import event  # noqa: PLC0415 - one test's

    event.listen(sqlite._engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    CellStore(sqlite._engine).judged(NOW, ("user",))
    statement, values = asked[-1]
    with sqlite._engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"explain query plan {statement}", values)]
    assert any("requests_judged" in step for step in plan), plan
