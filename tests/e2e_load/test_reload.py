"""The policy file is changed while requests are served."""

import asyncio
import json
import signal
import sqlite3
import time
from hashlib import sha256
from itertools import pairwise
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.e2e_load.load import Steady, once
from tests.e2e_load.running import Serving, ask, policy, serving, until, upstream
from turnout.store.ledger import Ledger
from turnout.view import ViewStore

MODELS = ("m1", "m2", "m3")
RATE = 200.0
REWRITE_EVERY = 0.3
NOTICED_WITHIN = 2.0
"""Seconds a worker may go on with a version that was superseded: 0.1 by design, the rest is a busy machine's."""


def static(port: int, model: str) -> dict:
    return policy(port, *MODELS) | {"routes": {"default": {"static": f"quick/{model}"}}}


def broken(port: int, n: int) -> str:
    """A file that must never come into force, each time another."""
    return (
        json.dumps(static(port, "m9")),
        json.dumps(static(port, "m1") | {"routs": {}}),
        "",
        "providers: [",
        "\0\1\2",
        json.dumps(static(port, "m1"))[:-40],
    )[n % 6]


@pytest.mark.parametrize("seconds", [5, pytest.param(30, marks=pytest.mark.slow)])
async def test_no_request_notices_a_reload(seconds, tmp_path):
    """Under load, each answer comes from exactly one policy, one that was in force then; invalid files change nothing but stderr."""
    with upstream() as port, serving(tmp_path, static(port, "m1"), workers=2) as turnout:
        steady = Steady(turnout.url, RATE)
        running = asyncio.create_task(steady.run())
        end, n = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            n += 1
            turnout.write(broken(port, n // 4) if n % 4 == 3 else static(port, MODELS[n % 3]))
            await asyncio.sleep(REWRITE_EVERY)
        steady.stop()
        await running
        said = turnout.said()
        turnout.process.send_signal(signal.SIGTERM)
        assert turnout.process.wait(20) == 0

    assert [seen for seen in steady.seen if seen.status != 200] == []
    assert len(steady.seen) > 0.8 * RATE * seconds
    in_force = versions(turnout)
    assert len(in_force) > seconds  # several a second are written, few may be missed
    assert len({seen.policy for seen in steady.seen}) > 0.8 * len(in_force)
    assert said.count("refused, the policy in force stays") > seconds / 4
    assert "m9" in said or "routs" in said  # of files that stand for a fifth of a second a busy machine may miss one
    for seen in steady.seen:
        model, since, until_then = in_force[seen.policy]
        assert seen.model == model
        assert since <= seen.ended
        assert seen.began <= until_then + NOTICED_WITHIN
    for earlier, later in pairwise(
        sqlite3.connect(turnout.data_dir / "ledger.db").execute("select worker, policy from requests order by worker, at")
    ):
        assert later[0] != earlier[0] or later[1] >= earlier[1]


def versions(turnout: Serving) -> dict[int, tuple[str, float, float]]:
    """Model, begin and end of each policy version that was in force."""
    store, ledger = ViewStore(turnout.data_dir / "views"), Ledger(turnout.data_dir / "ledger.db")
    try:
        views = sorted(ledger.views(10_000), key=lambda view: view.at)
    finally:
        ledger.close()
    begin = {view.policy: view.at for view in reversed(views)}
    model = {view.policy: store.base(store.overlay(view.hash).base).policy.routes[0].models[0] for view in views}
    ends = dict(pairwise(sorted(begin)))
    return {version: (model[version] or "", begin[version], begin.get(ends.get(version, 0), float("inf"))) for version in begin}


async def test_a_signal_asks_for_a_reload(tmp_path):
    """SIGHUP has the file read again and answered on stderr, also when it says nothing new."""
    with upstream() as port, serving(tmp_path, static(port, "m1")) as turnout:
        turnout.process.send_signal(signal.SIGHUP)
        until(lambda: "policy 1 stays in force" in turnout.said(), "an answer to SIGHUP")
        turnout.config.unlink()
        turnout.process.send_signal(signal.SIGHUP)
        until(lambda: "refused, the policy in force stays" in turnout.said(), "a missing file is refused")
        seen = await once(turnout.url)

    assert (seen.status, seen.policy) == (200, 1)


async def test_no_reload_opens_an_exposed_gateway(tmp_path):
    """Where other machines come in, a policy that lost its auth.keys is refused; callers go on needing a key."""
    key = "tk-web"
    keys = {"auth": {"keys": [{"name": "web", "hash": f"sha256:{sha256(key.encode()).hexdigest()}"}]}}
    exposed = {"server": {"host": "0.0.0.0"}}
    with upstream() as port:
        guarded = static(port, "m1") | keys | exposed
        with serving(tmp_path, guarded) as turnout:
            for without in (
                static(port, "m2") | exposed,
                static(port, "m3"),
            ):  # the address is open, whatever the file says of it
                before = turnout.said().count("refused, the policy in force stays")
                turnout.write(without)
                until(lambda: turnout.said().count("refused, the policy in force stays") > before, "a refusal")  # noqa: B023
            nobody, somebody = answer(turnout, None), answer(turnout, key)

    assert "0.0.0.0 can be reached from other machines and auth.keys is empty" in turnout.said()
    assert nobody == (401, "1", "none")
    assert somebody == (200, "1", "quick/m1")


def answer(turnout: Serving, key: str | None) -> tuple[int, str, str]:
    """Status, policy and model of one request."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    try:
        with urlopen(Request(f"{turnout.url}/v1/chat/completions", json.dumps(ask()).encode(), headers), timeout=10) as got:
            return got.status, got.headers["x-turnout-policy"], got.headers["x-turnout-model"]
    except HTTPError as refused:
        with refused:
            return refused.status or 0, refused.headers["x-turnout-policy"], refused.headers["x-turnout-model"]


async def test_versions_are_numbered_across_restarts(tmp_path):
    """The same policy keeps its number over a restart; a changed one gets the next, also when it changed while nothing ran."""
    with upstream() as port:
        with serving(tmp_path, static(port, "m1")) as turnout:
            turnout.write(static(port, "m2"))
            until(lambda: "policy 2 is in force" in turnout.said(), "the second policy")
        numbers = []
        for model in ("m2", "m3"):
            with serving(tmp_path, static(port, model)) as turnout:
                numbers.append((await once(turnout.url)).policy)

    assert numbers == [2, 3]


async def test_a_change_while_control_is_down_is_not_missed(tmp_path):
    """What was written while the control process was dead comes into force when it is back."""
    with upstream() as port, serving(tmp_path, static(port, "m1")) as turnout:
        [control] = turnout.children("control")
        control.kill()
        turnout.write(static(port, "m2"))
        until(lambda: "policy 2 is in force" in turnout.said(), "the policy written meanwhile")
        async with asyncio.timeout(NOTICED_WITHIN):
            while (seen := await once(turnout.url)).policy == 1:
                pass

    assert (seen.status, seen.policy, seen.model) == (200, 2, "quick/m2")


async def test_workers_need_no_control_process(tmp_path):
    """With the control process stopped a worker that dies comes back on the stored view and serves; its records wait."""
    with upstream() as port, serving(tmp_path, static(port, "m1")) as turnout:
        [control], [gateway] = turnout.children("control"), turnout.children("gateway")
        control.suspend()
        before = await once(turnout.url)
        await asyncio.sleep(0.25)  # what the ledger is promised: a record that old survives a kill
        gateway.kill()
        until(lambda: turnout.children("gateway") not in ([], [gateway]), "another worker")
        after = await once(turnout.url)
        control.resume()
        rows = until(lambda: answered(turnout, before.id, after.id), "both records in the ledger")

    assert (before.status, after.status) == (200, 200)
    assert rows == 2


def answered(turnout: Serving, *ids: str) -> int:
    """How many of the ids the ledger has, once it has them all."""
    with sqlite3.connect(turnout.data_dir / "ledger.db") as ledger:
        (found,) = ledger.execute(f"select count(*) from requests where id in ({','.join('?' * len(ids))})", ids).fetchone()
    return found if found >= len(ids) else 0
