"""The page Catalog: events, what waits for a person's word, the age of sources, and prices over time."""

from datetime import UTC, date, datetime
from itertools import pairwise

import msgspec
import pytest

from tests.support.dashboard import blocks, chart, figure, table, values
from tests.support.records import NOW
from tests.support.release_stories import BIG, DAY, LATE, OLD
from tests.support.views import model
from turnout.catalog.accepted import DIRECTORY, Pointer, Seen
from turnout.control.pages.blocks import Actions, Cell, Chart, NoSuchThing, Note, Page
from turnout.control.pages.catalog import CatalogAsked, Price, catalog, prices
from turnout.control.pages.sources import Sources
from turnout.types.models import ModelFacts, PriceRow, Rate
from turnout.types.models import Source as Said
from turnout.types.money import pico_per_token
from turnout.types.release import CatalogEvent
from turnout.watch.diff import diff
from turnout.watch.files import Files
from turnout.watch.world import World


def paths(page: Page) -> list[str]:
    return [button.path for block in blocks(page) if isinstance(block, Actions) for button in block.buttons]


def test_events_are_listed_with_both_sides_and_who_says_so(stories: Sources):
    """Latest first; what is kept apart is bad, and leads to itself."""
    rows = table(catalog(CatalogAsked(), stories), "events").rows

    assert [values(row)[2] for row in rows][:2] == ["price changed", "model added"]
    first = rows[0]
    assert values(first)[3:7] == ["$5 in, $25 out per million", "$0 in, $0 out per million", -1.0, "quarantined"]
    assert isinstance(first[6], Cell)
    assert first[6].tone == "bad"
    assert isinstance(first[0], Cell)
    assert first[0].link == "/catalog/ev-odd"
    assert values(first)[7] == "litellm"


def test_what_waits_can_be_taken_or_put_aside(stories: Sources):
    """Only that: a conflict that is merely noted asks nobody anything."""
    there = ["/api/catalog/events/ev-odd/accept", "/api/catalog/events/ev-odd/dismiss"]

    assert paths(catalog(CatalogAsked(), stories)) == [*there, "/api/catalog/refresh"]
    assert paths(catalog(CatalogAsked(id="ev-odd"), stories)) == there
    assert paths(catalog(CatalogAsked(id="ev-war"), stories)) == []


def test_a_price_that_one_source_says_waits_too(made_from: Sources):
    """It is noted, not kept apart, and a person's word makes it so."""
    event = CatalogEvent("e1", NOW, "price_changed", OLD, "prices", "a", "b", ("litellm",), "noted")
    made_from.ledger.audit.within(lambda connection: made_from.ledger.catalog_events.put(connection, [event]))

    assert "/api/catalog/events/e1/accept" in paths(catalog(CatalogAsked(), made_from))


def test_many_that_wait_are_not_a_page_of_forms(made_from: Sources):
    """A poisoned refresh keeps hundreds apart: a few are shown, the rest counted, and one command puts all of them aside."""
    events = [CatalogEvent(f"e{n:03}", NOW, "price_changed", f"a/{n}", "prices", "x", "y", (), "quarantined") for n in range(300)]
    made_from.ledger.audit.within(lambda connection: made_from.ledger.catalog_events.put(connection, events))

    page = catalog(CatalogAsked(), made_from)

    assert len(paths(page)) == 11
    assert any(isinstance(block, Note) and "295 more" in block.text and block.command for block in blocks(page))


def test_filters_narrow_events(stories: Sources):
    """By model, kind and state; a state that is none is refused by name."""

    def found(**asked: str) -> list[object]:
        page = catalog(msgspec.convert(asked, CatalogAsked), stories)
        return [values(row)[1] for row in table(page, "events").rows]

    assert found(model=LATE) == [LATE, LATE]
    assert found(kind="price_changed") == [BIG, OLD, OLD]
    assert found(state="dismissed") == [LATE]
    with pytest.raises(msgspec.ValidationError, match="state"):
        found(state="lost")


