"""Events of the catalog, on each kind of database: noted once, settled once, found again."""

from collections.abc import Iterator

import msgspec
import pytest

from turnout.store.ledger import Ledger
from turnout.types.release import CatalogEvent

FIRST = CatalogEvent("a", 100.0, "price_changed", "openai/gpt-9", "prices", "$1", "$2", ("models.dev",), "noted", change=1.0)
SECOND = msgspec.structs.replace(FIRST, id="b", at=200.0, kind="model_added", model="openai/gpt-10", state="accepted")


@pytest.fixture
def ledger(store_url: str) -> Iterator[Ledger]:
    opened = Ledger(store_url)
    yield opened
    opened.close()


def _put(ledger: Ledger, *events: CatalogEvent) -> frozenset[str]:
    return ledger.audit.within(lambda connection: ledger.catalog_events.put(connection, events))


def test_an_event_is_noted_once(ledger: Ledger) -> None:
    """The second time it stays as it was, and is not named as new."""
    assert _put(ledger, FIRST, SECOND) == {"a", "b"}
    assert _put(ledger, msgspec.structs.replace(FIRST, state="accepted"), SECOND) == frozenset()
    assert ledger.catalog_events.get("a") == FIRST
    assert ledger.catalog_events.get("c") is None


def test_events_are_found_by_time_model_and_state(ledger: Ledger) -> None:
    """Latest first."""
    _put(ledger, FIRST, SECOND)
    events = ledger.catalog_events

    assert events.since(0) == (SECOND, FIRST)
    assert events.since(150) == (SECOND,)
    assert events.since(0, model="openai/gpt-9") == (FIRST,)
    assert events.since(0, state="accepted") == (SECOND,)
    assert events.since(0, limit=1) == (SECOND,)


def test_what_waits_is_settled_once(ledger: Ledger) -> None:
    """Whoever comes second settles nothing; what never waited stays as it is."""
    _put(ledger, FIRST, SECOND)

    def settle(state: str) -> int:
        settle = ledger.catalog_events.settle
        return ledger.audit.within(lambda connection: settle(connection, ["a", "b", "c"], state, 300.0, "by ann", confirmed=True))  # type: ignore[arg-type]  # one of two states

    assert (settle("accepted"), settle("dismissed")) == (1, 0)
    assert ledger.catalog_events.get("a") == msgspec.structs.replace(
        FIRST, state="accepted", confirmed=True, detail="by ann", settled=300.0
    )
    assert ledger.catalog_events.get("b") == SECOND
    assert (ledger.catalog_events.ids(250.0, "accepted"), ledger.catalog_events.ids(0.0, "accepted")) == (("a",), ("b", "a"))
