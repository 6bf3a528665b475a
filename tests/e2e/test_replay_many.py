"""A thousand recorded decisions decided again: all identical; and what is not, or cannot be decided again, is named."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.e2e.asking import SHAPES, body, user
from tests.e2e.own import Own, eventually, own
from tests.e2e.world import APP, ROUTES, UNMOVED, World
from turnout.cli.main import _app
from turnout.sim import cases
from turnout.sim.policy import policy_yaml
from turnout.sim.profile import default_fleet

DECIDED, REFUSED = 1000, 4
AT_ONCE = 16
KINDS = (
    "auto", "finance", "support", "code", "default", "openai-first", "anthropic-first", "quick", "shared", "kept-openai", "sim-openai/medium",
)  # fmt: skip
TASKS = ("customer_support", "code_generation", "math", "translation", "summarization", "extraction")
OTHERWISE = (
    ROUTES.replace("objective: quality", "objective: cost")
    .replace("medium: 50", "medium: 80")
    .replace("steady: 50", "steady: 20")
)
"""The second version of the policy."""


class Recorded(msgspec.Struct, frozen=True):
    """A data directory whose gateway has ended, and the ids of what it served, in no order."""

    data_dir: Path
    ids: tuple[str, ...]

    def replay(self, *words: str) -> Result:
        return CliRunner().invoke(_app(("replay",)), ["replay", *words, "--data-dir", str(self.data_dir)])

    def copy(self, to: Path) -> "Recorded":
        """Another of its own, to be spoilt."""
        to.mkdir()
        shutil.copy(self.data_dir / "ledger.db", to)
        shutil.copytree(self.data_dir / "views", to / "views")
        return Recorded(to, self.ids)

    def write(self, statement: str, *values: str) -> None:
        with sqlite3.connect(self.data_dir / "ledger.db") as ledger:
            ledger.execute(statement, values)


def requests_of() -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Body and headers: every kind of route, many shapes, half of them streamed, some in sessions, some with hints."""
    shapes = cycle(shape for shape in SHAPES if shape != "image")
    for n in range(DECIDED - REFUSED):
        model = KINDS[n % len(KINDS)]
        asked = {"model": model, "max_tokens": 300, "messages": [user(cases.case(TASKS[n % len(TASKS)], n).prompt)]}
        asked = asked if n % 3 else body(next(shapes), "openai", model)
        headers = {"x-turnout-session": f"session-{n % 37}"} if n % 5 < 3 else {}
        headers |= {"x-turnout-tags": f"complexity={n % 10 / 10},team=web"} if n % 4 == 0 else {}
        yield {**asked, "stream": n % 2 == 0}, headers
    for n in range(2 * REFUSED):  # half of them are refused by their budget, which is found out after deciding
        yield {"model": ("frugal", "no/such")[n % 2], "messages": [user("hi")]}, {}


async def asked(gateway: Own, wanted: list[tuple[dict[str, Any], dict[str, str]]]) -> list[tuple[str, int]]:
    """The id and status of each."""
    waiting = iter(wanted)
    told = []

    async def one_after_the_other(session: aiohttp.ClientSession) -> None:
        for content, headers in waiting:
            async with session.post("/v1/chat/completions", json=content, headers=headers) as answer:
                await answer.read()
                told.append((answer.headers["x-turnout-request-id"], answer.status))

    async with aiohttp.ClientSession(gateway.api, headers={"authorization": f"Bearer {APP}"}) as session:
        await asyncio.gather(*(one_after_the_other(session) for _ in range(AT_ONCE)))
    return told


@pytest.fixture(scope="module")
def recorded(world: World, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """By a gateway that served half of them on one version of its policy, and half on the next."""

    def version(routes: str) -> Any:
        return lambda ports: policy_yaml(default_fleet(time_scale=0), ports, routes=routes) + UNMOVED

    with own(tmp_path_factory.mktemp("replay"), world.sim, version(ROUTES)) as gateway:
        wanted = iter(requests_of())
        told = asyncio.run(asked(gateway, list(islice(wanted, DECIDED // 2))))
        gateway.write(version(OTHERWISE))
        eventually(lambda: gateway.get("/health/ready", key=None).json["policy"] == 2, "the second version")
        told += asyncio.run(asked(gateway, list(wanted)))
    assert sorted({status for _, status in told}) == [200, 404, 429]
    return Recorded(gateway.data_dir, tuple(id_ for id_, status in told if status != 404))


def test_all_of_a_thousand_are_identical(recorded: Recorded) -> None:
    """On both versions of the policy; what was refused before anything was decided is counted apart, and is no failure."""
    many = recorded.replay("--last", "2000", "--json")
    said = recorded.replay("--last", "2000")

    assert many.exit_code == 0, many.stdout
    assert json.loads(many.stdout) == {
        "requests": DECIDED + REFUSED, "identical": DECIDED, "differs": 0, "impossible": 0, "undecided": REFUSED, "named": [],
    }  # fmt: skip
    assert said.stdout == "1,004 requests: 1,000 identical, 0 differ, 4 refused before anything was decided\n"
    with sqlite3.connect(recorded.data_dir / "ledger.db") as ledger:
        assert dict(ledger.execute("select policy, count(*) from requests group by policy")) == {
            1: DECIDED // 2,
            2: DECIDED // 2 + REFUSED,
        }


def test_which_are_looked_at(recorded: Recorded) -> None:
    """The latest so many, a random choice, those of a time; none at all is a failure, as nothing was shown."""
    last, some = (json.loads(recorded.replay(*words, "--json").stdout) for words in (("--last", "50"), ("--sample", "60")))
    never = recorded.replay("--until", "2020-01-01")
    both = recorded.replay(recorded.ids[0], "--last", "5")

    assert (last["requests"], some["requests"], some["differs"]) == (50, 60, 0)
    assert (never.exit_code, never.stderr) == (1, "no requests in that time: nothing was replayed\n")
    assert both.exit_code == 2


def test_a_changed_record_is_named(recorded: Recorded, tmp_path: Path) -> None:
    """Its plan was rewritten: it is named with both digests, and the exit code says so."""
    spoilt = recorded.copy(tmp_path / "spoilt")
    spoilt.write("update requests set plan = 'abc' where id = ?", recorded.ids[3])
    said = spoilt.replay("--last", "2000")

    assert said.exit_code == 1
    first, last = said.stdout.splitlines()
    assert first.startswith(recorded.ids[3])
    assert "differs: recorded plan abc, recomputed " in first
    assert last.startswith("1,004 requests: 999 identical, 1 differ,")


def test_what_cannot_be_replayed_is_named_with_why(recorded: Recorded, tmp_path: Path) -> None:
    """The views of one version are gone: all its requests are told, those of the other are identical all the same."""
    spoilt = recorded.copy(tmp_path / "spoilt")
    with sqlite3.connect(spoilt.data_dir / "ledger.db") as ledger:
        views = [view for (view,) in ledger.execute("select distinct view from requests where policy = 1")]
    for view in views:
        (spoilt.data_dir / "views" / f"{view}.view.json").unlink()
    many = json.loads(spoilt.replay("--last", "2000", "--json").stdout)

    assert many["impossible"] == many["identical"] == DECIDED // 2
    assert {one["result"] for one in many["named"]} == {"impossible"}
    assert all("its view cannot be loaded" in one["why"] for one in many["named"])