def test_one_event_shows_what_came_of_it(stories: Sources):
    """The releases it opened, and the model's price."""
    page = catalog(CatalogAsked(id="ev-new"), stories)

    assert figure(page, "State").note == "confirmed"
    assert len(table(page, "releases").rows) == 9
    assert chart(page, "prices").says == "deepseek/deepseek-v4 costs $0.3 for a million tokens in and $1.1 out"
    with pytest.raises(NoSuchThing, match="no event 'none'"):
        catalog(CatalogAsked(id="none"), stories)


def test_sources_show_their_age(made_from: Sources):
    """What was never got, what is old and what went wrong are said."""
    seen = {
        "models.dev": Seen(NOW - 600, NOW - 600),
        "litellm": Seen(NOW - 5 * DAY, NOW - 600, "503"),
        "x": Seen(None, NOW - 60, "no host"),
    }
    files = Files(made_from.data_dir / DIRECTORY)
    with files.held():
        files.point(Pointer("0" * 16, NOW, seen))

    rows = table(catalog(CatalogAsked(), made_from), "sources").rows

    assert [values(row)[2] for row in rows] == ["5.0 days", "10 min", "never got"]
    assert [row[2].tone for row in rows if isinstance(row[2], Cell)] == ["warn", "plain", "bad"]
    assert [values(row)[4] for row in rows] == ["503", "nothing", "no host"]


def test_before_anything_was_seen_it_says_how(made_from: Sources):
    """Which setting, which command."""
    page = catalog(CatalogAsked(), made_from)

    assert "turnout models refresh" in table(page, "events").empty
    assert "release.sources" in table(page, "sources").empty
    assert not [block for block in blocks(page) if isinstance(block, Chart)]


def row(day: date | None, price: tuple[float, float]) -> PriceRow:
    return PriceRow((Rate(pico_per_token(price[0]), pico_per_token(price[1])),), Said("test", "2026-01-01"), day)


def priced(*rows: PriceRow) -> ModelFacts:
    return msgspec.structs.replace(model("a/b"), prices=rows)


def at(*day: int) -> float:
    return datetime(*day, tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]  # year, month, day


def test_prices_are_the_lists_dated_rows():
    """An undated row holds before the first date, and alone for all time; one that is announced is there already."""
    assert prices(priced(row(None, (1, 2))), []) == [Price(0.0, 1, 2)]
    dated = priced(row(None, (3, 9)), row(date(2026, 3, 1), (2, 6)), row(date(2027, 1, 1), (1, 3)))
    assert prices(dated, []) == [Price(0.0, 3, 9), Price(at(2026, 3, 1), 2, 6), Price(at(2027, 1, 1), 1, 3)]
    assert prices(None, []) == []


def test_prices_are_read_from_events_as_the_watch_writes_them():
    """What was before the first change, then each change that was taken; one that was put aside never was a price."""
    worlds = [World({"a/b": priced(row(None, price))}) for price in ((2, 14), (1.5, 12), (0.075, 0.3))]
    changes = [event for n, (old, new) in enumerate(pairwise(worlds)) for event in diff(old, new, {}, NOW + n * DAY, "base")]
    odd = msgspec.structs.replace(changes[1], id="odd", at=NOW + 5 * DAY, state="dismissed", after="$0 in, $0 out per million")

    found = prices(priced(row(None, (0.075, 0.3))), [*changes, odd])

    assert found == [Price(0.0, 2, 14), Price(NOW, 1.5, 12), Price(NOW + DAY, 0.075, 0.3)]


def test_a_price_is_drawn_up_to_now(stories: Sources):
    """Steps, in dollars for a million tokens; of the model that is asked for, else of the one whose price changed last."""
    drawn = chart(catalog(CatalogAsked(model=OLD), stories), "prices")

    assert [trace["y"] for trace in drawn.data] == [[2, 1.5, 1.25, 1.25], [14, 12, 10, 10]]
    assert {trace["line"]["shape"] for trace in drawn.data} == {"hv"}
    assert OLD in chart(catalog(CatalogAsked(), stories), "prices").title
    nothing = catalog(CatalogAsked(model="no/such"), stories)
    assert any(isinstance(block, Note) and "No price of no/such" in block.text for block in blocks(nothing))
