"""From events in the ledger to releases on the desk: each event that calls for one gets it, whenever it is settled."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.records import NOW
from tests.support.releases import World
from tests.support.views import TASKS, model
from turnout.release import opener as module
from turnout.release.opener import Opener
from turnout.store.ledger import Ledger
from turnout.types.policy import Policy, Provider, Route
from turnout.types.release import CatalogEvent
from turnout.types.seconds import DAY, HOUR
from turnout.types.view import Base

OLD, NEW = model("a/old", quality=7, price=(2, 6)), model("a/new", quality=7, price=(1, 3), untried=True)
POLICY = Policy(
    (Route("chat", "static", models=(OLD.id,)),), (Provider("a", "acme", "openai-chat", "http://127.0.0.1:1", "none"),)
)
WITHOUT, WITH = (Base(1, POLICY, models, TASKS) for models in ((OLD,), (OLD, NEW)))
ADDED = CatalogEvent("e-new", NOW, "model_added", "acme/new", None, None, None, ("one", "two"), "accepted", confirmed=True)


class Office(World):
    """With somebody who opens what events call for."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.base = WITH
        self.heard: list[str] = []
        self.opener = Opener(self.desk, ledger, self.clock, lambda: self.base, self.heard.append)

    def note(self, *events: CatalogEvent) -> None:
        self.ledger.audit.within(lambda connection: self.ledger.catalog_events.put(connection, events))

    def opened(self) -> list[str]:
        self.opener.look()
        return [release.event for release in self.ledger.releases.open()]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    ledger = Ledger(tmp_path / "ledger.db")
    yield Office(ledger)
    ledger.close()


def test_an_event_opens_its_release_once(office: Office):
    """Not again with the next policy, nor after a restart."""
    office.note(ADDED)
    assert office.opened() == ["e-new"]
    steps = len(office.steps)

    office.base = msgspec.structs.replace(WITH, version=2)
    assert office.opened() == ["e-new"]
    office.opener = Opener(office.desk, office.ledger, office.clock, lambda: office.base)
    assert (office.opened(), len(office.steps)) == (["e-new"], steps)


def test_what_a_person_accepts_after_long_is_news_from_then_on(office: Office):
    """It lay in quarantine for longer than events are news."""
    office.note(msgspec.structs.replace(ADDED, state="quarantined", confirmed=False))
    office.clock.advance(10 * DAY)
    assert office.opened() == []

    settle, now = office.ledger.catalog_events.settle, office.clock.now()
    office.ledger.audit.within(lambda connection: settle(connection, ["e-new"], "accepted", now, "by ann", confirmed=True))
    assert office.opened() == ["e-new"]


def test_a_model_that_the_policy_does_not_know_yet_is_looked_at_again_when_it_does(office: Office):
    """However long it takes: a file with a mistake in it is not read, and who adds the provider days later wants the model, too."""
    office.base = WITHOUT
    office.note(ADDED)
    assert office.opened() == []

    office.clock.advance(5 * HOUR)
    assert office.opened() == []
    office.base = msgspec.structs.replace(WITH, version=2)
    assert office.opened() == ["e-new"]


def test_many_events_hide_none(office: Office):
    """A first look at the world finds thousands."""
    office.note(ADDED, *(msgspec.structs.replace(ADDED, id=f"e-{n}", at=NOW + 1, model=f"other/{n}") for n in range(1_200)))
    office.clock.advance(2.0)
    assert office.opened() == ["e-new"]


def test_an_event_that_cannot_be_looked_at_holds_up_no_other(office: Office, monkeypatch: pytest.MonkeyPatch):
    """It is said once, and tried again with the next policy."""
    honest = module.opened

    def odd(event: CatalogEvent, *given: Any) -> Any:
        if event.id == "e-bad":
            raise KeyError("tier")
        return honest(event, *given)

    office.note(msgspec.structs.replace(ADDED, id="e-bad", at=NOW - 1), ADDED)
    with monkeypatch.context() as patched:
        patched.setattr(module, "opened", odd)
        assert [office.opened() for _ in range(3)] == [["e-new"]] * 3
        (said,) = office.heard
        assert said.startswith("event e-bad cannot be looked at: Traceback")

    office.base = msgspec.structs.replace(WITH, version=2)
    assert sorted(office.opened()) == ["e-bad", "e-new"]


def test_without_a_policy_nothing_is_opened(office: Office):
    """And who asks for a release hears why not."""
    office.note(ADDED)
    nowhere = Opener(office.desk, office.ledger, office.clock, lambda: None)
    nowhere.look()
    assert office.ledger.releases.open() == ()
    assert nowhere.by_hand("a/new", "chat") == "no policy is in force yet"
    assert "no model is called a/none" in str(office.opener.by_hand("a/none", "chat"))
