"""The page Queues: who waits, page by page, and one ticket as people get it."""

from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from tests.support.dashboard import blocks, figure, table, values
from tests.support.records import NOW
from tests.support.tickets import ticket
from turnout.control.pages.blocks import Action, Cell, NoSuchThing, Note, Page, Text
from turnout.control.pages.decision import SHOWN
from turnout.control.pages.queues import MOST, PER_PAGE, QueuesAsked, queues
from turnout.control.pages.sources import Sources
from turnout.store.ledger import Ledger
from turnout.types.tickets import Said


def asked(**query: str) -> QueuesAsked:
    return msgspec.convert(query, QueuesAsked, strict=False)


def links(page: Page) -> list[str | None]:
    return [row[0].link for row in table(page, "tickets").rows if isinstance(row[0], Cell)]


@pytest.mark.parametrize("count", [0, 1, PER_PAGE, 2 * PER_PAGE + 7])
def test_pages_lose_none_though_many_came_at_one_moment(ledger: Ledger, made_from: Sources, count: int):
    """None twice, and no empty page after the last."""
    ledger.tickets.take_in([ticket(n, at=NOW - n // 60) for n in range(count)])
    page = queues(asked(state="open"), made_from)
    found = links(page)
    while (more := table(page, "tickets").more) is not None:
        page = queues(asked(**dict(parse_qsl(urlsplit(more).query))), made_from)
        assert links(page)
        found += links(page)

    assert len(found) == len(set(found)) == count
    assert figure(page, "Open: human").value == count


def test_filters_leave_what_they_name(ledger: Ledger, made_from: Sources):
    """An empty one is none; the figures lead to what they count."""
    ledger.tickets.take_in([ticket(0), ticket(1, kind="review", route="code"), ticket(2)])
    ledger.tickets.settle("req-2", "answered", "Tomorrow.", "ana", NOW + 5)
    page = queues(asked(state="", kind="", route=""), made_from)
    link = figure(page, "Open: review").link

    assert links(page) == ["/queues/req-2", "/queues/req-1", "/queues/req-0"]
    assert link is not None
    assert links(queues(asked(**dict(parse_qsl(urlsplit(link).query))), made_from)) == ["/queues/req-1"]
    assert links(queues(asked(route="support", state="answered"), made_from)) == ["/queues/req-2"]
    assert figure(page, "Open: human").value == 1


@pytest.mark.parametrize("query", [{"cursor": "nan,x"}, {"cursor": "x"}, {"state": "lost"}, {"kind": "robot"}])
def test_what_is_no_value_is_refused_by_name(query: dict[str, str]):
    """400, not an error of the database's."""
    with pytest.raises(msgspec.ValidationError, match=next(iter(query))):
        asked(**query)


def test_an_open_ticket_is_shown_and_can_be_settled(ledger: Ledger, made_from: Sources):
    """With what was said and tried, and the way to its decision."""
    ledger.tickets.take_in([ticket(0, id="a/b", left_out=("2 images",))])

    page = queues(asked(id="a/b"), made_from)

    assert [(block.title, block.text) for block in blocks(page) if isinstance(block, Text)] == [
        ("system", "Be kind."),
        ("user", "Where is my parcel?"),
    ]
    assert [values(row) for row in table(page, "tried").rows] == [["openai/gpt-5", "timeout", "no first token within 30 s"]]
    assert figure(page, "Request").link == "/decisions/a%2Fb"
    assert figure(page, "Arrived").note == "from web"
    actions = [block for block in blocks(page) if isinstance(block, Action)]
    assert [(one.path, [field.name for field in one.fields]) for one in actions] == [
        ("/api/tickets/a%2Fb/answer", ["text", "by"]), ("/api/tickets/a%2Fb/dismiss", ["reason", "by"]),
    ]  # fmt: skip
    assert any(isinstance(block, Note) and "2 images" in block.text for block in blocks(page))


def test_a_settled_ticket_says_by_whom_and_is_settled_once(ledger: Ledger, made_from: Sources):
    """No button is left."""
    ledger.tickets.take_in([ticket(0)])
    ledger.tickets.settle("req-0", "dismissed", "<i>spam</i>", "ana", NOW + 5)

    page = queues(asked(id="req-0"), made_from)

    assert ("dismissed by ana", "<i>spam</i>") in [(block.title, block.text) for block in blocks(page) if isinstance(block, Text)]
    assert (figure(page, "Settled").value, figure(page, "State").value) == (NOW + 5, "dismissed")
    assert not [block for block in blocks(page) if isinstance(block, Action)]


def test_a_huge_conversation_is_shown_in_part(ledger: Ledger, made_from: Sources):
    """The last messages, and of each its beginning; and where all of it is."""
    ledger.tickets.take_in(
        [ticket(0, messages=(*(Said("user", str(n)) for n in range(MOST + 2)), Said("user", "x" * (SHOWN + 1))))]
    )

    page = queues(asked(id="req-0"), made_from)

    said = [block.text for block in blocks(page) if isinstance(block, Text)]
    assert (len(said), said[0], len(said[-1])) == (MOST, "3", SHOWN)
    commands = [block.command for block in blocks(page) if isinstance(block, Note) and block.command]
    assert commands == ["/api/tickets/req-0", "/api/tickets/req-0"]


def test_an_unknown_ticket_is_not_found_and_no_ticket_teaches(made_from: Sources):
    """What to do that there may be some."""
    with pytest.raises(NoSuchThing):
        queues(asked(id="none"), made_from)
    assert "{queue: human}" in table(queues(asked(), made_from), "tickets").empty
