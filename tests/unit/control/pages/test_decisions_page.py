"""The page Decisions: each filter finds its requests, pages lose none, and the links of other pages land on what is behind their figures."""

from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
import pytest
from sqlalchemy import text

from tests.support.dashboard import blocks, figure, filled, table, values, varied
from tests.support.records import NOW, TRAITS, attempt, record
from tests.unit.control.pages.test_live_pages import judged
from turnout.control.pages.blocks import Cell, Chart, Page, Search
from turnout.control.pages.cost import CostAsked, cost
from turnout.control.pages.decisions import DecisionsAsked, decisions
from turnout.control.pages.latency import LatencyAsked, latency
from turnout.control.pages.now import NowAsked, now
from turnout.control.pages.policy import PolicyAsked, policy
from turnout.control.pages.quality import QualityAsked, quality
from turnout.control.pages.sources import Sources
from turnout.store.ledger import Ledger
from turnout.types.record import Record
from turnout.types.traits import Trait

OPS = msgspec.structs.replace(TRAITS, task=Trait("chat", "tag"), caller="ops", session="s 9&", tags={"team": "ops", "env": "a=b"})
SPECIAL: dict[str, Any] = {
    "route": "support", "model": "openai/gpt-5", "outcome": "cut", "code": "upstream_failed", "reason": "fallback", "policy": 9, "drill": "d-1",
    "cost": 2 * 10**12, "duration_ms": 90_000.0, "traits": OPS, "attempts": (attempt(model="x/y", fault="timeout"), attempt(model="openai/gpt-5")),
}  # fmt: skip


def asked(**query: str) -> DecisionsAsked:
    return msgspec.convert(query, DecisionsAsked, strict=False)


def listed(page: Page) -> list[str]:
    return [str(values(row)[-1]) for row in table(page, "requests").rows]


def at(link: str | None) -> DecisionsAsked:
    """As the browser asks where a link leads."""
    assert link is not None
    assert link.startswith("/decisions?")
    return asked(**dict(parse_qsl(urlsplit(link).query)))


def behind(link: str | None, sources: Sources) -> list[str]:
    """All requests that a link leads to, page by page."""
    page = decisions(at(link), sources)
    found = listed(page)
    while (more := table(page, "requests").more) is not None:
        page = decisions(at(more), sources)
        found += listed(page)
    assert len(found) == len(set(found))
    return found


@pytest.fixture
def one_of_ten(ledger: Ledger) -> None:
    filled(ledger, [record(0, at=NOW - 5, **SPECIAL), *(record(n, at=NOW - 5 - n) for n in range(1, 10))])
    with ledger._engine.begin() as connection:
        connection.execute(text("update requests set verdict = 0.25 where id = 'req-0'"))
        connection.execute(text("update requests set verdict = 1.0 where id = 'req-1'"))


@pytest.mark.parametrize(
    "query",
    [
        {"route": "support"}, {"model": "openai/gpt-5"}, {"task": "chat"}, {"outcome": "cut"}, {"outcome": "errors"}, {"code": "upstream_failed"},
        {"reason": "fallback"}, {"caller": "ops"}, {"session": "s 9&"}, {"tag": "team=ops"}, {"tag": "env=a=b"}, {"fault": "timeout"},
        {"called": "x/y"}, {"called": "x/y", "fault": "timeout"}, {"policy": "9"}, {"drill": "d-1"}, {"judged": "bad"},
        {"min_cost_usd": "2"}, {"min_ms": "90000"}, {"since": str(NOW - 5.5)}, {"find": "req-0"},
    ],
)  # fmt: skip
@pytest.mark.usefixtures("one_of_ten")
def test_every_filter_finds_its_request_and_no_other(made_from: Sources, query: dict[str, str]):
    """And is filled in on the page, so that it can be taken off."""
    page = decisions(asked(**query), made_from)

    assert listed(page) == ["req-0"]
    fields = {field.name: field.value for block in blocks(page) if isinstance(block, Search) for field in block.fields}
    assert all(fields[name] == value for name, value in query.items())


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 10), ({"judged": "judged"}, 2), ({"judged": "good"}, 1), ({"outcome": "ok"}, 9), ({"until": str(NOW - 5)}, 9), ({"find": "req-"}, 10),
        ({"called": "openai/gpt-5", "fault": "timeout"}, 0), ({"min_cost_usd": "0"}, 10), ({"outcome": "", "reason": "", "route": "", "code": ""}, 10),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("one_of_ten")
