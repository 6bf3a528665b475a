"""``turnout sim``: simulated providers on real HTTP, until interrupted."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop

from turnout.cli.problems import finite
from turnout.sim.faults import Rule, parse_rules
from turnout.sim.policy import Ports, policy_yaml
from turnout.sim.profile import Fleet, default_fleet


def sim(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 9000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="Decides every chance: who knows what, how long it takes, which request fails.")] = 7,
    time_scale: Annotated[float, typer.Option(min=0, callback=finite, help="Factor on every wait; 0 answers at once.")] = 1.0,
    faults: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON list of fault rules, in force from the start.")
    ] = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print a turnout.yaml for these providers and stop.")
    ] = False,
) -> None:
    """Serve simulated providers: real HTTP, seeded quality, latency, prices and faults. No keys, no cost."""
    fleet = default_fleet(seed=seed, time_scale=time_scale)
    if print_config:
        typer.echo(policy_yaml(fleet, Ports(sim=port)), nl=False)
        return
    try:
        rules = parse_rules(faults.read_bytes()) if faults else ()
    except msgspec.MsgspecError as error:
        typer.echo(f"{faults}: {error}", err=True)
        raise typer.Exit(2) from None
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(fleet, host, port, rules))
    except OSError as error:
        typer.echo(f"cannot listen on {host}:{port}: {error.strerror}", err=True)
        raise typer.Exit(1) from None


async def _serve(fleet: Fleet, host: str, port: int, rules: tuple[Rule, ...]) -> None:
    from turnout.sim.server import running_sim  # --help and --print-config need no server

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_sim(fleet, rules=rules, host=host, port=port) as running:
        for provider in fleet.providers:
            typer.echo(f"{provider.id:14} {provider.dialect:20} {running.base_url(provider.id)}")
        typer.echo(f"faults: POST {running.url}/sim/faults   invoice: GET {running.url}/sim/stats")
        await stop.wait()
