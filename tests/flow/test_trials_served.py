"""Trials, segments and exploring, by the real front and spine: who is served by what, and what its record says."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_transport import Answer, FakeIncoming
from tests.support.gateway import House, ask, house
from tests.support.provider import Provider, settled
from tests.support.released import amend
from turnout.clock import ManualClock
from turnout.decide.compiled import View
from turnout.ports import Outgoing
from turnout.replay import again
from turnout.types.checks import JsonValid
from turnout.types.policy import Segment, Trial
from turnout.types.record import Record

ROUTES = """\
routes:
  support: {static: sim-openai/small, fallback: [sim-local/tiny]}
  audited: {static: sim-openai/small, journal: required}
  cached: {static: sim-openai/small, cache: {ttl: 1h}}
  roomy: {objective: cost, models: [sim-openai/small, sim-openai/medium]}
  default: {static: sim-openai/small}
"""
CHAT = "/v1/chat/completions"
TRIAL = Trial("r-1", "sim-openai/medium", 1.0, "salt")
streams = pytest.mark.parametrize("stream", [False, True])


class Fleet(Provider):
    """Of whose models some answer with an error."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: set[str] = set()

    async def send(self, request: Outgoing, *, connect_timeout: float) -> FakeIncoming:
        if json.loads(request.body)["model"] in self.broken:
            self.calls += 1
            return FakeIncoming(Answer(b'{"error": {"message": "down"}}', status=503))
        return await super().send(request, connect_timeout=connect_timeout)


@pytest.fixture
def provider() -> Fleet:
    return Fleet()


@pytest.fixture
def rooms(tmp_path: Path, provider: Fleet) -> House:
    return house(tmp_path, provider, routes=ROUTES, clock=ManualClock())


def asked(route: str, **more: Any) -> dict[str, Any]:
    return {"model": route, "messages": [{"role": "user", "content": "What is the capital of France?"}], **more}


def served(rooms: House) -> list[tuple[str | None, str | None, str | None, str | None, float | None]]:
    found = [each for each in rooms.journal.records if isinstance(each, Record)]
    return [(each.model, each.reason, each.trial, each.side, each.propensity) for each in found]


class Stored:
    """The view in force, as replay finds it."""

    def __init__(self, rooms: House) -> None:
        self._view = rooms.gateway.snapshot.view

    def load(self, view_hash: str) -> View:
        assert view_hash == self._view.hash
        return self._view


@streams
async def test_both_arms(rooms: House, *, stream: bool) -> None:
    """The candidate's requests say `trial`, the control's what they would say without it; both records say the arm and its probability."""
    amend(rooms, "support", trial=TRIAL)
    first = await ask(rooms.app, CHAT, asked("support", stream=stream))
    amend(rooms, "support", trial=Trial("r-1", "sim-openai/medium", 0.0, "salt"))
    second = await ask(rooms.app, CHAT, asked("support", stream=stream))

    assert [each.headers["x-turnout-reason"] for each in (first, second)] == ["trial", "static"]
    assert served(rooms) == [
        ("sim-openai/medium", "trial", "r-1", "candidate", 1.0),
        ("sim-openai/small", "static", "r-1", "control", 1.0),
    ]
    exposed = rooms.gateway.metrics.counts().counters["turnout_exposures"]
    assert exposed == {("support", "candidate"): 1, ("support", "control"): 1}


async def test_what_the_candidate_fails_is_still_answered_and_still_its_own(rooms: House, provider: Fleet) -> None:
    """By whoever would have answered without the trial; the record keeps the arm it was drawn into."""
    provider.broken = {"medium"}
    amend(rooms, "support", trial=TRIAL)
    answered = await ask(rooms.app, CHAT, asked("support"), x_turnout_session="s")

    assert answered.status == 200
    assert served(rooms) == [("sim-openai/small", "fallback", "r-1", "candidate", 1.0)]
    assert rooms.gateway.sessions.get("s", None) is None


async def test_the_last_fallback_is_reached_all_the_same(rooms: House, provider: Fleet) -> None:
    """Candidate, ordinary choice and the policy's fallback: nobody has fewer."""
    provider.broken = {"medium", "small"}
    amend(rooms, "support", trial=TRIAL)
    await ask(rooms.app, CHAT, asked("support"))
    assert served(rooms) == [("sim-local/tiny", "fallback", "r-1", "candidate", 1.0)]


