"""Plays one request through the real executor against a script, in virtual time."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from tests.support.fake_dialect import FakeDialect, fake_ask
from tests.support.fake_sink import FakeSink
from tests.support.fake_transport import Answer, FakeTransport, Refusal
from tests.support.virtual_time import LoopClock, run
from turnout.checks import answer as checked
from turnout.checks.verify import verify
from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import ProviderFault
from turnout.execute.board import Board
from turnout.execute.executor import Run
from turnout.execute.job import Execution, Gate, Job, World
from turnout.execute.watch import Nursery
from turnout.ports import Outgoing
from turnout.types.checks import Check
from turnout.types.decision import Plan, Step
from turnout.types.money import PicoDollars
from turnout.types.policy import Policy, Timeouts
from turnout.types.reply import Usage

ARRIVED = 1000.0
ANY = frozenset({"any"})


class FakeUpstream:
    credential = ""

    def __init__(self, model: str, dialect: Any, *, thinks: bool = False) -> None:
        self.model = model
        self.dialect = dialect
        self.thinks = thinks

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderFault:
        return self.dialect.read_error(status, headers, body)

    def outgoing(self, ask: Ask, front: Dialect) -> Outgoing:
        return Outgoing("POST", f"http://{self.model}", (), ask.body)


class Played(msgspec.Struct):
    """What came of it; ``took`` in virtual seconds, ``is_stopped`` when it was cancelled from outside."""

    execution: Execution
    sink: FakeSink
    transport: FakeTransport
    took: float
    is_stopped: bool

    @property
    def called(self) -> list[str]:
        return [request.url.removeprefix("http://") for _, request in self.transport.sent]

    @property
    def faults(self) -> list[str | None]:
        return [attempt.fault for attempt in self.execution.attempts]

    @property
    def code(self) -> str | None:
        return self.execution.error.code if self.execution.error else None


def step(
    model: str, on: frozenset[Any] = ANY, *, cost: int | None = 0, reason: Any = "fallback", timeouts: Timeouts | None = None
) -> Step:
    return Step(model, on, reason, None if cost is None else PicoDollars(cost), timeouts or Timeouts())


def plan(*steps: Step, attempts: int = 4, deadline: float = 600.0, budget: int | None = None) -> Plan:
    return Plan(steps, attempts, deadline, None if budget is None else PicoDollars(budget), journal_required=False)


def charge(_model: str, usage: Usage) -> PicoDollars | None:
    """A pico-dollar a token."""
    return PicoDollars(usage.total_input + usage.total_output) if usage.complete else None


async def _verify(checks: Iterable[Check], answer: checked.Answer) -> checked.Failed | None:
    return verify(checks, answer)


AB = plan(step("a", reason="cheapest"), step("b"))


def play(
    *script: Answer | Refusal,
    plan: Plan = AB,
    stream: bool = True,
    sink: FakeSink | None = None,
    gate: Gate | None = None,
    upstreams: Mapping[str, Any] | None = None,
    ask: Ask | None = None,
    front: Any = None,
    cancel_after: float | None = None,
    pricing: Callable[[str, Usage], PicoDollars | None] = charge,
) -> Played:
    front = front or FakeDialect()
    sink = sink or FakeSink()
    transport = FakeTransport(*script)
    if gate is not None:
        plan = msgspec.structs.replace(plan, journal_required=True)
    upstreams = upstreams or {step.model: FakeUpstream(step.model, front) for step in plan.steps}

    async def main() -> Played:
        board = Board(chance=lambda: 0.5)
        pools = board.take_up(Policy((), ()), {model: (upstream,) for model, upstream in upstreams.items()}, ("",))
        world = World(transport, pools, board, LoopClock(), pricing, Nursery(LoopClock()), _verify)
        job = Job(plan, ask or fake_ask(stream=stream), front, 7, ARRIVED)
        the_run = Run(job, world, sink, gate)
        is_stopped = False
        try:
            async with asyncio.timeout(cancel_after):
                await the_run.play()
        except TimeoutError:
            is_stopped = True
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0, "no cancellation may be left over for what runs next in this task"
        took = asyncio.get_running_loop().time() - ARRIVED
        await asyncio.sleep(0)
        return Played(the_run.execution(), sink, transport, took, is_stopped)

    return run(main())
