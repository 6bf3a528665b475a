"""Answers given again, as an application sees them: through the official SDKs, over real HTTP, with the provider's own count."""

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.asking import Said, Sdk, ask, ask_async, body, user
from tests.e2e.own import eventually, own
from tests.e2e.world import APP, OTHER, World
from turnout.replay import recompute
from turnout.sim.policy import Ports, policy_yaml
from turnout.sim.profile import default_fleet
from turnout.types.money import PICO_PER_USD

SHAPES = ("plain", "system", "tools", "parallel tools", "schema")
ROUTE: dict[Sdk, str] = {"openai": "kept-openai", "anthropic": "kept-anthropic"}
OWN_ROUTES = """\
routes:
  kept: {static: sim-openai/medium, cache: {stale: 1h}}
  default: {static: sim-openai/medium}
"""
sdks = pytest.mark.parametrize("sdk", ["openai", "anthropic"])
streams = pytest.mark.parametrize("stream", [False, True])


def given_again(said: Said) -> bool:
    return said.headers["x-turnout-reason"] == "cache"


def question(route: str, text: str) -> dict[str, Any]:
    return {"model": route, "max_tokens": 300, "messages": [user(text)]}


def pico(dollars: float | str) -> int:
    return round(float(dollars) * PICO_PER_USD)


@pytest.mark.parametrize("across", [False, True], ids=["same dialect", "translated"])
@pytest.mark.parametrize("shape", SHAPES)
@sdks
def test_a_hit_looks_like_an_answer(world: World, sdk: Sdk, shape: str, across: Any) -> None:
    """Whole and streamed, sync and async, tools and tokens included: the SDK says the same of each as of the first."""
    route = ROUTE["anthropic" if (sdk == "openai") == across else "openai"]
    asked = body(shape, sdk, route) | {"max_tokens": 701}
    first = ask(world.sdk(sdk), asked, stream=False)
    world.forget()
    again = [ask(world.sdk(sdk), asked, stream=stream) for stream in (False, True)]
    again += [world.runner.run(ask_async(world.async_sdk(sdk), asked, stream=stream)) for stream in (False, True)]

    assert not given_again(first)
    assert all(map(given_again, again))
    assert {said.content for said in map(hashable, again)} == {hashable(first).content}
    assert {said.tokens for said in again} == {first.tokens}
    assert {said.call_ids for said in again} == {first.call_ids}
    assert world.asked() == {}


def hashable(said: Said) -> Said:
    return Said(said.text, tuple((name, json.dumps(given)) for name, given in said.calls), said.finish, 0, 0, 0)


@sdks
def test_a_stream_is_given_again_as_it_came(world: World, sdk: Sdk) -> None:
    """First asked for as a stream: its copies, and the whole answer made of it, are the same."""
    asked = body("tools", sdk, ROUTE[sdk]) | {"max_tokens": 702}
    first, *again = [ask(world.sdk(sdk), asked, stream=stream) for stream in (True, True, False)]

    assert [given_again(said) for said in (first, *again)] == [False, True, True]
    assert [said.content for said in again] == [first.content] * 2
    assert [said.tokens for said in again] == [first.tokens] * 2


def test_what_it_saved_is_recorded(world: World) -> None:
    """The ledger's row of a hit: no call, no cost, and what the first one was charged."""
    asked = question("kept-openai", "What did it save?")
    first, hit = [ask(world.sdk("openai"), asked, stream=False) for _ in range(2)]
    made, kept = [world.record(said.headers["x-turnout-request-id"]) for said in (first, hit)]

    assert (made["reason"], made["saved_usd"]) == ("static", None)
    assert (kept["outcome"], kept["reason"], kept["model"]) == ("ok", "cache", "sim-openai/medium")
    assert (pico(kept["cost_usd"]), kept["attempts"]) == (0, [])
    assert pico(kept["saved_usd"]) == pico(made["cost_usd"]) > 0
    assert recompute(kept["id"], world.data_dir / "ledger.db", world.data_dir / "views").identical
    assert (hit.headers["x-turnout-attempts"], float(hit.headers["x-turnout-cost-usd"])) == ("0", 0.0)


def test_a_hundred_at_once_are_one_call(world: World) -> None:
    """In flight together, streamed and whole, from the async SDK: the provider was asked once, and everybody is answered."""
    world.forget()
    world.inject({"fault": {"kind": "slow_first_token", "seconds": 0.5}, "model": "sim-openai/medium"})

    async def all_of_them() -> list[Said]:
        client, asked = world.async_sdk("openai"), question("kept-openai", "Who asks what a hundred ask?")
        return await asyncio.gather(*(ask_async(client, asked, stream=bool(n % 2)) for n in range(100)))

    said = world.runner.run(all_of_them())
    records = [world.record(each.headers["x-turnout-request-id"]) for each in said]

    assert world.asked() == {"sim-openai/medium": 1}
    assert len({each.text for each in said}) == 1
    assert {each.finish for each in said} == {"stop"}
    assert sorted(record["reason"] for record in records) == ["cache"] * 99 + ["static"]
    assert sum(pico(record["cost_usd"]) for record in records) == world.stats()["billed_pico"]
    assert sum(record["saved_usd"] is not None for record in records) == 99


