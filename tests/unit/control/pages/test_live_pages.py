"""The pages Now, Quality and Latency against the rows they are made of."""

from pathlib import Path
from statistics import mean

import msgspec
import pytest
from sqlalchemy import text

from tests.support.dashboard import chart, figure, filled, table, values, varied
from tests.support.records import NOW, attempt, record
from turnout.control.pages.latency import LatencyAsked, latency
from turnout.control.pages.now import NowAsked, now
from turnout.control.pages.quality import QualityAsked, quality
from turnout.control.pages.seen import NOTHING
from turnout.control.pages.sources import Sources
from turnout.feedback.accuracy import share
from turnout.store.ledger import Ledger
from turnout.store.rollups.marks import mark
from turnout.types.health import DeploymentHealth, WorkerHealth


def judged(ledger: Ledger, verdicts: dict[str, float]) -> None:
    """As feedback leaves them, and summed again."""
    with ledger._engine.begin() as connection:
        for request_id, verdict in verdicts.items():
            connection.execute(text("update requests set verdict = :v where id = :id"), {"v": verdict, "id": request_id})
        mark(connection, {int(at) // 60 * 60 for (at,) in connection.execute(text("select at from requests"))})
    while ledger.roll_up(NOW).left:
        pass


def test_now_counts_what_the_rows_say(ledger: Ledger, made_from: Sources):
    """Requests, errors, fallbacks and shares are those of the window's rows, without copies."""
    records = varied()
    filled(ledger, records)
    asked = [one for one in records if one.copy_of is None]

    page = now(NowAsked(window="24h"), made_from)

    assert figure(page, "Requests").value == len(asked)
    assert figure(page, "Errors").value == sum(one.outcome == "failed" for one in asked) / len(asked)
    assert figure(page, "Fallbacks").note.startswith(f"{sum(one.reason == 'fallback' for one in asked)} ")
    by_model = {values(row)[0]: values(row)[1] for row in table(page, "models").rows}
    assert by_model == {name: sum(one.model == name for one in asked) for name in {one.model for one in asked}}
    assert sum(chart(page, "shares").data[0]["values"]) == len(asked)
    assert sum(sum(trace["y"]) for trace in chart(page, "traffic").data) == len(asked)
    assert page.live
    assert page.asof == max(one.at for one in asked)


def test_now_lists_the_latest_twenty_with_the_way_to_each(ledger: Ledger, made_from: Sources):
    """Newest first; the first cell leads to the decision."""
    filled(ledger, varied())

    rows = table(now(NowAsked(), made_from), "latest").rows

    assert [values(row)[0] for row in rows] == sorted((values(row)[0] for row in rows), reverse=True)
    assert len(rows) == 20
    assert rows[0][0].link == "/decisions/req-0"


def test_the_rate_is_that_of_the_last_minutes(ledger: Ledger, made_from: Sources):
    """Sixty requests in the last minute are one a second, whatever came hours ago; so is what an hour costs."""
    start = NOW // 60 * 60 - 60
    fresh = [record(n, at=start + n, cost=10**9, attempts=(attempt(cost=10**9),)) for n in range(60)]
    filled(ledger, [*fresh, *(record(100 + n, at=NOW - 7200) for n in range(500))])

    page = now(NowAsked(window="6h"), made_from)

    assert figure(page, "Cost an hour").value == pytest.approx(60 * 10**9 / (NOW - start) * 3600)
    assert figure(page, "Requests").note == f"{60 / (NOW - start):.3g} a second now"


def test_providers_stand_as_workers_see_them(made_from: Sources):
    """What is ejected is said with its cause."""
    out = DeploymentHealth(
        "openai/gpt-5", "openai", "env:KEY", None, "ejected", "openai address", "refused", NOW + 9, False, 1.0, 0, None, None, 3, {}, None,
        None, 0, None,
    )  # fmt: skip
    made_from.health.joinpath("gateway-0.json").write_bytes(msgspec.json.encode(WorkerHealth("gateway-0", NOW - 1, 0, (out,))))

    row = table(now(NowAsked(), made_from), "providers").rows[0]

    assert values(row) == ["openai", "ejected", 0, 3, "openai address: refused"]
    assert row[1].tone == "bad"


def test_quality_is_the_mean_of_the_rows_verdicts(ledger: Ledger, made_from: Sources):
    """By model and task: mean, count and Wilson's interval; what nobody judged has no mean."""
    records = varied()
    filled(ledger, records)
    verdicts = {one.id: float(n % 3 > 0) for n, one in enumerate(records) if n % 3 != 2 and one.copy_of is None}
    judged(ledger, verdicts)

    page = quality(QualityAsked(window="24h"), made_from)

    haiku = [verdicts[one.id] for one in records if one.model == "anthropic/claude-haiku-4-5" and one.id in verdicts]
    rows = {values(row)[0]: row for row in table(page, "matrix").rows}
    row = rows["anthropic/claude-haiku-4-5"]
    expected = share(sum(haiku), len(haiku))
    assert expected is not None
    assert (row[2].value, row[3]) == (mean(haiku), len(haiku))
    assert (row[2].low, row[2].high) == (expected.low, expected.high)
    assert rows["local/llama-3.2"][2] is None
    assert figure(page, "Mean verdict").value == mean(verdicts.values())
    assert chart(page, "matrix").data[0]["y"] == ["anthropic/claude-haiku-4-5", "openai/gpt-5-mini"]


def test_a_collapse_is_told_without_anyone_looking_for_it(ledger: Ledger, made_from: Sources):
    """Verdicts that fell in the last hour are an alert on the page, with model and route."""
    old = [record(n, at=NOW - 86_400 - 60 * n) for n in range(200)]
    new = [record(1000 + n, at=NOW - 10 * n - 1) for n in range(60)]
    filled(ledger, [*old, *new])
    judged(ledger, {one.id: 1.0 for one in old} | {one.id: float(n % 3 == 0) for n, one in enumerate(new)})

    page = quality(QualityAsked(), made_from)

    assert [alert.tone for alert in page.alerts] == ["bad"]
    assert "anthropic/claude-haiku-4-5 on route code has become worse" in page.alerts[0].text
    assert values(table(page, "drops").rows[0])[:2] == ["code", "anthropic/claude-haiku-4-5"]


def test_faults_are_counted_by_model_and_kind(ledger: Ledger, made_from: Sources):
    """Of upstream calls, failed attempts of answered requests included."""
    bad = attempt(model="openai/gpt-5", fault="rate_limited", cost=0, usage=None)
    filled(ledger, [record(n, at=NOW - 5 - n, attempts=(bad, attempt(model="local/llama-3.2"))) for n in range(4)])

    page = quality(QualityAsked(window="1h"), made_from)

    rows = {values(row)[0]: values(row)[1:] for row in table(page, "faults").rows}
    assert rows == {"openai/gpt-5": [4, 4, 1.0, "rate_limited 4"], "local/llama-3.2": [4, 0, 0.0, None]}


def test_latency_quantiles_are_the_rows_within_a_percent(ledger: Ledger, made_from: Sources):
    """P50, P95 and P99 of answered requests, and per route."""
    records = [record(n, at=NOW - 5 - n, duration_ms=float(n + 1), route=("code", "support")[n % 2]) for n in range(200)]
    filled(ledger, records)

    page = latency(LatencyAsked(window="1h"), made_from)

    for name, rank in (("Latency p50", 100), ("Latency p95", 190), ("Latency p99", 198)):
        assert figure(page, name).value == pytest.approx(rank, rel=0.011)
    rows = {values(row)[0]: values(row) for row in table(page, "routes").rows}
    assert rows["support"][1] == 100
    assert rows["support"][5] == pytest.approx(mean(one.duration_ms for one in records if one.route == "support"))
    assert sum(chart(page, "durations").data[0]["y"]) == 200


def test_every_figure_leads_somewhere_that_exists(ledger: Ledger, made_from: Sources, tmp_path: Path):
    """Links stay within the dashboard, and carry their filters encoded."""
    filled(ledger, [record(at=NOW - 3, model="a/b&c=d #1")])

    link = table(now(NowAsked(), made_from), "models").rows[0][0].link

    assert link == "/decisions?window=1h&model=a%2Fb%26c%3Dd+%231"


def test_routing_accuracy_is_the_share_of_judged_answers_that_were_acceptable(ledger: Ledger, made_from: Sources):
    """A verdict of 0.5 and more; with its interval, by route and task; the others are counted, and so is what they cost."""
    records = varied()
    filled(ledger, records)
    verdicts = {one.id: (0.0, 0.5, 1.0)[n % 3] for n, one in enumerate(records) if one.copy_of is None}
    judged(ledger, verdicts)

    page = quality(QualityAsked(window="24h", route="code"), made_from)

    of_route = [verdicts[one.id] for one in records if one.route == "code" and one.id in verdicts]
    right = sum(verdict >= 0.5 for verdict in of_route)
    within = share(right, len(of_route))
    assert figure(page, "Routing accuracy").value == right / len(of_route)
    assert figure(page, "Not acceptable").value == len(of_route) - right
    assert figure(page, "A cheaper model would have done").value == NOTHING
    [row] = table(page, "accuracy").rows
    assert values(row) == [
        "code",
        "code_generation",
        len(of_route),
        right / len(of_route),
        sum(of_route) / len(of_route),
        None,
        0,
    ]
    assert within is not None
    assert (row[3].low, row[3].high) == (within.low, within.high)


def test_what_a_cheaper_model_would_have_done_stands_beside_it(ledger: Ledger, made_from: Sources):
    """Of a graded copy by a cheaper model, on the route and by the model that is looked at."""
    dear, other = record(at=NOW - 5, id="dear", cost=100), record(at=NOW - 5, id="other", route="support", cost=100)
    copies = [record(at=NOW - 4, id=f"of-{one.id}", copy_of=one.id, model="m/cheap", cost=1) for one in (dear, other)]
    filled(ledger, [dear, other, *copies])
    judged(ledger, {"of-dear": 0.9, "of-other": 0.1})

    whole, of_route, of_model = (
        quality(QualityAsked(**where), made_from) for where in ({}, {"route": dear.route}, {"model": "m/cheap"})
    )

    assert figure(whole, "A cheaper model would have done").value == 0.5
    assert figure(of_route, "A cheaper model would have done").value == 1.0
    assert figure(of_model, "A cheaper model would have done").value == NOTHING
    assert {values(row)[0]: values(row)[5:] for row in table(whole, "accuracy").rows} == {"code": [1.0, 1], "support": [0.0, 1]}
