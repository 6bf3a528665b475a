"""What a search of the ledger finds, and how far it reads."""

from typing import Any

import msgspec
import pytest

from tests.support.records import NOW, TRAITS, attempt, record
from turnout.store import queries
from turnout.store.ledger import Ledger
from turnout.store.queries import Filters, Found
from turnout.store.rollups.marks import minutes
from turnout.store.schema import requests

ID = f"{int(NOW * 1000):012x}-00000000000000ff"


def ids(found: Found) -> list[str]:
    return [line.id for line in found.lines]


def search(ledger: Ledger, limit: int, look: int, **filters: Any) -> Found:
    with ledger._engine.connect() as connection:
        return queries.search(connection, Filters(**filters), limit, look=look)


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """One request that is like no other, among others; its id is in the front's form."""
    other = msgspec.structs.replace(TRAITS, caller="ops", session="s-2", tags={"team": "ops"}, headers={"x-team": "web"})
    special = record(
        0, id=ID, route="support", model="openai/gpt-5", outcome="failed", code="upstream_failed", reason="fallback", policy=9, drill="d-1",
        cost=10**13, duration_ms=90_000.0, traits=msgspec.structs.replace(TRAITS, task=msgspec.structs.replace(TRAITS.task, value="chat"), caller="web", session="s-9",
        tags={"team": "web", "env": "prod"}), attempts=(attempt(fault="timeout"),),
    )  # fmt: skip
    ledger.ingest([special, *(record(n, traits=other) for n in range(1, 8))], "s", 1)
    with ledger._engine.begin() as connection:
        connection.execute(requests.update().where(requests.c.id == ID).values(verdict=0.25, verdict_by="user"))
        connection.execute(requests.update().where(requests.c.id != ID).values(verdict=1.0, verdict_by="judge"))
    return ledger


@pytest.mark.parametrize(
    "filters",
    [
        {"route": "support"}, {"model": "openai/gpt-5"}, {"task": "chat"}, {"outcome": "failed"}, {"code": "upstream_failed"}, {"reason": "fallback"},
        {"caller": "web"}, {"session": "s-9"}, {"policy": 9}, {"drill": "d-1"}, {"tag": "team=web"}, {"tag": "env=prod"}, {"fault": "timeout"},
        {"id": ID}, {"id": ID[:14]}, {"id": ID[:9]}, {"min_cost": 10**12}, {"min_duration_ms": 60_000.0}, {"max_verdict": 0.5},
        {"min_verdict": 0.1, "max_verdict": 0.9}, {"until": NOW + 0.5}, {"before": NOW + 0.5}, {"since": NOW - 1, "until": NOW + 1},
        {"route": "support", "caller": "web", "tag": "team=web", "fault": "timeout"},
    ],
    ids=str,
)  # fmt: skip
def test_each_filter_finds_the_one(filled: Ledger, filters: dict[str, Any]):
    """And no other: a tag's bytes may stand in another field, which is no tag."""
    found = filled.search(50, Filters(**filters))

    assert ids(found) == [ID]
    assert found.more is None
    line = found.lines[0]
    assert (line.policy, line.session, line.drill, line.verdict, line.verdict_by) == (9, "s-9", "d-1", 0.25, "user")


@pytest.mark.parametrize(
    "filters", [{"route": "x"}, {"tag": "team=x"}, {"fault": "x"}, {"id": "ffff"}, {"since": NOW + 99}, {"tag": "team=we"}]
)
def test_what_is_not_there_is_not_found(filled: Ledger, filters: dict[str, Any]):
    """Nothing, and no more of it."""
    assert (ids(filled.search(50, Filters(**filters))), filled.search(50, Filters(**filters)).more) == ([], None)


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
@pytest.mark.parametrize("look", [1, 2, 5, 50])
def test_paging_finds_each_request_once(ledger: Ledger, limit: int, look: int):
    """Whatever a page holds and however far a search reads; also where many came at one moment."""
    moments = [0, 0, 0, 1, 1, 2, 3, 3, 3, 3]
    ledger.ingest([record(n, at=NOW + at, route="code" if n % 3 else "support") for n, at in enumerate(moments)], "s", 1)
    seen: list[str] = []
    looked, cursor = 0, None
    for _ in range(40):
        found = search(ledger, limit, look, route="code", cursor=cursor)
        assert len(found.lines) <= limit
        seen += ids(found)
        looked, cursor = looked + found.looked_at, found.more
        if cursor is None:
            break

    assert cursor is None
    assert seen == [f"req-{n}" for n in sorted((n for n in range(10) if n % 3), key=lambda n: (moments[n], n), reverse=True)]
    assert looked >= len(seen)


def test_a_search_reads_no_further_than_it_may(ledger: Ledger):
    """It finds nothing, says how many it read, and where to go on."""
    ledger.ingest([record(n) for n in range(100)], "s", 1)

    found = search(ledger, 50, 30, route="none")

    assert (found.lines, found.looked_at) == ((), 30)
    assert search(ledger, 50, 100, cursor=found.more).lines[0].id == "req-69"


def test_a_session_is_found_however_long_ago(ledger: Ledger):
    """It has an index of its own: other requests are not read for it."""
    once = msgspec.structs.replace(TRAITS, session="long-ago")
    ledger.ingest([record(0, traits=once), *(record(n) for n in range(1, 50))], "s", 1)

    assert ids(search(ledger, 50, 5, session="long-ago")) == ["req-0"]


@pytest.mark.parametrize("filters", [{"cursor": "x"}, {"cursor": "x,y"}, {"tag": "team"}, {"tag": "=x"}])
def test_what_is_no_filter_is_refused_in_words(ledger: Ledger, filters: dict[str, str]):
    """What it was, and what to write instead."""
    with pytest.raises(ValueError, match=r"write key=value|take it from the answer before"):
        ledger.search(50, Filters(**filters))


def test_the_worst_of_a_window(ledger: Ledger):
    """The slowest and the dearest, in that order; what failed and what was rejected, latest first; nothing outside the window."""
    ledger.ingest(
        [
            record(n, duration_ms=n % 4, cost=None if n == 5 else n % 5, outcome="failed" if n % 3 == 0 else "ok")
            for n in range(9)
        ],
        "s",
        1,
    )
    with ledger._engine.begin() as connection:
        connection.execute(requests.update().where(requests.c.id.in_(["req-1", "req-4"])).values(verdict=0.0))

    def worst(how: Any) -> list[str]:
        return [line.id for line in ledger.worst(how, NOW, NOW + 8, limit=2)]

    assert worst("slowest") == ["req-7", "req-3"] or worst("slowest") == ["req-3", "req-7"]
    assert worst("dearest")[:1] == ["req-4"]
    assert worst("failed") == ["req-6", "req-3"]
    assert worst("rejected") == ["req-4", "req-1"]


def test_a_minute_begins_at_its_first_second():
    """Whatever fraction of a second a request arrived at."""
    assert minutes([119.999, 60.0, 61.5, 120.0]) == {60, 120}
