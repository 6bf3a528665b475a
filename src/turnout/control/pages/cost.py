"""The page Cost: what was paid, to whom, for what, what it would have been otherwise, and what it will be."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from math import floor, log10
from typing import Literal

from turnout.control.pages import charts
from turnout.control.pages.asked import Asked, calls_link, choice, requests_link
from turnout.control.pages.blocks import Block, Cell, Chart, Column, Field, Figure, Figures, Note, Page, Search, Section, Table
from turnout.control.pages.forecast import FEWEST, Forecast, forecast
from turnout.control.pages.savings import Change, since_previous
from turnout.control.pages.seen import NOTHING, OTHERS, Seen, filters, leading, listed, priced_of, ratio, see, spend
from turnout.control.pages.sources import Sources
from turnout.control.pages.spending import By, Part, is_of_calls, spending, tag_keys
from turnout.control.pages.times import Per, each
from turnout.store.rollups import sums
from turnout.store.rollups.cells import Cell as Sum
from turnout.store.rollups.cells import Slice
from turnout.types.money import PICO_PER_USD, usd
from turnout.types.seconds import DAY, HOUR, MINUTE

LOOK_BACK = 56
"""Days that a forecast is made from, at most: eight weeks."""
_PERS: dict[int, tuple[Per, ...]] = {MINUTE: ("minute", "hour"), HOUR: ("hour", "day"), DAY: ("day", "week", "month")}
_DOLLARS = charts.Look(charts.USD)


class CostAsked(Asked, frozen=True, kw_only=True):
    """``per`` is how wide a bar is; what the window does not allow is as if it were not said. ``tag`` is a tag's key."""

    window: Literal["1h", "24h", "7d", "30d", "90d", "400d"] = "30d"
    by: By = "model"
    per: Per | None = None
    tag: str | None = None


def cost(asked: CostAsked, sources: Sources) -> Page:
    seen = see(asked, sources)
    change = since_previous(seen.slices)
    month = _Month(asked, sources, seen.now)
    sections = (
        Section((_search(asked, seen),)),
        Section((_figures(asked, seen, change, month),)),
        Section(_parts(asked, seen), wide=True),
        Section((_month_chart(month), Note(month.words)), "This month"),
        Section(_versions(change), "Against the previous policy version"),
        Section((_tags(asked, seen),), wide=True),
    )
    return Page("cost", "Cost", sections, seen.now, seen.asof)


def _search(asked: CostAsked, seen: Seen) -> Search:
    window, *where = filters(asked, seen).fields
    keys = tag_keys(seen.everything)
    more = [choice(asked, "by", "By"), Field("per", "Per", _per(asked, seen), _PERS[seen.window.period])]
    if asked.by == "tag" and keys:
        more.append(Field("tag", "Tag", _key(asked, keys), tuple(keys)))
    return Search((window, *more, *where))


def _per(asked: CostAsked, seen: Seen) -> Per:
    allowed = _PERS[seen.window.period]
    return asked.per if asked.per in allowed else allowed[0]


def _key(asked: CostAsked, keys: list[str]) -> str:
    return asked.tag or (keys[0] if keys else "")


def _figures(asked: CostAsked, seen: Seen, change: Change | None, month: "_Month") -> Figures:
    total = seen.total
    tokens, priced = total.tokens_in + total.tokens_out, priced_of(total)
    a_request = ratio(total.cost, priced)
    acceptable = ratio(total.acceptable, total.graded)
    saved = total.baseline - total.compared
    compared = ratio(saved, total.baseline)
    against = f"policy {change.previous}" if change else "the previous policy"
    return Figures(
        (
            spend("Cost", total.cost, total.unpriced, requests_link(asked, copies="with")),
            Figure("A request", NOTHING if a_request is None else a_request, "usd", f"of {priced:,} with a known price"),
            Figure("1,000 tokens", ratio(1000 * total.cost, tokens) if tokens else NOTHING, "usd", f"of {tokens:,} tokens" + (", unpriced ones too" if total.unpriced else "")),
            Figure("An acceptable answer", ratio(a_request or 0, acceptable) if acceptable else NOTHING, "usd", f"as {100 * acceptable:.1f} % of {total.graded:,} judged were" if acceptable else "none was judged so", link="/quality"),
            Figure("A unit of value", ratio(total.cost, total.worth) if total.worth > 0 else NOTHING, "usd", f"{total.worth:,.2f} of value was reported" if total.worth else "no value was reported"),
            Figure("Saved against best model", saved, "usd", f"{100 * compared:.0f} % less than the best model for everything" if compared is not None else "nothing to compare yet", "good" if saved > 0 else "plain"),
            Figure("Saved by the cache", total.saved, "usd", f"{total.cached:,} answers given again", "good" if total.saved else "plain", requests_link(asked, reason="cache")),
            Figure(f"Saved against {against}", change.saved if change else NOTHING, "usd", _interval(change), "good" if change and (change.low or 0) > 0 else "plain"),
            Figure("This month so far", month.so_far.cost, "usd", f"and {month.so_far.unpriced:,} of unknown price" if month.so_far.unpriced else f"since {month.first:%-d %B}, days of UTC", "warn" if month.so_far.unpriced else "plain"),
            Figure("Expected this month", month.forecast.expected if month.forecast else NOTHING, "usd", month.short),
        )
    )  # fmt: skip


