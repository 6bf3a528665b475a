"""A route's mirror, by the real front and spine: copies that go to a candidate, and what their records and grades say."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.flow.test_trials_served import Fleet, Stored, asked
from tests.support.fake_transport import Answer, FakeIncoming
from tests.support.gateway import House, ask, house
from tests.support.provider import settled, whole
from tests.support.released import amend
from turnout.clock import ManualClock
from turnout.ports import Outgoing
from turnout.replay import again
from turnout.serve import copies
from turnout.types.feedback import Feedback
from turnout.types.money import PicoDollars, pico_from_usd
from turnout.types.policy import ComplexityIs, Mirror, Trial
from turnout.types.record import Record

ROUTES = """\
routes:
  plain: {static: sim-openai/small, fallback: [sim-local/tiny]}
  audited: {static: sim-openai/small, journal: required}
  cached: {static: sim-openai/small, cache: {ttl: 1h}}
  graded:
    static: sim-openai/small
    online: {checks: [json_valid], judge: {model: sim-openai/large, sample: 1, budget_usd_per_day: 1}}
  default: {static: sim-openai/small}
"""
CHAT = "/v1/chat/completions"
MIRROR = Mirror("r-1", "sim-openai/medium", 1.0, PicoDollars(10**12))


class Judging(Fleet):
    """Whose large model judges."""

    async def send(self, request: Outgoing, *, connect_timeout: float) -> FakeIncoming:
        if b"You grade" in request.body:
            return FakeIncoming(whole('{"score": 8}'))
        return await super().send(request, connect_timeout=connect_timeout)


@pytest.fixture
def provider() -> Judging:
    return Judging()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def rooms(tmp_path: Path, provider: Judging, clock: ManualClock) -> House:
    return house(tmp_path, provider, routes=ROUTES, clock=clock)


async def behind(rooms: House) -> list[Record]:
    """All records, once everything that goes on behind has come to its end."""
    await asyncio.gather(*rooms.gateway.behind)
    await settled()
    await asyncio.gather(*rooms.gateway.grader.tasks)
    return [each for each in rooms.journal.records if isinstance(each, Record)]


def mirrored(rooms: House) -> dict[tuple[str, ...], float]:
    return dict(rooms.gateway.metrics.counts().counters["turnout_mirrored"])


@pytest.mark.parametrize("stream", [False, True])
async def test_a_copy_goes_to_the_candidate(rooms: House, provider: Judging, *, stream: bool) -> None:
    """With an id and a record of its own, which says what it is a copy of and for which release; what it costs is its own."""
    amend(rooms, "plain", mirror=MIRROR)
    answered = await ask(rooms.app, CHAT, asked("plain", stream=stream), x_turnout_session="s")
    original, copy = await behind(rooms)

    assert answered.headers["x-turnout-model"] == original.model == "sim-openai/small"
    assert (original.trial, original.side, original.copy_of) == (None, None, None)
    assert (copy.model, copy.reason, copy.outcome, copy.copy_of) == ("sim-openai/medium", "trial", "ok", original.id)
    assert (copy.trial, copy.side, copy.propensity) == ("r-1", "mirror", 1.0)
    assert copy.id != original.id
    assert copy.cost is not None
    assert copy.cost > 0
    assert copy.baseline is None
    assert rooms.gateway.sessions.get("s", None) == "sim-openai/small"
    assert provider.calls == 2
    assert mirrored(rooms) == {("plain", "ok"): 1}
    assert rooms.gateway.metrics.counts().counters["turnout_exposures"] == {}


async def test_the_client_is_answered_first(rooms: House) -> None:
    """No copy is begun before the client has everything, nor is one waited for."""
    amend(rooms, "plain", mirror=MIRROR)
    begun: list[int] = []
    await ask(rooms.app, CHAT, asked("plain"), on_write=lambda _: begun.append(len(rooms.gateway.behind)))
    assert begun == [0]
    assert len(rooms.gateway.behind) == 1
    await behind(rooms)


async def test_nobody_notices_that_it_fails(rooms: House, provider: Judging) -> None:
    """One model is asked, once through its own attempts, and nobody else in its stead."""
    provider.broken = {"medium"}
    amend(rooms, "plain", mirror=MIRROR)
    answered = await ask(rooms.app, CHAT, asked("plain"))
    original, copy = await behind(rooms)

    assert answered.status == 200
    assert (original.outcome, copy.outcome, copy.model) == ("ok", "failed", None)
    assert {attempt.model for attempt in copy.attempts} == {"sim-openai/medium"}


async def test_a_failed_request_has_its_copy_too(rooms: House, provider: Judging) -> None:
    """The sample knows nothing of outcomes."""
    provider.broken = {"small", "tiny"}
    amend(rooms, "plain", mirror=MIRROR)
    answered = await ask(rooms.app, CHAT, asked("plain"))
    original, copy = await behind(rooms)
    assert answered.status >= 500
    assert (original.outcome, copy.outcome) == ("failed", "ok")


async def test_it_is_graded_like_the_original(rooms: House, provider: Judging) -> None:
    """By the route's checks and judge; the verdicts stand on its own row."""
    provider.text = "{}"
    amend(rooms, "graded", mirror=MIRROR)
    await ask(rooms.app, CHAT, asked("graded"))
    found = await behind(rooms)
    (copy,) = (each for each in found if each.side == "mirror")
    original = next(each for each in found if each.copy_of is None)
    said = [each for each in rooms.journal.records if isinstance(each, Feedback)]

    for row in (original, copy):
        assert {(each.kind, each.value) for each in said if each.request_id == row.id} == {("check", 1), ("judge", 8)}


