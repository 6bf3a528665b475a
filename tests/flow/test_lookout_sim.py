"""Active checks over real HTTP: a simulated provider goes away and comes back, and no request has to find it out."""

import asyncio
import socket
from pathlib import Path
from typing import cast

from tests.support.gateway import ASK, ask, house
from turnout.clock import ManualClock, SystemClock
from turnout.execute.board import Board
from turnout.execute.lookout import Lookout
from turnout.providers.transport import HttpTransport
from turnout.sim.server import running_sim

EVERY = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast("int", probe.getsockname()[1])


async def rounds(lookout: Lookout, board: Board, clock: ManualClock, seconds: float) -> None:
    """Let so much of the worker's time pass, in steps of a second; the checks themselves are real."""
    for _ in range(int(seconds)):
        clock.advance(1.0)
        board.tick(clock.steady())
        await lookout.look()


def standings(board: Board, clock: ManualClock) -> set[str]:
    return {member.address.standing(clock.steady()) for member in board.deployments}


async def test_checks_notice_an_outage_and_its_end(tmp_path: Path) -> None:
    """Two intervals to eject, little more than one to readmit; the next request is served."""
    clock, transport, port = ManualClock(), HttpTransport(clock=SystemClock()), free_port()
    built = house(tmp_path, transport, sim_port=port, clock=clock)
    world = built.gateway.snapshot.world
    lookout = Lookout(world.board, transport, clock, world.charge, lambda: 0.5)
    try:
        async with running_sim(port=port):
            await rounds(lookout, world.board, clock, EVERY)
            assert standings(world.board, clock) == {"admitting"}

        await rounds(lookout, world.board, clock, 2 * EVERY)
        assert standings(world.board, clock) <= {"ejected", "probing"}

        async with running_sim(port=port):
            await rounds(lookout, world.board, clock, EVERY * 1.2)
            assert standings(world.board, clock) == {"admitting"}
            answered = await ask(built.app, "/v1/chat/completions", ASK)
            assert answered.status == 200
    finally:
        await transport.close()

    providers = {provider.id for provider in built.gateway.snapshot.view.policy.providers}
    assert {provider for provider, result in lookout.results if result == "unreachable"} == providers
    assert all(lookout.results[provider, "ok"] >= 2 for provider in providers)


async def test_traffic_keeps_checks_away(tmp_path: Path) -> None:
    """The provider that answers requests is not asked for its models."""
    clock, transport = ManualClock(), HttpTransport(clock=SystemClock())
    try:
        async with running_sim() as sim:
            built = house(tmp_path, transport, sim_port=sim.port, clock=clock)
            world = built.gateway.snapshot.world
            lookout = Lookout(world.board, transport, clock, world.charge, lambda: 0.5)
            for _ in range(4):
                answered = await ask(built.app, "/v1/chat/completions", ASK)
                await rounds(lookout, world.board, clock, EVERY / 2)
    finally:
        await transport.close()

    busy = answered.headers["x-turnout-model"].partition("/")[0]
    assert {provider for provider, _ in lookout.results} == {
        provider.id for provider in built.gateway.snapshot.view.policy.providers
    } - {busy}
    assert asyncio.all_tasks() - {asyncio.current_task()} == set()
