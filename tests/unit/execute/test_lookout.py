"""Active checks: who is looked at, when, and what the guards are told. Virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest

from tests.support.board import board_of
from tests.support.fake_transport import Answer, FakeTransport, Refusal
from tests.support.virtual_time import LoopClock, run
from turnout.errors import Misconfigured, RateLimited, Unavailable
from turnout.execute.board import Board
from turnout.execute.lookout import AT_ONCE, Lookout, read
from turnout.types.money import PicoDollars
from turnout.types.reply import Usage
from turnout.types.resilience import HealthRules

EVERY = HealthRules().check_every
LISTING = Answer(b'{"data":[]}')
AWAY = Refusal(Unavailable("refused"))
DENIED = Answer(b'{"error":{"message":"Incorrect API key provided"}}', status=401)
NO_SCOPE = Answer(b'{"error":{"message":"You have insufficient permissions. Missing scopes: api.model.read."}}', status=401)
NO_LISTING = Answer(b"", status=404)
SPOKEN = Answer(
    b'{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"OK"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}'
)


def charge(model: str, usage: Usage) -> PicoDollars | None:
    return PicoDollars(usage.total_input + usage.total_output) if model == "p/cheap" else PicoDollars(10_000)


Scene = Callable[[Lookout], Coroutine[Any, Any, None]]


def watch(
    board: Board, *script: Answer | Refusal, seconds: float = 0.0, scene: Scene | None = None
) -> tuple[Lookout, FakeTransport]:
    """Let a lookout keep watch for some virtual seconds, or for as long as the scene plays."""
    transport = FakeTransport(*script)

    async def main() -> Lookout:
        lookout = Lookout(board, transport, LoopClock(), charge, lambda: 0.5)
        keeping = asyncio.create_task(lookout.keep())
        await (scene(lookout) if scene else asyncio.sleep(seconds))
        keeping.cancel()
        return lookout

    return run(main()), transport


def standings(board: Board, now: float) -> tuple[str, str, str]:
    """Of the only deployment's address, credential and model."""
    (member,) = board.deployments
    return (member.address.standing(now), member.credential.standing(now), member.own.standing(now))


def test_whom_nobody_calls_is_asked_for_its_models_about_every_interval():
    """Once per provider and credential, whatever the models, with the credential; a served listing says nothing against anybody."""
    board = board_of("p/one", "p/two", keys=("env:A", "env:B"))
    lookout, transport = watch(board, *[LISTING] * 6, seconds=3 * EVERY)

    urls = {(request.method, request.url, request.body) for _, request in transport.sent}
    assert urls == {("GET", "https://p.example/v1/models", b"")}
    credentials = [dict(request.headers)[b"authorization"] for _, request in transport.sent]
    assert credentials == [b"Bearer secret of env:A", b"Bearer secret of env:B"] * 3
    assert lookout.results == {("p", "ok"): 6}
    assert {(seen.credential, seen.result) for seen in lookout.latest.values()} == {("env:A", "ok"), ("env:B", "ok")}
    assert all(answer.closed for answer in transport.answers)


def test_traffic_is_the_better_check():
    """While requests are answered nobody is asked."""
    board = board_of("p/m")
    (member,) = board.deployments

    async def busy(_: Lookout) -> None:
        for _second in range(100):
            await asyncio.sleep(1.0)
            member.successes += 1
            board.tick(asyncio.get_running_loop().time())

    _, transport = watch(board, scene=busy)

    assert transport.sent == []


def test_none_is_none():
    """The policy wants no checks."""
    _, transport = watch(board_of("p/m", rules=HealthRules(check="none")), seconds=300.0)

    assert transport.sent == []


def test_a_stopped_lookout_begins_nothing():
    """The worker drains: what it learns now helps nobody."""

    async def stopped(lookout: Lookout) -> None:
        lookout.stop()
        await asyncio.sleep(10 * EVERY)

    _, transport = watch(board_of("p/m"), scene=stopped)

    assert transport.sent == []


def test_an_address_that_does_not_answer_is_looked_at_sooner_and_then_ejected():
    """Five times, as with requests; the model itself is not blamed, and once that is settled the pace is the usual one again."""
    board = board_of("p/m")
    _, transport = watch(board, *[AWAY] * 6, seconds=2.6 * EVERY)
    times = [at for at, _ in transport.sent]

    assert standings(board, times[4] + 1.0) == ("ejected", "admitting", "admitting")
    assert [round(later - sooner) for sooner, later in pairwise(times)] == [4, 4, 4, 4, 20]