async def test_tools_are_asked_for_and_never_run(rooms: House, provider: Judging) -> None:
    """A tool call is part of an answer: it is recorded, and that is all."""
    call = {"id": "c", "type": "function", "function": {"name": "pay", "arguments": "{}"}}
    choices = [
        {"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    ]
    provider.refusal = Answer(json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": choices}).encode())
    amend(rooms, "plain", mirror=MIRROR)
    tool = {"type": "function", "function": {"name": "pay", "parameters": {"type": "object"}}}
    await ask(rooms.app, CHAT, asked("plain", tools=[tool]))
    found = await behind(rooms)
    assert [each.outcome for each in found] == ["ok", "ok"]
    assert provider.calls == 2


async def test_a_days_budget(rooms: House, provider: Judging, clock: ManualClock) -> None:
    """What is gone is gone until the next day; a judge's money is another's."""
    amend(rooms, "plain", mirror=replace(MIRROR, budget=PicoDollars(1)))
    await ask(rooms.app, CHAT, asked("plain"))
    assert len(await behind(rooms)) == 1
    assert mirrored(rooms) == {("plain", "no_budget"): 1}

    amend(rooms, "plain", mirror=MIRROR)
    budget, purse = MIRROR.budget, rooms.gateway.grader.purse
    assert await purse.hold("mirror:r-1", budget, budget, clock.now()) is not None
    await ask(rooms.app, CHAT, asked("plain"))
    assert len(await behind(rooms)) == 2
    clock.advance(86_400)
    await ask(rooms.app, CHAT, asked("plain"))
    assert len(await behind(rooms)) == 4
    assert await purse.hold("plain", pico_from_usd(1), pico_from_usd(1), clock.now()) is not None


async def test_it_gives_back_what_it_did_not_cost(rooms: House, clock: ManualClock) -> None:
    """The purse holds what was really charged, once that is known."""
    amend(rooms, "plain", mirror=MIRROR)
    await ask(rooms.app, CHAT, asked("plain"))
    _, copy = await behind(rooms)
    assert copy.cost is not None
    left = MIRROR.budget - copy.cost
    purse = rooms.gateway.grader.purse
    assert await purse.hold("mirror:r-1", left + 1, MIRROR.budget, clock.now()) is None
    assert await purse.hold("mirror:r-1", left, MIRROR.budget, clock.now()) is not None


@pytest.mark.parametrize(
    ("mirror", "more"),
    [
        (replace(MIRROR, sample=0.0), {}),
        (replace(MIRROR, when=ComplexityIs(at_least=0.99)), {}),
        (MIRROR, {"turnout": {"models": ["sim-openai/small"]}}),
    ],
)
async def test_who_has_no_copy(rooms: House, mirror: Mirror, more: dict[str, Any]) -> None:
    """Who is not in the sample, not meant, or could not be served by that model."""
    amend(rooms, "plain", mirror=mirror)
    await ask(rooms.app, CHAT, asked("plain", **more))
    assert len(await behind(rooms)) == 1
    assert mirrored(rooms) == {}


async def test_no_copy_of_what_was_kept(rooms: House, provider: Judging) -> None:
    """The first is made by a model, and mirrored; the second shows nothing."""
    amend(rooms, "cached", mirror=MIRROR)
    for _ in range(2):
        await ask(rooms.app, CHAT, asked("cached"))
        found = await behind(rooms)
    assert [each.reason for each in found] == ["static", "trial", "cache"]


async def test_a_sample(rooms: House) -> None:
    """Some, whichever arm of a trial they are in."""
    amend(rooms, "plain", mirror=replace(MIRROR, sample=0.5), trial=Trial("r-2", "sim-openai/large", 0.5, "salt"))
    for _ in range(60):
        await ask(rooms.app, CHAT, asked("plain"))
    found = await behind(rooms)
    sides = {each.id: each.side for each in found}
    of = [sides[each.copy_of] for each in found if each.copy_of is not None]
    assert 10 < len(of) < 50
    assert set(of) == {"candidate", "control"}


async def test_no_copy_is_audited(rooms: House) -> None:
    """Nobody gets its answer, so no record has to come before it."""
    amend(rooms, "audited", mirror=MIRROR)
    await ask(rooms.app, CHAT, asked("audited"))
    original, copy = await behind(rooms)
    assert [record.id for record in rooms.journal.durable] == [original.id]
    assert copy.outcome == "ok"


async def test_bounded(rooms: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too much goes on behind already, a copy is left out and counted."""
    monkeypatch.setattr(copies, "MOST_BEHIND", 0)
    amend(rooms, "plain", mirror=MIRROR)
    answered = await ask(rooms.app, CHAT, asked("plain"))
    assert answered.status == 200
    assert len(await behind(rooms)) == 1
    assert mirrored(rooms) == {("plain", "busy"): 1}


async def test_replay(rooms: House) -> None:
    """Original and copy are decided again as they were."""
    amend(rooms, "plain", mirror=MIRROR, trial=Trial("r-2", "sim-openai/large", 0.5, "salt"))
    await ask(rooms.app, CHAT, asked("plain"))
    assert [again(each, Stored(rooms)).difference for each in await behind(rooms)] == ["", ""]
