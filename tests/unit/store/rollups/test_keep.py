"""The sums are what the rows say, whatever happened in between."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, update

from tests.support.records import NOW, TRAITS, attempt, record
from tests.support.slices import said
from turnout.store.ledger import Ledger
from turnout.store.rollups.cells import Slice
from turnout.store.rollups.keep import _collected, pace
from turnout.store.rollups.marks import mark, minutes
from turnout.store.rollups.sums import calls, cells, tags
from turnout.store.schema import feedback, requests, rollups, rollups_due
from turnout.store.summary import from_rows
from turnout.types.record import Record
from turnout.types.seconds import DAY, HOUR, MINUTE

EVER = int(NOW) * 2
OLD = NOW - 30 * DAY
ANCIENT = NOW - 300 * DAY


def mixed(n: int, at: float = NOW) -> Record:
    """The ``n``-th of some that differ in all that sums tell apart."""
    return record(
        n, id=f"{int(at)}-{n}", at=at + n * 7, model=f"p{n % 2}/m{n % 3}", route=["code", "support", None][n % 3],
        outcome=["ok", "ok", "failed", "cut", "begun"][n % 5], cost=None if n % 4 == 0 else n, duration_ms=100.0 + n,
        traits=msgspec.structs.replace(TRAITS, caller=["web", None][n % 2], tags={"team": str(n % 3)}),
        attempts=(attempt(fault="timeout", cost=0), attempt(model=f"p{n % 2}/m{n % 3}")),
    )  # fmt: skip


def ingest(ledger: Ledger, *records: Record) -> None:
    ledger.ingest(records, "s", 1)


def all_of(ledger: Ledger, period: int) -> tuple[Slice, ...]:
    return ledger.slices(0, EVER, period)


def check(ledger: Ledger, period: int) -> None:
    """Each slice is the one that its rows make now, and every request is in one."""
    slices = all_of(ledger, period)
    with ledger._engine.connect() as connection:
        assert [said(one) for one in slices] == [said(_collected(connection, period, one.start)) for one in slices]
        stored = connection.execute(requests.select()).all()
    assert {one.start for one in slices} == {int(row.at // period) * period for row in stored}


@contextmanager
def on_statement(ledger: Ledger, do: Callable[[str], None]):
    def heard(*given: Any) -> None:
        do(given[2])

    event.listen(ledger._engine, "before_cursor_execute", heard)
    try:
        yield
    finally:
        event.remove(ledger._engine, "before_cursor_execute", heard)


@pytest.mark.parametrize("at", [NOW, OLD, ANCIENT])
def test_sums_are_what_the_rows_say(ledger: Ledger, at: float):
    """A minute, an hour and a day of requests; of old ones no minutes, of ancient ones a day only from its rows."""
    ingest(ledger, *(mixed(n, at) for n in range(90)))

    done = ledger.roll_up(NOW + 700)

    assert (done.minutes, done.left) == (len(minutes(at + n * 7 for n in range(90))), 0)
    assert cells(all_of(ledger, DAY))[()].requests == 90
    assert calls(all_of(ledger, DAY))[()].faults == {"timeout": 90}
    assert tags(all_of(ledger, DAY)).keys() == {"team=0", "team=1", "team=2"}
    for period in (MINUTE, HOUR, DAY) if at == NOW else (HOUR, DAY):
        check(ledger, period)
    assert bool(all_of(ledger, MINUTE)) is (at == NOW)


def test_what_changed_is_summed_again_with_all_that_stands_on_it(ledger: Ledger):
    """A later edition, a verdict, another request of the same minute: nothing is added to, everything is made anew."""
    ingest(ledger, *(mixed(n) for n in range(20)))
    ledger.roll_up(NOW)
    ingest(ledger, msgspec.structs.replace(mixed(4), edition=1, outcome="cut"), mixed(50))
    with ledger._engine.begin() as connection:
        connection.execute(update(requests).where(requests.c.id == mixed(7).id).values(verdict=0.25))
        mark(connection, minutes([mixed(7).at]))

    assert ledger.roll_up(NOW).minutes == 3
    total = cells(all_of(ledger, DAY))[()]
    assert (total.requests, total.begun, total.graded, total.verdicts, total.squares, total.acceptable) == (
        21,
        3,
        1,
        0.25,
        0.0625,
        0,
    )
    for period in (MINUTE, HOUR, DAY):
        check(ledger, period)


def test_nothing_that_is_as_it_was_is_summed_again(ledger: Ledger):
    """A pass over nothing costs a look."""
    ingest(ledger, *(mixed(n) for n in range(20)))
    ledger.roll_up(NOW)

    assert ledger.roll_up(NOW).slices == 0


def test_a_pass_may_die_anywhere_and_be_repeated(ledger: Ledger):
    """Whichever statement is the last: afterwards the sums are right, and meanwhile a minute is in its day or nowhere."""
    ingest(ledger, *(mixed(n) for n in range(12)), *(mixed(n, NOW + DAY) for n in range(12)))
    for last in range(1, 200):
        with ledger._engine.begin() as connection:
            mark(connection, minutes([NOW, NOW + DAY]))
        spoken: list[str] = []

        def die(statement: str, spoken: list[str] = spoken, last: int = last) -> None:
            if "requests" not in statement:  # rows are read by PostgreSQL's own cursors, which nobody closes who dies so
                spoken.append(statement)
                if len(spoken) == last:
                    raise InterruptedError

        try:
            with on_statement(ledger, die):
                ledger.roll_up(NOW + DAY)
        except InterruptedError:
            assert sum(one.requests for one in cells(all_of(ledger, DAY), "model").values()) in {0, 12, 24}
            continue
        break
    assert 10 < last < 199
    for period in (MINUTE, HOUR, DAY):
        check(ledger, period)


def test_what_comes_while_rows_are_read_is_not_forgotten(ledger: Ledger):
    """The mark has risen meanwhile: the minute stays due."""
    ingest(ledger, mixed(0))
    more = [mixed(1)]

    def come(statement: str) -> None:
        if "FROM attempts" in statement and more:
            ingest(ledger, more.pop())

    with on_statement(ledger, come):
        first = ledger.roll_up(NOW)

    assert first.left == 1
    assert ledger.roll_up(NOW).left == 0
    assert cells(all_of(ledger, DAY))[()].requests == 2


def test_a_slice_that_was_looked_at_is_not_shown_when_it_has_changed(ledger: Ledger):
    """Memory knows a slice by when it was made, and that rises even if the clock stands still."""
    for n in range(3):
        ingest(ledger, mixed(n))
        ledger.roll_up(NOW)

        assert [cells(all_of(ledger, period))[()].requests for period in (MINUTE, HOUR, DAY)] == [n + 1] * 3


def test_a_minute_whose_requests_are_gone_has_no_slice(ledger: Ledger):
    """And neither has its hour."""
    ingest(ledger, mixed(0))
    ledger.roll_up(NOW)
    with ledger._engine.begin() as connection:
        connection.execute(requests.delete())
        mark(connection, minutes([NOW]))

    ledger.roll_up(NOW)

    assert all_of(ledger, MINUTE) == all_of(ledger, HOUR) == all_of(ledger, DAY) == ()


def test_a_pass_does_so_many_hours_the_oldest_first(ledger: Ledger):
    """What is left is said, and the next pass goes on there."""
    ingest(ledger, *(mixed(n, OLD + n * HOUR) for n in range(5)))

    assert ledger.roll_up(NOW, most=2).left == 3
    assert [one.start for one in all_of(ledger, HOUR)] == [int(OLD // HOUR + n) * HOUR for n in range(2)]
    assert ledger.roll_up(NOW, most=9).left == 0
    check(ledger, DAY)


def test_a_ledger_that_is_older_than_its_sums_is_summed_from_its_beginning(ledger: Ledger):
    """Rows of an earlier version have no marks; without any sums, every minute is due."""
    ingest(ledger, *(mixed(n, at) for at in (NOW, OLD, NOW - 0.5) for n in range(9)))
    with ledger._engine.begin() as connection:
        connection.execute(rollups_due.delete())

    ledger.roll_up(NOW)

    check(ledger, DAY)


def test_worth_is_what_feedback_of_kind_value_sums_to(ledger: Ledger):
    """Of requests it was joined to."""
    ingest(ledger, mixed(1), mixed(2))
    with ledger._engine.begin() as connection:
        for n, (kind, state) in enumerate([("value", "joined"), ("value", "joined"), ("value", "foreign"), ("stars", "joined")]):
            row = {
                "id": str(n),
                "at": NOW,
                "kind": kind,
                "source": "user",
                "request_id": mixed(1).id,
                "value": 2.5,
                "state": state,
            }
            connection.execute(feedback.insert(), row)

    ledger.roll_up(NOW)

    assert (cells(all_of(ledger, DAY))[()].worth, tags(all_of(ledger, DAY))["team=1"].worth) == (5.0, 5.0)


@pytest.mark.parametrize("window", [2 * HOUR, 20 * HOUR, 2 * DAY, 5 * DAY, 90 * DAY, NOW])
@pytest.mark.parametrize("summed", ["all", "not the last", "most"])
def test_a_summary_from_sums_says_what_the_rows_say(ledger: Ledger, window: float, summed: str):
    """Minutes that nobody has summed yet are summed there and then; a window begins at a whole minute, hour or day, and says so."""
    spread = [NOW - gap for gap in (0, 90, 4_000, 30 * HOUR, 4 * DAY, 6 * DAY, 80 * DAY, 300 * DAY)]
    ingest(ledger, *(mixed(n, at - 200) for at in spread for n in range(20)))
    ledger.roll_up(NOW, most=99)
    if summed != "all":
        ingest(ledger, *(mixed(n, NOW - 50) for n in range(5)))
    if summed == "most":
        ingest(ledger, *(mixed(n, at + 55) for at in spread for n in range(3)))
        ingest(ledger, *(mixed(n, NOW - 5 * HOUR) for n in range(5)))

    told = ledger.summary(NOW - window, NOW)
    with ledger._engine.connect() as connection:
        exact = from_rows(connection, told.since, NOW)

    assert NOW - window - DAY < told.since <= NOW - window
    quantiles = {"latency_ms", "first_token_ms", "decision_us_p50"}
    for name in told.__struct_fields__:
        if name not in quantiles:
            assert getattr(told, name) == getattr(exact, name), name
    assert told.latency_ms.p50 == pytest.approx(exact.latency_ms.p50, rel=0.011)


def test_under_load_a_summary_is_as_old_as_the_last_pass(ledger: Ledger):
    """What is due is more than can be summed while somebody waits; but a minute that no pass has seen is not left out."""
    ingest(ledger, *(mixed(n) for n in range(9)))
    ledger.roll_up(NOW)
    ingest(ledger, *(mixed(n) for n in range(9, 40)))

    seen = {int((NOW + n * 7) // MINUTE) for n in range(9)}
    assert total(ledger, exact=0) == 9 + sum(int((NOW + n * 7) // MINUTE) not in seen for n in range(9, 40))
    assert total(ledger, exact=100) == 40


def total(ledger: Ledger, exact: int) -> int:
    standing = ledger._rollups.standing(0, NOW, exact=exact)
    assert standing is not None
    return cells(standing[1])[()].requests


def test_while_sums_are_being_made_a_summary_is_of_the_rows(ledger: Ledger):
    """With hours to sum yet, or before the first sum."""
    ingest(ledger, *(mixed(n * 60, OLD) for n in range(200)))
    ledger.roll_up(NOW, most=1)

    assert ledger.summary(0, NOW).requests == 200
    with ledger._engine.begin() as connection:
        connection.execute(rollups.delete())
        connection.execute(rollups_due.delete())
    assert ledger.summary(0, NOW).requests == 200


def test_the_pace_leaves_nine_tenths_of_a_core():
    """And a second at least."""
    assert (pace(0.0), pace(0.05), pace(2.0)) == (1.0, 1.0, pytest.approx(18.0))


def test_a_mistaken_price_holds_up_no_sums(ledger: Ledger):
    """What 64 bits do not hold is written as the most they do, and other models' sums beside it as they are."""
    dear = [
        record(
            n,
            at=NOW + n,
            cost=4 * 10**18,
            traits=TRAITS,
            attempts=(attempt(cost=4 * 10**18, model="dear/one"),),
            model="dear/one",
        )
        for n in range(9)
    ]
    ingest(ledger, *dear, record(20, at=NOW + 20, cost=7, attempts=(attempt(cost=7),)))

    assert ledger.roll_up(NOW + 100).left == 0

    summed = ledger.slices(0, int(NOW) + DAY, DAY)
    costs = {key.model: cell.cost for one in summed for key, cell in one.cells}
    assert (costs.pop("dear/one"), list(costs.values())) == (2**63 - 1, [7])
