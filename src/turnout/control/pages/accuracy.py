"""How often the chosen model was good enough, and how often a cheaper one would have been: read from rows, so only where it is asked for."""

from collections.abc import Sequence
from urllib.parse import urlencode

from turnout.control.pages.asked import Asked
from turnout.control.pages.blocks import Cell, Column, Figure, Table
from turnout.control.pages.seen import NOTHING, Seen, name_of
from turnout.control.pages.sources import Sources
from turnout.feedback.accuracy import Accuracy, Share, share
from turnout.store.quality import MOST_JUDGED


def accuracy_of(asked: Asked, seen: Seen, sources: Sources) -> tuple[Accuracy, ...]:
    """By route and task, of what is asked for. A model's name says nothing here: a choice is judged, not a model."""
    found = sources.ledger.quality.accuracy(seen.window.since, seen.window.until)
    return tuple(one for one in found if asked.route in (None, one.route) and asked.task in (None, one.task))


def accuracy_figure(asked: Asked, found: Sequence[Accuracy] | None) -> Figure:
    """None: it was not asked for, and this is where to ask."""
    if found is None:
        link = "/quality?" + urlencode({"window": asked.window, **asked.where, "evidence": "rows"})
        return Figure("Routing accuracy", NOTHING, "percent", "reads the requests one by one: show it", link=link)
    whole = _together([one.acceptable for one in found])
    if whole is None:
        return Figure("Routing accuracy", NOTHING, "percent", "nobody has judged these answers")
    return Figure("Routing accuracy", whole.share, "percent", f"acceptable, of {whole.n:,} that were judged; {_cheaper(found)}")


def accuracy_table(found: Sequence[Accuracy]) -> Table:
    rows = tuple(
        (
            name_of(one.route),
            one.task or "unknown",
            one.graded,
            _cell(one.acceptable),
            one.mean,
            _cell(one.cheaper),
            one.cheaper.n if one.cheaper else 0,
        )
        for one in found
    )
    columns = (
        Column("Route"), Column("Task"), Column("Verdicts", "count"), Column("Acceptable", "percent"), Column("Mean verdict", "score"),
        Column("A cheaper model would have done", "percent"), Column("Known of", "count"),
    )  # fmt: skip
    note = (
        "Acceptable: a verdict of 0.5 or more. What a cheaper model would have done is known from copies that were graded and from cheaper first tries that a "
        f"check refused. Of more than {MOST_JUDGED:,} requests the latest are looked at."
    )
    return Table("accuracy", "By route and task", columns, rows, "Nobody has judged answers of this window yet.", note, first=12)


def _cheaper(found: Sequence[Accuracy]) -> str:
    whole = _together([one.cheaper for one in found])
    return (
        "of cheaper models nothing is known"
        if whole is None
        else f"a cheaper model would have done for {100 * whole.share:.0f} % of {whole.n:,}"
    )


def _together(shares: Sequence[Share | None]) -> Share | None:
    known = [one for one in shares if one is not None]
    return share(sum(one.part for one in known), sum(one.n for one in known))


def _cell(one: Share | None) -> Cell | None:
    return None if one is None else Cell(one.share, low=one.low, high=one.high)
