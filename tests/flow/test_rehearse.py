"""Requests that take part in a drill, by the real front and spine: live ones, and copies that nobody waits for."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.gateway import ASK, House, ask, house
from tests.support.provider import Provider, settled
from turnout.clock import ManualClock
from turnout.drill.inject import InjectedTransport, targets
from turnout.drill.worker import Purse
from turnout.serve.worker import Rehearsal
from turnout.types.drill import Drill
from turnout.types.money import PicoDollars, pico_from_usd

ROUTES = """\
routes:
  audited: {static: sim-openai/small, journal: required, fallback: [sim-local/tiny]}
  default: {static: sim-openai/small, fallback: [sim-local/tiny]}
"""
CHAT = "/v1/chat/completions"


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def rooms(tmp_path: Path, provider: Provider) -> House:
    return house(tmp_path, provider, routes=ROUTES, clock=ManualClock())


def rehearse(rooms: House, *, usd: str = "1", **changes: Any) -> InjectedTransport:
    """An outage of the first model's provider is in force from now on."""
    gateway, clock = rooms.gateway, rooms.gateway.clock
    drill = Drill("d-1", "outage", clock.now(), clock.now() + 60, clock.now() + 60, provider="sim-openai")
    drill, before = msgspec.structs.replace(drill, **changes), gateway.snapshot
    way = InjectedTransport(gateway.transport, drill, clock, targets(before.view.policy, before.view.facts.values()))
    world = msgspec.structs.replace(before.world, transport=way)
    gateway.snapshot = msgspec.structs.replace(before, rehearsal=Rehearsal(way, world, Purse(pico_from_usd(usd))))
    return way


async def test_live(rooms: House) -> None:
    """Who takes part meets the failure and says so in its record; its session stays where it was put by choice."""
    rehearse(rooms, on="live")
    answered = await ask(rooms.app, CHAT, ASK, x_turnout_session="s")

    assert answered.headers["x-turnout-model"] == "sim-local/tiny"
    assert [record.drill for record in rooms.journal.records] == ["d-1"]
    assert rooms.gateway.sessions.get("s", None) is None
    rooms.gateway.snapshot = msgspec.structs.replace(rooms.gateway.snapshot, rehearsal=None)
    await ask(rooms.app, CHAT, ASK, x_turnout_session="s")
    assert rooms.gateway.sessions.get("s", None) == "sim-openai/small"


async def test_nobody_takes_part(rooms: House) -> None:
    """Of a share of nothing nobody notices."""
    rehearse(rooms, on="live", share=0.0)
    answered = await ask(rooms.app, CHAT, ASK)

    assert answered.headers["x-turnout-model"] == "sim-openai/small"
    assert [record.drill for record in rooms.journal.records] == [None]


async def test_copy(rooms: House, provider: Provider) -> None:
    """It meets the failure in the client's stead, with an id and a record of its own; what it costs is its own too, and no baseline."""
    rehearse(rooms, on="mirror")
    answered = await ask(rooms.app, CHAT, ASK | {"model": "audited"})
    await settled()
    asked, copy = rooms.journal.records

    assert answered.headers["x-turnout-model"] == asked.model == "sim-openai/small"
    assert (asked.drill, asked.copy_of) == (None, None)
    assert copy.model == "sim-local/tiny"
    assert (copy.drill, copy.copy_of) == ("d-1", asked.id)
    assert copy.id != asked.id
    assert copy.baseline is None
    assert copy.plan != ""
    assert [record.id for record in rooms.journal.durable] == [asked.id]  # no copy is audited
    assert provider.calls == 2


async def test_nobody_waits_for_a_copy(rooms: House) -> None:
    """A client is answered while its copy meets silence; the gateway knows of it, and its end is recorded however it comes."""
    way = rehearse(rooms, on="mirror", variant="silent")
    answered = await ask(rooms.app, CHAT, ASK)
    assert answered.status == 200
    assert len(rooms.gateway.behind) == 1
    assert len(rooms.journal.records) == 1

    way.lift()
    await asyncio.gather(*rooms.gateway.behind)
    assert [record.drill for record in rooms.journal.records] == [None, "d-1"]
    assert not rooms.gateway.behind


async def test_nothing_to_spend(rooms: House, provider: Provider) -> None:
    """Without money there is no copy."""
    rehearse(rooms, on="mirror", usd="0")
    await ask(rooms.app, CHAT, ASK)
    await settled()

    assert provider.calls == 1
    assert len(rooms.journal.records) == 1


async def test_what_it_cost_is_taken(rooms: House) -> None:
    """A copy gives back what it did not cost: struck calls cost nothing, whatever is unknown of them."""
    way = rehearse(rooms, on="mirror", model="*", provider="*", kind="bad_content", variant="wrong")
    await ask(rooms.app, CHAT, ASK)
    await settled()
    rehearsal = rooms.gateway.snapshot.rehearsal

    assert rehearsal is not None
    assert rehearsal.way is way
    assert rooms.journal.records[1].cost is None
    assert rehearsal.purse.hold(PicoDollars(10**12)) is not None
