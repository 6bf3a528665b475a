"""``turnout demo``: simulated providers, the gateway, real SDK traffic and a view of what goes where, in one command."""

import asyncio
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, NoReturn, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.live import Live

from turnout.build.served import fetch, served
from turnout.cli import demo_view
from turnout.cli.problems import finite
from turnout.control.token import admin_token
from turnout.sim.faults import Fault, Rule
from turnout.sim.opinions import opinions
from turnout.sim.policy import GRADED, Ports, policy_yaml
from turnout.sim.profile import default_fleet
from turnout.sim.savings import savings
from turnout.sim.server import RunningSim, running_sim
from turnout.sim.traffic import Tally, clients, drive, errands
from turnout.types.money import usd

OUTAGE_EVERY, OUTAGE_AT, OUTAGE_LASTS = 40.0, 4.0, 6.0  # seconds; a demo of half a minute sees one
OUTAGE_OF = "sim-openai/small"
REDRAW_EVERY = 0.5

T = TypeVar("T")
Story = Literal["support", "code", "finance", "bad-release"]
STILL = 5
"""Looks in a row that find the same cost: nobody is being graded any more."""


def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the API.")] = 8080,
    control_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the dashboard.")] = 8081,
    sim_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the simulated providers; 0: any free one.")] = 0,
    rate: Annotated[float, typer.Option(min=0.1, callback=finite, help="Requests per second.")] = 12.0,
    seed: Annotated[int, typer.Option(help="Decides the traffic and every chance of the providers.")] = 7,
    seconds: Annotated[
        float,
        typer.Option(min=0, callback=finite, envvar="TURNOUT_DEMO_SECONDS", help="End after this long; 0: run until Ctrl-C."),
    ] = 0,
    story: Annotated[
        Story | None,
        typer.Option(
            help="Play one story from a model's release to its end, in a minute or so, and hold its figures against what was wanted."
        ),
    ] = None,
) -> None:
    """Show Turnout at work on simulated providers: no keys, no cost, nothing leaves this machine."""
    if story is not None:
        _tell(story)
    try:
        figures = asyncio.run(_demo(Ports(port, control_port, sim_port), rate, seed, seconds or None))
    except ImportError as error:
        typer.echo(f"demo: {error}; its traffic goes through the official SDKs: install turnout[demo]", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"demo: {error}", err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if figures.tally.ok else 1)


def _tell(story: Story) -> NoReturn:
    from turnout.cli.story import tell

    try:
        code = tell(story)
    except OSError as error:
        typer.echo(f"demo: {error}", err=True)
        code = 1
    raise typer.Exit(code)


async def _demo(ports: Ports, rate: float, seed: int, seconds: float | None) -> demo_view.Figures:
    fleet = default_fleet(seed=seed, time_scale=0.25)
    with tempfile.TemporaryDirectory(prefix="turnout-demo-") as directory:
        data_dir = Path(directory)
        async with running_sim(fleet, rules=_trouble(), port=ports.sim) as sim:
            ports = msgspec.structs.replace(ports, sim=sim.port)
            config = data_dir / "turnout.yaml"
            config.write_text(policy_yaml(fleet, ports, data_dir=str(data_dir), routes=GRADED))
            async with served(config, ports.api, ports.control), clients(f"http://127.0.0.1:{ports.api}") as sdks:
                watch = Watch(sim, ports, admin_token(data_dir))
                enough = asyncio.Event()
                heard = opinions(sdks.openai, seed)
                driving = asyncio.create_task(drive(sdks.ask, errands(seed), watch.tally, rate=rate, until=enough, heard=heard))
                try:
                    await watch.show(seconds)
                finally:
                    enough.set()
                    await driving
                figures = await watch.settled()
                print(demo_view.plain(figures, ports, watch.dashboard))
                return figures


class Watch:
    """Reads the figures, from the control API and from the sim, and draws them."""

    def __init__(self, sim: RunningSim, ports: Ports, token: str) -> None:
        self.tally = Tally()
        self._sim = sim
        self._ports = ports
        self._token = token
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()

    @property
    def dashboard(self) -> str:
        return f"http://127.0.0.1:{self._ports.control}/#token={self._token}"

    async def show(self, seconds: float | None) -> None:
        """Draw until ``seconds`` have passed or Ctrl-C; where there is no terminal, only say where things are."""
        console = Console()
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        print(f"api: http://127.0.0.1:{self._ports.api}/v1\ndashboard: {self.dashboard}", flush=True)
        with Live(console=console, auto_refresh=False, screen=console.is_terminal, transient=True) as screen:
            while not stop.is_set() and (seconds is None or self._clock() - self._start < seconds):
                if console.is_terminal:
                    screen.update(demo_view.live(await self.figures(), self._ports), refresh=True)
                with suppress(TimeoutError):
                    async with asyncio.timeout(REDRAW_EVERY):
                        await stop.wait()

    async def figures(self) -> demo_view.Figures:
        """As of now."""
        elapsed = self._clock() - self._start
        summary = await self._get("/api/summary", demo_view.Summary)
        recent = await self._get("/api/requests?limit=8", demo_view.Lines)
        stats = self._sim.stats
        in_outage = (elapsed - OUTAGE_AT) % OUTAGE_EVERY < OUTAGE_LASTS and elapsed >= OUTAGE_AT
        return demo_view.Figures(
            elapsed,
            summary,
            recent.requests,
            self.tally,
            savings(self._sim.sim.fleet, stats.cells.values()),
            usd(stats.billed_pico),
            dict(stats.faults),
            OUTAGE_OF if in_outage else None,
        )

    async def settled(self) -> demo_view.Figures:
        """Once the ledger has the end of every request that was sent and of those that grade them, or after five seconds."""
        figures, still = await self.figures(), 0
        for _ in range(25):
            outcomes = figures.summary.outcomes
            still = still + 1 if sum(outcomes.values()) - outcomes.get("begun", 0) >= self.tally.sent else 0
            if still > STILL:
                break
            await asyncio.sleep(0.2)
            before, figures = figures, await self.figures()
            still = still if figures.summary.cost_usd == before.summary.cost_usd else 0
        return figures

    async def _get(self, path: str, shape: type[T]) -> T:
        body = await asyncio.to_thread(fetch, self._ports.control, path, self._token)
        return msgspec.json.decode(body, type=shape)


def _trouble() -> tuple[Rule, ...]:
    """A provider's usual days, and one model's outage every so often."""
    outages = (
        Rule(Fault("unavailable"), OUTAGE_OF, since=since, until=since + OUTAGE_LASTS)
        for since in (OUTAGE_AT + OUTAGE_EVERY * n for n in range(500))
    )
    return (
        *outages,
        Rule(Fault("rate_limited", retry_after=1), probability=0.01),
        Rule(Fault("reset", after=None), probability=0.005),
        Rule(Fault("truncated"), probability=0.005),
    )