def _interval(change: Change | None) -> str:
    if change is None:
        return "one version in this window only"
    if change.low is None or change.high is None:
        return "how certain cannot be told yet"
    return f"95 %: {_dollars(change.low)} to {_dollars(change.high)}"


def _parts(asked: CostAsked, seen: Seen) -> tuple[Block, ...]:
    per, of_calls, key = _per(asked, seen), is_of_calls(asked.by, asked.where), _key(asked, tag_keys(seen.everything))
    if asked.by == "tag" and asked.where:
        return (Note("Tags are not kept apart by route, model or task: set these to any to see the cost by tag."),)
    parts = spending(seen.slices, asked.by, of_calls=of_calls, tag=key)
    found = seen.by_time(per)
    rows = [spending(slices, asked.by, of_calls=of_calls, tag=key) for slices in found.values()]
    top = leading(parts, {name: part.cost for name, part in parts.items()})
    series = [charts.named(name, [usd(row.get(name, Part()).cost) for row in rows], _link(asked, name, key)) for name in top]
    if len(parts) > len(top):
        series.append(
            charts.named(OTHERS, [usd(sum(part.cost for name, part in row.items() if name not in top)) for row in rows])
        )
    total = sum(part.cost for part in parts.values())
    shares = listed((name, f"{100 * parts[name].cost / total:.0f} %") for name in top) if total else "nothing"
    title = f"Cost {each(per)} by {key if asked.by == 'tag' else asked.by}"
    chart = charts.stacked(
        "trend",
        title,
        f"{_dollars(total)} in {len(found):,} {per}s, by {asked.by}: {shares}.",
        list(found),
        per,
        series,
        _DOLLARS,
    )
    return chart, _parts_table(asked, parts, key, seen.total, of_calls=of_calls)


def _parts_table(asked: CostAsked, parts: Mapping[str, Part], key: str, whole: Sum, *, of_calls: bool) -> Table:
    total = sum(part.cost for part in parts.values())
    rows = tuple(
        (
            Cell(name, link=_link(asked, name, key), series=name),
            part.n,
            part.cost,
            Cell(ratio(part.cost, total), bar=ratio(part.cost, total)),
            Cell(part.unpriced, "warn" if part.unpriced else "plain"),
            ratio(part.cost, part.n - part.unpriced) if part.n > part.unpriced else None,
            None if part.tokens is None else ratio(1000 * part.cost, part.tokens),
        )
        for name, part in sorted(parts.items(), key=lambda item: (-item[1].cost, item[0]))
    )
    each = "Calls" if of_calls else "Requests"
    columns = (
        Column(asked.by.capitalize() if asked.by != "tag" else key or "Tag"), Column(each, "count"), Column("Cost", "usd"), Column("Share", "percent"),
        Column("Unknown price", "count"), Column(f"A {each.lower()[:-1]}", "usd"), Column("1,000 tokens", "usd"),
    )  # fmt: skip
    note = ""
    if of_calls and total != whole.cost:
        note = (
            f"This is what was billed for each upstream call, {_dollars(total)} in all. Calls with a known price whose request has another call of "
            f"unknown price are in it: {_dollars(total - whole.cost)} that the total above leaves out."
        )
    return Table(
        "parts",
        "",
        columns,
        rows,
        "Nothing was spent in this window. Costs appear here with the first priced answer.",
        note,
        first=12,
    )


def _link(asked: CostAsked, name: str, key: str) -> str | None:
    if asked.by == "provider" or name in {"none", sums.OTHER}:
        return None
    if is_of_calls(asked.by, asked.where):
        return calls_link(asked, called=name)
    return requests_link(asked, copies="with", **{asked.by: f"{key}={name}" if asked.by == "tag" else name})


def _versions(change: Change | None) -> tuple[Block, ...]:
    if change is None:
        text = "In this window all priced requests were decided on one policy version. After the next one this page says what it saved."
        return (Note(text, command="turnout check turnout.yaml"),)
    rows = tuple(
        (
            one.task or "unknown",
            one.requests,
            one.before,
            one.after,
            Cell(one.saved, "good" if one.saved > 0 else "bad"),
        )
        for one in change.tasks
    )
    columns = (
        Column("Task"), Column("Requests", "count"), Column(f"A request, policy {change.previous}", "usd"),
        Column(f"policy {change.current}", "usd"), Column("Saved", "usd"),
    )  # fmt: skip
    how = (
        f"What a request of each task cost under policy {change.previous}, times the requests that policy {change.current} had of it, less what these "
        "did cost. The interval is that of the earlier cost a request, from its scatter between slices of time. It says nothing of a change in how "
        "hard the requests are."
    )
    if change.left_out:
        how += f" {change.left_out:,} requests are of tasks that policy {change.previous} had none of, and left out."
    return (
        Table(
            "versions",
            f"{_dollars(abs(change.saved))} {'less' if change.saved >= 0 else 'more'} than under policy {change.previous}, {_interval(change)}",
            columns,
            rows,
            "No task was served under both versions.",
            how,
        ),
    )


