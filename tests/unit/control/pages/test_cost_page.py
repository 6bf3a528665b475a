from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from tests.support.dashboard import chart, figure, filled, table, values, varied
from tests.support.records import NOW, attempt, record
from turnout.control.pages.cost import CostAsked, cost
from turnout.control.pages.sources import Sources
from turnout.store.ledger import Ledger

DAY = 86_400.0


def test_the_total_is_what_the_rows_say_and_never_without_what_is_unknown(ledger: Ledger, made_from: Sources):
    """Costs are summed to the pico-dollar, copies' too; requests of unknown price, failed ones too, are counted beside, not summed as zero."""
    records = varied()
    filled(ledger, records)

    page = cost(CostAsked(window="24h"), made_from)

    known = [one.cost for one in records if one.cost is not None]
    unknown = len(records) - len(known)
    assert figure(page, "Cost").value == sum(known)
    assert figure(page, "Cost").note == f"and {unknown} of unknown price"
    assert figure(page, "Cost").tone == "warn"


@pytest.mark.parametrize("by", ["provider", "model"])
def test_by_provider_it_is_what_each_billed(ledger: Ledger, made_from: Sources, by: str):
    """Each call counts for whom it was made to: the column sums up to the invoices, and so does the chart."""
    records = varied()
    filled(ledger, records)
    invoices: dict[str, int] = {}
    for one in records:
        for call in one.attempts:
            name = call.model if by == "model" else call.model.partition("/")[0]
            invoices[name] = invoices.get(name, 0) + (call.cost or 0)

    page = cost(CostAsked(window="24h", by=by, per="hour"), made_from)

    rows = [values(row) for row in table(page, "parts").rows]
    assert {row[0]: row[2] for row in rows} == invoices
    assert sum(sum(trace["y"]) for trace in chart(page, "trend").data) == pytest.approx(sum(invoices.values()) / 1e12)


@pytest.mark.parametrize("by", ["route", "task", "caller", "tag"])
def test_by_what_a_request_is_the_parts_sum_up_to_the_total(ledger: Ledger, made_from: Sources, by: str):
    """Whichever way it is divided, nothing is lost and nothing doubled."""
    filled(ledger, varied())

    page = cost(CostAsked(window="24h", by=by), made_from)

    assert sum(values(row)[2] for row in table(page, "parts").rows) == figure(page, "Cost").value


def test_a_filter_leaves_what_it_names_only(ledger: Ledger, made_from: Sources):
    """The page of one route has this route's costs, everywhere; its links keep to it."""
    records = varied()
    filled(ledger, records)

    page = cost(CostAsked(window="24h", route="support", by="task"), made_from)

    paid = sum(one.cost for one in records if one.route == "support" and one.cost is not None)
    assert figure(page, "Cost").value == paid
    assert figure(page, "Cost").link == "/decisions?window=24h&route=support&copies=with"
    assert sum(values(row)[2] for row in table(page, "parts").rows) == paid


def test_savings_compare_only_where_both_are_known(ledger: Ledger, made_from: Sources):
    """What the best model would have cost more, over requests whose cost and baseline are both known."""
    records = varied()
    filled(ledger, records)

    page = cost(CostAsked(window="24h"), made_from)

    asked = [one for one in records if one.copy_of is None and one.cost is not None]
    assert figure(page, "Saved against best model").value == sum(one.baseline - one.cost for one in asked)


def test_days_are_the_viewers_where_hours_are_known(ledger: Ledger, made_from: Sources):
    """An hour before midnight in Berlin belongs to another day than in New York."""
    midnight = int((NOW + 7200) // DAY * DAY - 7200)  # 22:00 UTC is midnight in Berlin's summer
    filled(ledger, [record(1, at=midnight - 1800), record(2, at=midnight + 1800)])

    def days(zone: str) -> list[float]:
        bars = chart(cost(CostAsked(window="7d", per="day", zone=zone), made_from), "trend").data[0]
        return [amount for amount in bars["y"] if amount]

    assert len(days("Europe/Berlin")) == 2
    assert len(days("America/New_York")) == 1


def test_what_the_window_does_not_allow_is_as_if_it_were_not_said(ledger: Ledger, made_from: Sources):
    """Going from a day's window to a month's with ``per=hour`` in the address is no error: the finest there is."""
    filled(ledger, varied())

    page = cost(CostAsked(window="30d", per="hour"), made_from)

    assert chart(page, "trend").title == "Cost a day by model"


def test_a_forecast_waits_for_whole_days_and_then_tells_its_range(ledger: Ledger, made_from: Sources):
    """Two days are too few, and it says so; after weeks it lies between its bounds, above what was paid already."""
    filled(ledger, [record(n, at=NOW - n * DAY) for n in range(3)])
    early = cost(CostAsked(), made_from)

    filled(
        ledger,
        [record(100 + n, at=NOW - n * DAY / 3, attempts=(attempt(cost=n * 10**9),), cost=n * 10**9) for n in range(3, 120)],
    )
    late = cost(CostAsked(), made_from)

    assert figure(early, "Expected this month").value == "\u2013"
    assert "3 whole days" in figure(early, "Expected this month").note
    expected = figure(late, "Expected this month")
    assert expected.value > figure(late, "This month so far").value
    assert expected.note.startswith("90 %: $")


def test_the_month_so_far_is_the_rows(ledger: Ledger, made_from: Sources):
    """From the first of the month, UTC, whatever the window is."""
    today = datetime.fromtimestamp(NOW, UTC).date()
    first = datetime(today.year, today.month, 1, tzinfo=UTC).timestamp()
    filled(ledger, [record(1, at=first - 60), record(2, at=first + 60), record(3, at=NOW - 60)])

    page = cost(CostAsked(window="1h"), made_from)

    assert figure(page, "This month so far").value == 2 * record().cost
    days = chart(page, "month").data[0]
    assert days["x"][0] == date(today.year, today.month, 1).isoformat() + "T00:00"
    assert sum(1 for paid in days["y"] if paid) == 2


def test_value_of_the_business_is_divided_by(ledger: Ledger, made_from: Sources):
    """Without feedback of kind value there is no cost for a unit of it: nothing is made up."""
    filled(ledger, [record(1, at=NOW - timedelta(minutes=5).total_seconds())])

    assert figure(cost(CostAsked(window="1h"), made_from), "A unit of value").value == "\u2013"


def test_tags_and_filters_do_not_mix_silently(ledger: Ledger, made_from: Sources):
    """Tags are not kept apart by route: rather than a wrong sum the page says so."""
    filled(ledger, varied())

    page = cost(CostAsked(window="24h", by="tag", route="code"), made_from)

    assert "Tags are not kept apart" in msgspec.json.encode(page).decode()
    assert table(page, "tags").rows == ()
