"""How often the chosen model was good enough, and how often a cheaper one would have been."""

from collections.abc import Sequence

from turnout.control.pages.asked import Asked, requests_link
from turnout.control.pages.blocks import Cell, Column, Figure, Table
from turnout.control.pages.seen import NOTHING, Seen, name_of
from turnout.control.pages.sources import Sources
from turnout.feedback.accuracy import Cheaper, Share, share
from turnout.store.quality import MOST_LOOKED_AT
from turnout.store.rollups import sums
from turnout.store.rollups.cells import Cell as Sum


def cheaper_of(asked: Asked, seen: Seen, sources: Sources) -> tuple[Cheaper, ...]:
    return sources.ledger.quality.cheaper(seen.window.since, seen.window.until, **asked.where)


def accuracy_figures(asked: Asked, total: Sum, cheaper: Sequence[Cheaper]) -> tuple[Figure, Figure]:
    right = share(total.acceptable, total.graded)
    done = share(sum(one.acceptable.part for one in cheaper), sum(one.acceptable.n for one in cheaper))
    return (
        Figure("Routing accuracy", right.share if right else NOTHING, "percent", _of(right, "acceptable, of", "nobody has judged these answers"), link=requests_link(asked, judged="good")),
        Figure("A cheaper model would have done", done.share if done else NOTHING, "percent", _of(done, "of", "of cheaper models nothing is known")),
    )  # fmt: skip


def accuracy_table(seen: Seen, cheaper: Sequence[Cheaper]) -> Table:
    by_both = {group: cell for group, cell in sums.cells(seen.slices, "route", "task").items() if cell.graded}
    done = {(one.route, one.task): one.acceptable for one in cheaper}
    rows = []
    for route, task in sorted({**by_both, **done}, key=lambda group: (-by_both.get(group, Sum()).graded, *map(name_of, group))):
        cell, known = by_both.get((route, task), Sum()), done.get((route, task))
        mean = cell.verdicts / cell.graded if cell.graded else None
        rows.append(
            (name_of(route), task or "unknown", cell.graded, _cell(share(cell.acceptable, cell.graded)), mean, _cell(known), known.n if known else 0)
        )  # fmt: skip
    columns = (
        Column("Route"), Column("Task"), Column("Verdicts", "count"), Column("Acceptable", "percent"), Column("Mean verdict", "score"),
        Column("A cheaper model would have done", "percent"), Column("Known of", "count"),
    )  # fmt: skip
    note = (
        "Acceptable: a verdict of 0.5 or more. What a cheaper model would have done is known from copies that were graded and from cheaper first tries that a "
        f"check refused; of more than {MOST_LOOKED_AT:,} requests the latest are looked at."
    )
    return Table(
        "accuracy", "By route and task", columns, tuple(rows), "Nobody has judged answers of this window yet.", note, first=8
    )


def _of(one: Share | None, what: str, nothing: str) -> str:
    return f"{what} {one.n:,}; 95 %: {100 * one.low:.1f} to {100 * one.high:.1f} %" if one else nothing


def _cell(one: Share | None) -> Cell | None:
    return None if one is None else Cell(one.share, low=one.low, high=one.high)
