"""A worker's live state over fake providers that behave as they are told, and many requests to it, in virtual time."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from itertools import count
from typing import Any

import msgspec

from tests.support.fake_dialect import FakeDialect, fake_ask
from tests.support.fake_sink import FakeSink
from tests.support.fake_transport import Answer, FakeIncoming, Refusal
from tests.support.play import FakeUpstream, charge
from tests.support.virtual_time import LoopClock
from turnout.checks.answer import Answer as Checked
from turnout.checks.answer import Failed
from turnout.checks.verify import verify
from turnout.errors import Unavailable
from turnout.execute.board import Board
from turnout.execute.deployment import Deployment
from turnout.execute.executor import Run
from turnout.execute.job import Execution, Gate, Job, World
from turnout.execute.watch import Nursery
from turnout.live.health import Standing
from turnout.ports import Outgoing
from turnout.types.checks import Check
from turnout.types.decision import Plan
from turnout.types.policy import Credential, Policy, Provider

Scene = Answer | Refusal
Behaviour = Callable[[int], Scene]
"""What it does at its n-th call, from 0."""

STREAM = (b"role\nsay hi\n", b"usage 10 3\nstop\nend\n")


def well(wait: float = 0.1) -> Scene:
    """First content after ``wait`` seconds, its head at once."""
    return Answer(b"role\n", wait, *STREAM)


def bad(status: int = 503, **headers: str) -> Scene:
    return Answer(b"no", status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def refused() -> Scene:
    return Refusal(Unavailable("connection refused"))


def silent() -> Scene:
    return Answer(after=1e9)


def provider(name: str, *keys: Credential, base_url: str = "http://x") -> Provider:
    return Provider(name, None, "fake", base_url, "none", keys)


class Sent(msgspec.Struct, frozen=True):
    """A call, and how long after the beginning it was made."""

    at: float
    model: str
    credential: str


class Providers:
    """A transport. ``behave``: by model, or by model and credential (``p/a#key``); who is not named is well."""

    def __init__(self, behave: dict[str, Behaviour | Scene]) -> None:
        self.behave = behave
        self.sent: list[Sent] = []
        self.answers: list[FakeIncoming] = []
        self.under_way = 0
        self._seen: Counter[str] = Counter()

    async def send(self, request: Outgoing, *, connect_timeout: float) -> FakeIncoming:
        who = request.url.removeprefix("http://")
        model, _, credential = who.partition("#")
        self.sent.append(Sent(asyncio.get_running_loop().time() - 1000.0, model, credential))
        behaviour = self.behave.get(who) or self.behave.get(model) or well()
        scene = behaviour(self._seen[who]) if callable(behaviour) else behaviour
        self._seen[who] += 1
        if scene.after:
            await asyncio.sleep(scene.after)
        if isinstance(scene, Refusal):
            raise scene.fault
        self.answers.append(FakeIncoming(scene))
        return self.answers[-1]

    async def close(self) -> None:
        pass

    def calls(self, model: str, since: float = 0.0, until: float = float("inf")) -> int:
        return sum(sent.model == model and since <= sent.at < until for sent in self.sent)


class Asked(msgspec.Struct):
    """What came of a request; ``at`` and ``took`` in virtual seconds."""

    execution: Execution
    sink: FakeSink
    at: float
    took: float

    @property
    def models(self) -> list[str]:
        return [attempt.model for attempt in self.execution.attempts]

    @property
    def faults(self) -> list[str | None]:
        return [attempt.fault for attempt in self.execution.attempts]

    @property
    def skipped(self) -> list[tuple[str, str]]:
        return [(skip.model, skip.reason) for skip in self.execution.skipped]

    @property
    def code(self) -> str | None:
        return self.execution.error.code if self.execution.error else None


class WithCredential(FakeUpstream):
    def __init__(self, model: str, credential: str) -> None:
        super().__init__(model, FakeDialect())
        self.credential = credential

    def outgoing(self, ask: Any, front: Any) -> Outgoing:
        return Outgoing("POST", f"http://{self.model}#{self.credential}", (), ask.body)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WithCredential) and (self.model, self.credential) == (other.model, other.credential)

    def __hash__(self) -> int:
        return hash((self.model, self.credential))


class Fleet:
    """Made inside the loop. ``models`` are ``provider/model``; each has the credentials of its provider's policy, or none."""

    def __init__(
        self, *models: str, behave: dict[str, Behaviour | Scene] | None = None, policy: Policy | None = None, workers: int = 1,
        chance: Callable[[], float] | None = None, check: Callable[[], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        self.providers = Providers(behave if behave is not None else {})
        self.board = Board(chance or random.Random(3).random, workers)
        self.models = models
        self.policy = policy or Policy((), ())
        self.clock = LoopClock()
        self.check = check
        self.take_up(self.policy)
        self._seeds = count(1)
        self._nursery = Nursery(self.clock)

    def take_up(
        self, policy: Policy, upstream: Callable[[str, str], Any] = WithCredential
    ) -> Mapping[str, tuple[Deployment, ...]]:
        keys = {each.id: tuple(key.ref or "" for key in each.keys) for each in policy.providers}
        ways = {model: keys.get(model.partition("/")[0]) or ("",) for model in self.models}
        upstreams = {model: tuple(upstream(model, ref) for ref in refs) for model, refs in ways.items()}
        self.pools = self.board.take_up(policy, upstreams, ("r",))
        return self.pools

    def now(self) -> float:
        return self.clock.steady() - 1000.0

    async def ask(
        self, plan: Plan, *, stream: bool = True, sink: FakeSink | None = None, route: str = "r", priority: int = 1,
        seed: int | None = None, gate: Gate | None = None, read: int = 10, written: int = 10,
    ) -> Asked:  # fmt: skip
        sink, arrived = sink or FakeSink(), self.clock.steady()
        world = World(self.providers, self.pools, self.board, self.clock, charge, self._nursery, self._verify)  # type: ignore[arg-type]
        seed = next(self._seeds) if seed is None else seed
        job = Job(plan, fake_ask(stream=stream), FakeDialect(), seed, arrived, route, read, written, priority)
        run = Run(job, world, sink, gate)
        await run.play()
        return Asked(run.execution(), sink, arrived - 1000.0, self.clock.steady() - arrived)

    async def _verify(self, checks: tuple[Check, ...], answer: Checked) -> Failed | None:
        if self.check is not None:
            await self.check()
        return verify(checks, answer)

    async def load(self, plan: Plan, rate: float, seconds: float, **more: Any) -> list[Asked]:
        """So many requests a second, whatever becomes of those before."""
        tasks = []
        for _ in range(round(rate * seconds)):
            tasks.append(asyncio.create_task(self.ask(plan, **more)))
            await asyncio.sleep(1 / rate)
        return list(await asyncio.gather(*tasks))

    @contextlib.asynccontextmanager
    async def ticking(self) -> AsyncIterator[None]:
        """With what a worker does once a second."""

        async def tick() -> None:
            while True:
                self.board.tick(self.clock.steady())
                await asyncio.sleep(1.0)

        task = asyncio.create_task(tick())
        try:
            yield
        finally:
            task.cancel()

    def standing(self, model: str, place: int = 0) -> Standing:
        return self.pools[model][place].own.standing(self.clock.steady())

    def assert_at_rest(self) -> None:
        """Nothing is under way, and nothing is thought to be."""
        assert all(incoming.closed for incoming in self.providers.answers)
        for member in self.board.deployments:
            assert (member.in_flight, member.shared.in_flight) == (0, 0)
            assert [guard.health.probing for guard in member.guards] == [0, 0, 0]
        assert self.board.lines.waiting == 0