def test_another_tenant_never_gets_it(world: World) -> None:
    """Kept or in flight: another key's same question is another question."""
    world.forget()
    world.inject({"fault": {"kind": "slow_first_token", "seconds": 0.3}, "model": "sim-openai/medium"})
    asked = question("kept-openai", "A secret of mine?")
    tenants = {key: [ask(world.sdk("openai", key), asked, stream=False) for _ in range(2)] for key in (APP, OTHER)}

    assert all([given_again(said) for said in pair] == [False, True] for pair in tenants.values())
    assert world.asked() == {"sim-openai/medium": 2}


@streams
def test_a_stale_answer_is_made_anew_by_one_call(world: World, stream: Any) -> None:
    """Everybody gets the old one at once; one call behind them, on record, makes the new one."""
    asked = question("kept-briefly", f"Stale, streamed: {stream}?")
    first = ask(world.sdk("openai"), asked, stream=stream)
    world.record(first.headers["x-turnout-request-id"])
    world.forget()
    time.sleep(0.35)
    world.inject({"fault": {"kind": "slow_first_token", "seconds": 0.8}, "model": "sim-openai/medium"})
    before = renewals(world)
    stale = [ask(world.sdk("openai"), asked, stream=stream) for _ in range(6)]
    eventually(lambda: renewals(world) > before, "the record of the new answer")

    assert all(given_again(said) for said in stale)
    assert {said.headers["x-turnout-warnings"] for said in stale} == {"cache:stale"}
    assert world.asked() == {"sim-openai/medium": 1}
    assert renewals(world) == before + 1


def renewals(world: World) -> int:
    """Calls that the ledger has on the route that keeps its answers but briefly: lists show what clients asked, and nobody asked these."""
    with closing(sqlite3.connect(world.data_dir / "ledger.db")) as ledger:
        found = ledger.execute(
            "SELECT count(*) FROM requests WHERE route = 'kept-briefly' AND reason = 'static' AND outcome = 'ok'"
        )
        return int(found.fetchone()[0])


def test_a_question_in_other_words(world: World) -> None:
    """The SDK gets the answer to one like it, and the headers say so; another question is one."""
    texts = ("How do I reset my password?", "Hello, how can I reset my password, please?", "How do I reset my router?")
    first, alike, other = [ask(world.sdk("openai"), question("kept-alike", text), stream=False) for text in texts]

    assert [given_again(said) for said in (first, alike, other)] == [False, True, False]
    assert alike.text == first.text
    assert alike.headers["x-turnout-warnings"] == "cache:similar"


@sdks
@streams
def test_an_audited_hit_is_on_disk_before_it_is_told(world: World, sdk: Sdk, stream: Any) -> None:
    """As soon as its first byte is here, so is its record."""
    asked = body("plain", sdk, "kept-audited") | {"max_tokens": 703 if stream else 704}
    ask(world.sdk(sdk), asked, stream=stream)
    hit = ask(world.sdk(sdk), asked, stream=stream)
    id_ = hit.headers["x-turnout-request-id"].encode()
    journalled = any(id_ in file.read_bytes() for file in (world.data_dir / "journal").iterdir())

    assert given_again(hit)
    assert journalled or world.control_get(f"/api/requests/{id_.decode()}").status == 200
    assert pico(world.record(id_.decode())["saved_usd"]) > 0


def test_a_client_that_leaves_mid_way_leaves_nothing_wrong(world: World) -> None:
    """Half a stream is kept for nobody; the next one asks, and what it got is kept."""
    asked = question("kept-openai", "Who leaves?")
    world.inject({"fault": {"kind": "stall", "after": 2}, "model": "sim-openai/medium", "count": 1})
    raw = world.sdk("openai").chat.completions.with_raw_response.create(**asked, stream=True)
    stream = raw.parse()
    next(stream)
    stream.close()
    assert world.record(raw.headers["x-turnout-request-id"])["outcome"] == "cancelled"
    after, hit = [ask(world.sdk("openai"), asked, stream=True) for _ in range(2)]

    assert [given_again(after), given_again(hit)] == [False, True]
    assert after.content == hit.content
    assert after.finish == "stop"


def test_a_file_is_shared_by_workers_and_survives_a_restart(world: World, tmp_path: Path) -> None:
    """Whichever worker is asked, and whoever was killed; a changed policy begins anew."""

    def policy(ports: Ports, routes: str = OWN_ROUTES) -> str:
        return policy_yaml(default_fleet(time_scale=0), ports, routes=routes) + "cache: {store: sqlite}\n"

    with own(tmp_path, world.sim, policy, "--workers", 2) as running:
        world.forget()
        first = run_anew(running)
        made_by = worker(running, first)
        eventually(lambda: worker(running, run_anew(running)) != made_by, "the other worker")
        assert not given_again(first)
        assert world.asked() == {"sim-openai/medium": 1}

        running.stop()
        running.start()
        assert given_again(run_anew(running))

        version = first.headers["x-turnout-policy"]
        running.write(lambda ports: policy(ports, OWN_ROUTES.replace("stale: 1h", "stale: 2h")))
        eventually(lambda: run_anew(running).headers["x-turnout-policy"] != version, "the new policy")
        assert world.asked() == {"sim-openai/medium": 2}


def run_anew(running: World) -> Said:
    """Ask over a connection of its own, so that the kernel draws the worker."""
    answer = running.post("/v1/chat/completions", question("kept", "Who keeps this?"))
    return Said(answer.json["choices"][0]["message"]["content"], (), "stop", 0, 0, 0, (), answer.headers)


def worker(running: World, said: Said) -> Any:
    return running.record(said.headers["x-turnout-request-id"])["worker"]