def test_an_address_is_well_again_when_it_answers():
    """Anything but 5xx: even a refusal comes from somebody. Its share of requests then grows from a trickle."""
    board = board_of("p/m")
    (member,) = board.deployments
    member.address.eject(1000.0, "consecutive failures")
    _, transport = watch(board, Answer(b"", status=503), NO_LISTING, seconds=2 * EVERY)
    (first, _), (second, _) = transport.sent

    assert member.address.health.back == pytest.approx(second)
    assert second > first
    assert standings(board, second) == ("admitting", "admitting", "admitting")
    assert not member.address.is_clear(second)


def test_a_models_own_ejection_is_not_lifted():
    """That a listing is served says nothing of who would write the answer."""
    board = board_of("p/m")
    (member,) = board.deployments
    member.own.eject(1000.0, "share of failures")
    watch(board, LISTING, seconds=EVERY)

    assert member.own.standing(1000.0 + EVERY) == "probing"


def test_a_refused_credential_is_quarantined_before_any_request_meets_it():
    """With what the provider said; the models behind another credential are not touched."""
    board = board_of("p/m", keys=("env:A", "env:B"))
    watch(board, DENIED, LISTING, seconds=EVERY)
    board.tick(1000.0 + EVERY)
    first, second = board.deployments

    assert first.credential.health.quarantined
    assert first.credential.health.cause == "401: Incorrect API key provided"
    assert (first.is_open, second.is_open) == (False, True)


def test_a_mended_credential_is_readmitted():
    """Sooner than its quarantine ends."""
    board = board_of("p/m")
    watch(board, DENIED, LISTING, seconds=2 * EVERY)

    assert standings(board, 1000.0 + 2 * EVERY) == ("admitting", "admitting", "admitting")


def test_a_check_that_was_wrong_once_is_not_believed_again_soon():
    """A listing that is open to everybody, or an empty account: requests are refused again, and the quarantine stays."""
    board = board_of("p/m")
    (member,) = board.deployments
    member.credential.quarantine(1000.0, "402: no money")

    async def refused_again(_: Lookout) -> None:
        await asyncio.sleep(EVERY)
        assert member.credential.health.until is None
        member.credential.quarantine(asyncio.get_running_loop().time(), "402: no money")
        await asyncio.sleep(3 * EVERY)

    lookout, _ = watch(board, *[LISTING] * 4, scene=refused_again)

    assert member.credential.health.quarantined
    assert lookout.results["p", "ok"] == 4


@pytest.mark.parametrize(
    "answer", [NO_LISTING, NO_SCOPE, Answer(b"", status=405), Answer(b"", status=403), Answer(b"", status=301)]
)
def test_what_says_nothing_is_not_asked_again_for_long(answer):
    """No listing there, or one that the credential may not read."""
    board = board_of("p/m")
    lookout, transport = watch(board, answer, seconds=20 * EVERY)

    assert len(transport.sent) == 1
    assert lookout.results == {("p", "unclear"): 1}
    assert standings(board, 1000.0 + EVERY) == ("admitting", "admitting", "admitting")


def test_few_at_once():
    """However many are due."""
    board = board_of(*(f"p{number}/m" for number in range(3 * AT_ONCE)))
    _, transport = watch(board, *[Answer(b"{}", after=2.0)] * (3 * AT_ONCE), seconds=EVERY)
    times = [at for at, _ in transport.sent]

    assert max(times.count(at) for at in times) == AT_ONCE
    assert len(times) == 3 * AT_ONCE


def test_a_check_that_hangs_ends():
    """No answer within five seconds is none."""
    lookout, transport = watch(board_of("p/m"), Answer(b"", after=1e6), AWAY, seconds=EVERY)

    assert lookout.results["p", "unreachable"] >= 1
    assert transport.cancelled == 1


@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic-messages"])
def test_a_completion_is_short_and_of_the_cheapest_model(dialect):
    """Sixteen tokens, and only where the policy asks for it."""
    rules = HealthRules(check="completion")
    board = board_of("p/dear", "p/cheap", dialect=dialect, rules=rules)
    lookout, transport = watch(board, SPOKEN, seconds=EVERY)
    ((_, request),) = transport.sent

    assert (request.method, request.model) == ("POST", "p/cheap")
    assert b'"max_completion_tokens":16' in request.body or b'"max_tokens":16' in request.body
    assert lookout.results == {("p", "ok" if dialect == "openai-chat" else "failing"): 1}
    assert lookout.cost["p"] == (11 if dialect == "openai-chat" else 0)
    assert lookout.unpriced["p"] == (0 if dialect == "openai-chat" else 1)


def test_what_an_answer_says():
    """Capacity and the credential each have their word."""
    assert read(None) == "ok"
    assert read(RateLimited("slow down", status=429)) == "busy"
    assert read(Misconfigured("no such thing", status=404)) == "unclear"
    assert read(Misconfigured("who are you?", status=401)) == "denied"
    assert read(Unavailable("broken", status=500)) == "failing"