def _tags(asked: CostAsked, seen: Seen) -> Table:
    rows = tuple(
        (
            Cell(name, link=None if name == sums.OTHER else requests_link(asked, tag=name, copies="with")), tag.requests, tag.cost, Cell(tag.unpriced, "warn" if tag.unpriced else "plain"),
            Cell(tag.errors, "bad" if tag.errors else "plain"), ratio(tag.verdicts, tag.graded), tag.worth,
            ratio(tag.cost, tag.worth) if tag.worth > 0 else NOTHING,
        )
        for name, tag in sums.tags(seen.slices).items()
    )  # fmt: skip
    columns = (
        Column("Tag"), Column("Requests", "count"), Column("Cost", "usd"), Column("Unknown price", "count"), Column("Errors", "count"),
        Column("Mean verdict", "percent"), Column("Value", "score"), Column("A unit of value", "usd"),
    )  # fmt: skip
    empty = "No request carried a tag. Send x-turnout-tags: team=web, or bind tags to a key, and each tag's cost stands here."
    if asked.where:
        empty = "Tags are not kept apart by route, model or task: set these to any."
    return Table(
        "tags",
        "By tag",
        columns,
        rows,
        empty,
        "A request is in as many rows as it has tags. Costs hold those of copies, as a judge's calls are, which no other column counts."
        if rows
        else "",
        first=10,
    )


class _Month:
    """The month under way, in UTC as days are kept: what it cost so far, and what it will have."""

    def __init__(self, asked: CostAsked, sources: Sources, now: float) -> None:
        moment = datetime.fromtimestamp(now, UTC)
        self.today, self.first = moment.date(), moment.date().replace(day=1)
        begins = min(self.first, self.today - timedelta(days=LOOK_BACK))
        found = sources.ledger.slices(_unix(begins), _unix(self.today + timedelta(days=1)), DAY)
        slices = sums.only(found, **asked.where) if asked.where else found
        self.days = {datetime.fromtimestamp(one.start, UTC).date(): _total(one) for one in slices}
        self.so_far = sums.added(cell for day, cell in self.days.items() if day >= self.first)
        self.complete = self._complete()
        self.forecast: Forecast | None = forecast(self.complete, self.so_far.cost, self.today, (now - _unix(self.today)) / DAY)

    @property
    def short(self) -> str:
        if self.forecast is None:
            return f"after {FEWEST} whole days; there are {len(self.complete)}"
        return f"90 %: {_dollars(self.forecast.low)} to {_dollars(self.forecast.high)}"

    @property
    def words(self) -> str:
        if self.forecast is None:
            return f"A forecast needs {FEWEST} whole days with traffic before it; there are {len(self.complete)} so far."
        mean = "the mean of its weekday" if self.forecast.by_weekday else "the mean of all days"
        unknown = f" {self.so_far.unpriced:,} answers of unknown price are in neither." if self.so_far.unpriced else ""
        return (
            f"Each day to come is expected to cost {mean} over the {self.forecast.days} whole days before today, and to vary as these did. "
            f"In nine of ten months like this one the total is between {_dollars(self.forecast.low)} and {_dollars(self.forecast.high)}.{unknown}"
        )

    def _complete(self) -> dict[date, int]:
        """Whole days from the first with anything on; a day without requests cost nothing. The first was hardly a whole one."""
        begun = min(self.days, default=self.today) + timedelta(days=1)
        whole = (begun + timedelta(days=n) for n in range((self.today - begun).days))
        return {day: self.days[day].cost if day in self.days else 0 for day in whole}


def _month_chart(month: _Month) -> Chart:
    last = max(month.forecast.coming) if month.forecast else month.today
    days = [month.first + timedelta(days=n) for n in range((last - month.first).days + 1)]
    paid = [usd(month.days[day].cost) if day in month.days else 0.0 for day in days]
    coming = [(month.forecast.coming.get(day, 0.0) if month.forecast else 0.0) / PICO_PER_USD for day in days]
    series = (charts.toned("paid", paid, "accent"), charts.toned("expected", coming, "quiet"))
    says = f"{_dollars(month.so_far.cost)} so far this month. {month.words}"
    return charts.stacked(
        "month",
        f"Cost a day, {month.today:%B}",
        says,
        [datetime.combine(day, time.min) for day in days],
        "day",
        series,
        _DOLLARS,
    )


def _total(one: Slice) -> Sum:
    return sums.cells((one,)).get((), Sum())


def _unix(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _dollars(pico: float) -> str:
    """For sentences."""
    amount = abs(pico) / PICO_PER_USD
    digits = 2 if amount >= 1 or not amount else 2 - floor(log10(amount))  # three that matter
    return f"{'-' if pico < 0 else ''}${amount:,.{digits}f}"