def test_filters_hold_all_that_is_like_them(made_from: Sources, query: dict[str, str], count: int):
    """An empty one is none; who was called and how it failed are of one call."""
    assert len(listed(decisions(asked(**query), made_from))) == count


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"min_cost_usd": "nan"}, "min_cost_usd"), ({"min_cost_usd": "1e300"}, "min_cost_usd"), ({"min_ms": "inf"}, "min_ms"), ({"since": "-1"}, "since"),
        ({"until": "-inf"}, "until"), ({"policy": "x"}, "policy"), ({"policy": "99999999999999999999"}, "policy"), ({"policy": "-1"}, "policy"),
        ({"tag": "team"}, "tag"), ({"tag": "(other)"}, "tag"), ({"cursor": "x"}, "cursor"), ({"cursor": "nan,req-1"}, "cursor"), ({"outcome": "fine"}, "outcome"),
        ({"reason": "luck"}, "reason"), ({"judged": "maybe"}, "judged"), ({"rows": "7"}, "rows"), ({"copies": "some"}, "copies"), ({"code": "a\0b"}, "code"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused_by_name(query: dict[str, str], named: str):
    """400 says which parameter it is; none becomes an error of the database's."""
    with pytest.raises(msgspec.ValidationError, match=named):
        asked(**query)


def test_pages_lose_none_and_show_none_twice(ledger: Ledger, made_from: Sources):
    """Though many arrived at one moment, and the clock goes on while one reads."""
    records = [record(n, at=NOW - 60 - n // 70) for n in range(170)]
    filled(ledger, records)

    assert sorted(behind("/decisions?window=1h", made_from)) == sorted(one.id for one in records)
    first = table(decisions(asked(window="1h"), made_from), "requests")
    made_from.clock.advance(3_590)  # type: ignore[attr-defined]  # a test's clock
    assert len(behind(first.more, made_from)) == 120


def test_a_search_can_be_had_as_one_long_table(ledger: Ledger, made_from: Sources):
    """For exports: up to 5,000 rows, of which the page shows fifty until asked."""
    filled(ledger, [record(n, at=NOW - 60 - n) for n in range(170)])

    found = table(decisions(asked(rows="500"), made_from), "requests")

    assert (len(found.rows), found.first, found.more) == (170, 50, None)


def test_a_row_is_the_request(ledger: Ledger, made_from: Sources):
    """An unknown cost is unknown; a refused request cost nothing and took no model; a begun stream's time is not known yet."""
    refused = record(
        1,
        at=NOW - 2,
        route=None,
        reason=None,
        model=None,
        outcome="rejected",
        code="no_candidate",
        cost=0,
        traits=None,
        attempts=(),
    )
    failed = record(2, at=NOW - 3, model=None, outcome="failed", code="upstream_failed", cost=7)
    records = [record(0, at=NOW - 1, cost=None), refused, failed, record(3, at=NOW - 4, outcome="begun")]
    filled(ledger, records)

    rows = table(decisions(asked(), made_from), "requests").rows

    cost_of, took, model = 8, 9, 2
    assert [values(row)[cost_of] for row in rows] == [None, "\u2013", 7, records[3].cost]
    assert [values(row)[model] for row in rows[1:3]] == ["\u2013", "\u2013"]
    assert [values(row)[took] for row in rows] == [831.0, 831.0, 831.0, "\u2013"]
    assert values(rows[1])[12] == "no_candidate"


def test_hostile_names_stay_values_and_keep_their_links(ledger: Ledger, made_from: Sources):
    """A caller may call its session anything."""
    name = "<b>&tag=x#?/\u202e'\""
    filled(
        ledger, [record(at=NOW - 5, id="a/../b?c", model=name, traits=msgspec.structs.replace(TRAITS, session=name, caller=name))]
    )

    row = table(decisions(asked(), made_from), "requests").rows[0]

    assert isinstance(row[0], Cell)
    assert row[0].link == "/decisions/a%2F..%2Fb%3Fc"
    assert all(isinstance(row[n], Cell) and behind(row[n].link, made_from) == ["a/../b?c"] for n in (6, 7))  # type: ignore[union-attr]  # as said


def test_copies_are_left_out_unless_asked_for(ledger: Ledger, made_from: Sources):
    """Nobody waited for them, but they cost."""
    filled(ledger, [record(0, at=NOW - 5), record(1, at=NOW - 6, copy_of="req-0")])

    assert [listed(decisions(asked(copies=one), made_from)) for one in ("", "only", "with")] == [
        ["req-0"],
        ["req-1"],
        ["req-0", "req-1"],
    ]


def test_an_empty_ledger_and_an_empty_search_say_what_to_do(ledger: Ledger, made_from: Sources):
    """Not the same words for both."""
    nothing = table(decisions(asked(), made_from), "requests")
    filled(ledger, [record(at=NOW - 5)])
    none_like_it = table(decisions(asked(caller="nobody"), made_from), "requests")

    assert "turnout demo" in nothing.empty
    assert "None of 1 requests" in none_like_it.empty


def many() -> list[Record]:
    """All outcomes, copies, calls that failed before another answered, requests that nobody could serve."""
    found = varied(90)
    bad = attempt(model="openai/gpt-5", fault="rate_limited", cost=0, usage=None)
    found += [
        record(100 + n, at=NOW - 50 - n, outcome=("cut", "cancelled")[n % 2], policy=4, attempts=(bad, attempt()))
        for n in range(5)
    ]
    found += [
        record(200 + n, at=NOW - 70 - n, outcome="rejected", model=None, route=None, cost=0, traits=None, attempts=(), policy=4)
        for n in range(3)
    ]
    found += [record(300, at=NOW - 90, copy_of="req-100", policy=4), record(301, at=NOW - 91, reason="cache", saved=9, policy=4)]
    return found


def test_counts_are_as_many_as_the_requests_their_links_lead_to(ledger: Ledger, made_from: Sources):
    """Now's, Cost's, Quality's, Latency's and Policy's, with and without a filter."""
    filled(ledger, many())
    judged(ledger, {"req-100": 0.0, "req-1": 0.0, "req-2": 1.0, "req-3": 1.0, "req-102": 0.75})

    def count(link: str | None) -> int:
        return len(behind(link, made_from))

    for where in ({}, {"route": "support"}):
        live = now(NowAsked(window="24h", **where), made_from)
        total = figure(live, "Requests").value
        assert isinstance(total, int)
        assert count(figure(live, "Requests").link) == total
        assert count(figure(live, "Errors").link) == round((figure(live, "Errors").value or 0) * total)  # type: ignore[operator]  # a share
        assert count(figure(live, "Fallbacks").link) == int(figure(live, "Fallbacks").note.split()[0])
        assert count(figure(live, "From the cache").link) == int(figure(live, "From the cache").note.split()[0])
        for row in table(live, "models").rows:
            assert count(row[0].link) == row[1]  # type: ignore[union-attr]  # a cell
        seen = quality(QualityAsked(window="24h", **where), made_from)
        assert count(figure(seen, "Mean verdict").link) == int(figure(seen, "Mean verdict").note.split()[0])
        for row in table(seen, "matrix").rows:
            assert count(row[0].link) == row[4]  # type: ignore[union-attr]  # a cell
        for row in table(latency(LatencyAsked(window="24h", **where), made_from), "models").rows:
            assert count(row[0].link) >= row[1]  # type: ignore[operator,union-attr]  # calls without a fault, at most one a request here
        for row in table(cost(CostAsked(window="24h", by="route", **where), made_from), "parts").rows:
            if row[0].link is not None:  # type: ignore[union-attr]  # a cell
                copies = [one for one in many() if one.copy_of is not None and one.route == row[0].value]  # type: ignore[union-attr]  # a cell
                assert count(row[0].link) == row[1] + len(copies)  # type: ignore[operator,union-attr]  # its cost has theirs
    for row in table(policy(PolicyAsked(), made_from), "versions").rows:
        assert count(row[4].link) == row[4].value  # type: ignore[union-attr]  # a cell


def test_every_link_of_every_page_is_one_that_decisions_understands(ledger: Ledger, made_from: Sources):
    """No figure leads to an error."""
    filled(ledger, many())
    pages = [
        now(NowAsked(window="24h", model="openai/gpt-5-mini"), made_from), quality(QualityAsked(window="24h", model="openai/gpt-5"), made_from),
        *(cost(CostAsked(window="24h", by=by), made_from) for by in ("model", "route", "task", "caller", "tag")), latency(LatencyAsked(window="24h"), made_from),
    ]  # fmt: skip
    links = {link for page in pages for link in _links(page) if link.startswith("/decisions?")}

    assert len(links) > 20
    for link in links:
        decisions(at(link), made_from)
        assert parse_qs(urlsplit(link).query)["window"] == ["24h"]


def _links(page: Page) -> list[str]:
    found: list[str] = []
    for block in blocks(page):
        found += [link for part in msgspec.to_builtins(block).get("figures", ()) if (link := part["link"])]
        if isinstance(block, Chart):
            found += [
                trace["meta"]["link"] for trace in block.data if isinstance(trace.get("meta"), dict) and trace["meta"].get("link")
            ]
        for row in getattr(block, "rows", ()):
            found += [cell.link for cell in row if isinstance(cell, Cell) and cell.link]
    return found
