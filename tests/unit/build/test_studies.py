"""What a release waits for before it is on traffic, in words that say what to do, and how often traffic is read for it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support.records import NOW
from tests.support.views import TASKS, model
from turnout.build.studies import REMEMBERED, Studies
from turnout.clock import ManualClock
from turnout.release.open import manual
from turnout.store.cells import Part
from turnout.types.money import PicoDollars
from turnout.types.policy import Policy, Provider, Route
from turnout.types.release import Release
from turnout.types.release_rules import SuiteRules
from turnout.types.view import Base

PROVIDERS = tuple(Provider(name, None, "openai-chat", "http://127.0.0.1:1", "none") for name in "ab")
SUITE = SuiteRules("r", ("r",), file="r.jsonl")


class House:
    """A ledger that knows no benchmark, and counts how often its traffic is read."""

    def __init__(self, folder: Path, suites: tuple[SuiteRules, ...], mix: tuple[Part, ...] = ()) -> None:
        route = Route("r", "cost", models=("a/old", "a/older"))
        self.base = Base(1, Policy((route,), PROVIDERS, suites=suites), (model("a/old"), model("a/older"), model("b/new")), TASKS)
        self.clock, self.read, self.traffic = ManualClock(NOW), 0, mix
        ledger: Any = SimpleNamespace(
            cells=SimpleNamespace(mix=self._mix, traits=lambda since, route: ()),
            bench=SimpleNamespace(list=lambda limit, since: (), results=lambda run: (), unsettled=lambda since: ()),
            catalog_events=SimpleNamespace(since=lambda since: ()),
        )
        publish: Any = SimpleNamespace(base=self.base)
        self.studies = Studies(folder, None, self.clock, ledger, publish)

    def release(self) -> Release:
        return manual("b/new", "r", self.base, NOW)

    def _mix(self, since: float, route: str) -> tuple[Part, ...]:
        self.read += 1
        return self.traffic


def test_a_route_without_a_suite_says_what_to_write(tmp_path: Path) -> None:
    """Or how to end the release."""
    house = House(tmp_path, ())
    state = house.studies.benchmark(house.release())

    assert state.state == "waiting"
    assert state.note.startswith("route r has no suite to measure it by: write `suites.r` into the policy")
    assert state.note.endswith(f"turnout release reject {house.release().id}")


def test_a_route_without_traffic_says_since_when(tmp_path: Path) -> None:
    """And that it goes on by itself; traffic that only models of no policy answered is another thing."""
    idle, strange = House(tmp_path, (SUITE,)), House(tmp_path, (SUITE,), (_part("c/gone", 9),))
    notes = [house.studies.benchmark(house.release()).note for house in (idle, strange)]

    assert notes[0].startswith(
        "no traffic was seen on route r in the last 7 days, so that there is nothing to measure it against"
    )
    assert notes[1].startswith("no model of the policy served enough of route r in the last 7 days")
    assert all("goes on by itself" in note and f"turnout release reject {idle.release().id}" in note for note in notes)


def test_traffic_is_read_once_a_minute(tmp_path: Path) -> None:
    """A release is looked at every few seconds; what was not there is looked for each time."""
    house = House(tmp_path, (), (_part("a/old", 9),))
    for _ in range(5):
        house.studies.propose(house.release())
        house.clock.advance(5)
    assert house.read == 1
    house.clock.advance(REMEMBERED)
    house.studies.propose(house.release())
    assert house.read == 2
    idle = House(tmp_path, ())
    for n in range(3):
        idle.studies.propose(idle.release())
        assert idle.read == n + 1


def _part(name: str, requests: int) -> Part:
    return Part("r", None, None, name, requests, PicoDollars(1))
