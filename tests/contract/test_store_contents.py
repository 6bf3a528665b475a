"""Contents are found by their request and deleted by what a person asks for, to the last one, and no other."""

import msgspec
import pytest

from tests.support.records import NOW, TRAITS, record
from turnout.store import contents as module
from turnout.store.ledger import Ledger
from turnout.types.content import Content


def content(n: int, key: str = "k") -> Content:
    return Content(f"req-{n}", NOW + n, "full", key, b"sealed")


@pytest.fixture(params=[2, 1000])
def held(ledger: Ledger, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Nine requests: of three callers in turn, and of two sessions, one word of which two callers use."""
    monkeypatch.setattr(module, "BATCH", request.param)
    for n in range(9):
        traits = msgspec.structs.replace(TRAITS, caller=f"c{n % 3}", session=f"s{n % 2}")
        ledger.ingest([record(n, traits=traits), content(n)], "s", n + 1)
    return ledger


def left(ledger: Ledger) -> list[int]:
    return [n for n in range(9) if ledger.contents.get(f"req-{n}") is not None]


def test_a_content_is_found_by_its_request(held: Ledger):
    """As it was journalled; of others there is none."""
    assert held.contents.get("req-4") == content(4)
    assert held.contents.get("req-9") is None


def test_a_later_content_of_a_request_replaces_it(ledger: Ledger):
    """As its record does."""
    ledger.ingest([content(0)], "s", 1)
    ledger.ingest([content(0, "other")], "s", 2)

    assert ledger.contents.get("req-0") == content(0, "other")


def test_one_requests_content_is_deleted(held: Ledger):
    """And said to be gone; the request stays."""
    assert (held.contents.delete_request("req-4"), held.contents.delete_request("req-4")) == (1, 0)
    assert left(held) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert held.request("req-4") is not None


def test_a_callers_contents_are_deleted(held: Ledger):
    """All of them, in however many batches."""
    assert held.contents.delete_caller("c1") == 3
    assert left(held) == [0, 2, 3, 5, 6, 8]
    assert held.contents.delete_caller("nobody") == 0


def test_a_sessions_contents_are_deleted(held: Ledger):
    """Of one caller, where two use the same word."""
    assert held.contents.delete_session("s1", caller="c0") == 1
    assert left(held) == [0, 1, 2, 4, 5, 6, 7, 8]
    assert held.contents.delete_session("s1") == 3
    assert left(held) == [0, 2, 4, 6, 8]


def test_contents_before_a_moment_are_deleted(held: Ledger):
    """That of the moment itself stays."""
    assert held.contents.delete_before(NOW + 5) == 5
    assert left(held) == [5, 6, 7, 8]


def test_keys_are_counted(held: Ledger):
    """So that a key is not thrown away while something is sealed with it."""
    held.ingest([content(20, "older")], "s", 20)

    assert held.contents.keys() == {"k": 9, "older": 1}