async def test_a_checked_candidate(rooms: House, provider: Fleet) -> None:
    """What does not pass is never seen by the client."""
    provider.text = "no json"
    amend(rooms, "support", trial=Trial("r-1", "sim-openai/medium", 1.0, "salt", checks=(JsonValid(),)))
    await ask(rooms.app, CHAT, asked("support"))
    provider.text = '{"capital": "Paris"}'
    await ask(rooms.app, CHAT, asked("support"))

    assert served(rooms) == [
        ("sim-openai/small", "static", "r-1", "candidate", 1.0),
        ("sim-openai/medium", "trial", "r-1", "candidate", 1.0),
    ]


async def test_an_arm_is_for_the_whole_session(rooms: House) -> None:
    """Whatever is drawn for its single requests."""
    amend(rooms, "support", trial=Trial("r-1", "sim-openai/medium", 0.5, "salt"))
    for name in "abcdefgh":
        for _ in range(3):
            await ask(rooms.app, CHAT, asked("support"), x_turnout_session=name)
    sides = [each[3] for each in served(rooms)]
    assert all(len(set(sides[turn : turn + 3])) == 1 for turn in range(0, 24, 3))
    assert set(sides) == {"candidate", "control"}


async def test_a_kept_answer_keeps_the_arm(rooms: House, provider: Fleet) -> None:
    """Its reason says that no model was asked."""
    amend(rooms, "cached", trial=TRIAL)
    for _ in range(2):
        await ask(rooms.app, CHAT, asked("cached"))
        await settled()
    assert provider.calls == 1
    assert served(rooms)[1] == ("sim-openai/medium", "cache", "r-1", "candidate", 1.0)


async def test_an_audited_route_has_its_arm_on_record_first(rooms: House) -> None:
    """Before the client has a byte."""
    amend(rooms, "audited", trial=TRIAL)
    await ask(rooms.app, CHAT, asked("audited"))
    (durable,) = rooms.journal.durable
    assert (durable.trial, durable.side, durable.propensity) == ("r-1", "candidate", 1.0)


async def test_others_are_on_no_trial(rooms: House) -> None:
    """Other routes, and who names a model."""
    amend(rooms, "support", trial=TRIAL)
    for model in ("default", "sim-openai/medium"):
        await ask(rooms.app, CHAT, asked(model))
    assert [each[2:] for each in served(rooms)] == [(None, None, None)] * 2


async def test_a_segment(rooms: House) -> None:
    """Serves what is its own, for a reason that is written."""
    amend(rooms, "support", segments=(Segment("sim-openai/large", release="r-0"),))
    await ask(rooms.app, CHAT, asked("support"))
    assert served(rooms) == [("sim-openai/large", "static", None, None, None)]


async def test_exploring(rooms: House) -> None:
    """Some requests try another model; all say how likely their first was."""
    amend(rooms, "roomy", explore=0.5)
    for _ in range(40):
        await ask(rooms.app, CHAT, asked("roomy"))
    assert set(served(rooms)) == {
        ("sim-openai/small", "cheapest", None, None, 0.75),
        ("sim-openai/medium", "explore", None, None, 0.25),
    }


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
async def test_replay_finds_the_same(rooms: House, share: float) -> None:
    """From nothing but the record and the view."""
    amend(rooms, "roomy", trial=Trial("r-1", "sim-openai/large", share, "salt"), explore=0.5)
    for n in range(6):
        await ask(rooms.app, CHAT, asked("roomy"), **({"x_turnout_session": f"s{n}"} if n % 2 else {}))
    assert [again(each, Stored(rooms)).difference for each in rooms.journal.records] == [""] * 6


async def test_explain(rooms: House) -> None:
    """The trial's model with its share among the candidates, the arm, and the plan that follows from it."""
    amend(rooms, "support", trial=Trial("r-1", "sim-openai/medium", 0.25, "salt"), segments=(Segment("sim-openai/large"),))
    answered = await ask(rooms.app, "/v1/explain", asked("support"), x_turnout_session="s")
    found = json.loads(answered.body)

    chances = {each["model"]: each["probability"] for each in found["candidates"]}
    assert chances == {"sim-openai/small": 0, "sim-openai/large": 0.75, "sim-openai/medium": 0.25}
    side = found["drawn"]["side"]
    assert found["drawn"] == {"trial": "r-1", "side": side, "propensity": 0.25 if side == "candidate" else 0.75}
    assert found["reason"] == ("trial" if side == "candidate" else "static")
    first = "sim-openai/medium" if side == "candidate" else "sim-openai/large"
    assert found["plan"][0]["model"] == first
    assert rooms.journal.records == []
