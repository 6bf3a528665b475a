import threading
from collections.abc import Callable

import pytest
from sqlalchemy import event

from tests.support.records import NOW
from tests.support.tickets import ticket
from turnout.store.ledger import Ledger
from turnout.store.tickets import SHOWN, AlreadySettled, TicketFilters, TicketStore
from turnout.types.tickets import Said, TicketStatus


@pytest.fixture
def store(ledger: Ledger) -> TicketStore:
    return ledger.tickets


def listed(store: TicketStore, limit: int = 10, **filters) -> list[str]:
    return [line.id for line in store.list(limit, TicketFilters(**filters))]


def test_a_ticket_comes_back_as_it_was(store: TicketStore):
    """All of it, and open."""
    store.take_in([ticket()])

    assert store.find("req-0") == (ticket(), TicketStatus("req-0", "human", NOW, "web"))
    assert store.find("req-1") is None


def test_a_ticket_taken_in_again_stays_as_it_is(store: TicketStore):
    """The id is the key: neither doubled nor opened again."""
    store.take_in([ticket(0), ticket(0, why="another")])
    answered = store.settle("req-0", "answered", "yes", "ana", NOW + 5)
    store.take_in([ticket(0), ticket(1)])

    assert listed(store) == ["req-1", "req-0"]
    assert store.find("req-0") == (ticket(), answered)


def test_what_people_said_is_noted_once(store: TicketStore):
    """The first holds; who comes later is told who was first, and changes nothing."""
    store.take_in([ticket()])

    answered = store.settle("req-0", "answered", "yes", "ana", NOW + 5)

    assert answered == TicketStatus("req-0", "human", NOW, "web", "answered", "yes", "ana", NOW + 5)
    with pytest.raises(AlreadySettled, match="answered by ana") as late:
        store.settle("req-0", "dismissed", "no", "ben", NOW + 6)
    assert late.value.status == answered
    assert store.statuses(["req-0"]) == {"req-0": answered}
    assert store.settle("req-9", "answered", "yes", "ana", NOW) is None


def test_of_many_at_once_one_settles(store: TicketStore):
    """The check and the change are one: no two people both answered."""
    store.take_in([ticket()])
    together, done, late = threading.Barrier(8), list[str](), list[str]()

    def settle(who: str) -> None:
        together.wait()
        try:
            store.settle("req-0", "answered", "yes", who, NOW)
            done.append(who)
        except AlreadySettled as error:
            late.append(error.status.by or "")

    people = [threading.Thread(target=settle, args=(f"p{n}",)) for n in range(8)]
    for one in people:
        one.start()
    for one in people:
        one.join()

    assert len(done) == 1
    assert late == done * 7


def test_lists_show_what_tells_tickets_apart(store: TicketStore):
    """Who asked what, where, and why it failed; long texts begin."""
    store.take_in([ticket(0, why="w" * 999, messages=(Said("user", "a\0" * 999),)), ticket(1, messages=())])

    empty, long = store.list(10)

    assert (long.why, long.asked) == ("w" * SHOWN, "a" * (SHOWN // 2))
    assert (empty.asked, empty.route, empty.task, empty.tenant) == ("", "support", "customer_support", "web")


def test_lists_are_filtered_and_paged(store: TicketStore):
    """Newest first, by kind, state and route, and back from a moment."""
    store.take_in([ticket(0), ticket(1, kind="review"), ticket(2, route="code"), ticket(3)])
    store.settle("req-3", "dismissed", "spam", "ana", NOW)

    assert listed(store, limit=2) == ["req-3", "req-2"]
    assert listed(store, limit=2, before=NOW + 2) == ["req-1", "req-0"]
    assert listed(store, kind="review") == ["req-1"]
    assert listed(store, state="open", kind="human") == ["req-2", "req-0"]
    assert listed(store, state="dismissed") == ["req-3"]
    assert listed(store, route="code") == ["req-2"]
    assert store.open_by_kind() == {"human": 2, "review": 1}


def test_more_standings_than_a_statement_has_room_for(store: TicketStore):
    """A spool full of tickets is one question."""
    store.take_in([ticket(n, body=None) for n in range(1200)])

    found = store.statuses([f"req-{n}" for n in range(1300)])

    assert found.keys() == {f"req-{n}" for n in range(1200)}


def test_only_what_was_settled_is_forgotten(store: TicketStore):
    """With content and answer, once its time is over; an open ticket stays however old."""
    store.take_in([ticket(n) for n in range(3)])
    store.settle("req-0", "answered", "yes", "ana", NOW + 5)
    store.settle("req-1", "answered", "yes", "ana", NOW + 6)

    store.forget_settled_before(NOW + 6)

    assert listed(store) == ["req-2", "req-1"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.list(50),
        lambda store: store.list(50, TicketFilters(before=NOW)),
        lambda store: store.list(50, TicketFilters(before=NOW, before_id="req-1")),
        lambda store: store.list(50, TicketFilters(state="open", kind="human")),
        lambda store: store.find("req-0"),
        lambda store: store.statuses(["req-0", "req-1"]),
        lambda store: store.open_by_kind(),
        lambda store: store.forget_settled_before(NOW),
    ],
)
def test_no_question_reads_every_tickets_content(sqlite: Ledger, ask: Callable[[TicketStore], object]):
    """Tickets are large: each is found by an index, in its order."""
    sqlite.tickets.take_in([ticket(n) for n in range(3)])
    asked = []
    event.listen(sqlite._engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    ask(sqlite.tickets)

    done = tuple(asked)
    assert done
    sorts = {
        "USE TEMP B-TREE FOR GROUP BY",
        "LIST SUBQUERY 1",
        "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY",
    }  # the last: ids of one moment
    with sqlite._engine.connect() as connection:
        for statement, values in done:
            plan = [row[3] for row in connection.exec_driver_sql(f"explain query plan {statement}", values)]
            assert all("INDEX" in step or step in sorts for step in plan), plan


def test_no_text_of_a_ticket_stops_the_others(ledger: Ledger):
    """PostgreSQL has no place for one character: lists and what people said go without it, the content keeps it."""
    odd = ticket(1, task="a\0b", tenant="\0", why="\0why")

    ledger.tickets.take_in([ticket(0), odd])
    settled = ledger.tickets.settle("req-1", "answered", "yes\0", "me\0", NOW)

    assert settled is not None
    assert (settled.text, settled.by) == ("yes", "me")
    assert [(line.task, line.tenant, line.why) for line in ledger.tickets.list(5) if line.id == "req-1"] == [("ab", "", "why")]
    found = ledger.tickets.find("req-1")
    assert found is not None
    assert found[0] == odd
