"""Rehearsal traffic: a seeded mix over a policy's routes, sent open loop through the gateway, with what came of it so far."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from random import Random

import msgspec

from turnout.clock import Clock
from turnout.errors import ProviderFault
from turnout.ports import Outgoing, Transport
from turnout.sim.cases import TASKS
from turnout.sim.traffic import Errand, errands, openai_body
from turnout.types.policy import All, AnyOf, Condition, Policy, TaskIs

AT_ONCE = 512
"""Requests under way beyond which further ones are not sent, and counted: the rehearsal must not drown its own machine."""
LOOKED_AT = 200
GIVE_UP_AFTER = 120.0


class MixEntry(msgspec.Struct, frozen=True):
    """One request of the mix."""

    route: str
    errand: Errand

    def body(self, number: int) -> bytes:
        """``number`` makes each one its own request, so that no cache answers for a model."""
        fresh = msgspec.structs.replace(self.errand, prompt=f"{self.errand.prompt} [{number}]")
        return msgspec.json.encode(openai_body(fresh, self.route) | {"stream": self.errand.stream})


class ClientCounts:
    """What the client saw so far."""

    def __init__(self) -> None:
        self.sent = self.answered = self.refused = self.failed = self.skipped = self.under_way = 0
        self.by_model: Counter[str] = Counter()
        self.recent: deque[tuple[str, float]] = deque(maxlen=LOOKED_AT)
        """Model and seconds of the latest answers."""


def mix(policy: Policy, count: int, seed: int) -> tuple[MixEntry, ...]:
    """So many requests, every route in its turn, each with something of the tasks it is for."""
    rng, endless = Random(seed), errands(seed)  # noqa: S311 - not for secrets
    names = [route.name for route in policy.routes]
    wanted = {route.name: tasks_of(route.when) for route in policy.routes}
    chosen = [names[i % len(names)] for i in range(count)]
    rng.shuffle(chosen)
    return tuple(MixEntry(name, _fitting(endless, wanted[name])) for name in chosen)


def tasks_of(when: Condition | None) -> frozenset[str]:
    """The tasks a condition names anywhere but in a negation; empty: any."""
    match when:
        case TaskIs(values):
            return values & frozenset(TASKS)
        case All(conditions) | AnyOf(conditions):
            return frozenset().union(*map(tasks_of, conditions))
        case _:
            return frozenset()


def _fitting(endless: Iterator[Errand], tasks: frozenset[str]) -> Errand:
    return next(errand for errand in endless if not tasks or (errand.case is not None and errand.case.task in tasks))


class Drive:
    """Sends the mix over and over: the same requests before, during and after, so that differences are the failure's."""

    def __init__(self, way: Transport, api_port: int, clock: Clock) -> None:
        self.counts = ClientCounts()
        self._way = way
        self._url = f"http://127.0.0.1:{api_port}/v1/chat/completions"
        self._clock = clock

    async def run(self, asks: Sequence[MixEntry], *, rate: float, seconds: float) -> None:
        """``rate`` requests a second for so long, whatever becomes of them; returns when the last is over."""
        start = self._clock.steady()
        async with asyncio.TaskGroup() as group:
            for number, ask in enumerate(islice(cycle(asks), int(rate * seconds))):
                await asyncio.sleep(max(0.0, start + number / rate - self._clock.steady()))
                if self.counts.under_way >= AT_ONCE:
                    self.counts.skipped += 1
                else:
                    group.create_task(self._send(ask.body(number)))

    async def _send(self, body: bytes) -> None:
        counts = self.counts
        counts.sent += 1
        counts.under_way += 1
        before = self._clock.steady()
        try:
            async with asyncio.timeout(GIVE_UP_AFTER):
                status, model = await self._exchange(body)
        except (ProviderFault, TimeoutError):
            status, model = 0, ""
        finally:
            counts.under_way -= 1
        if status == 200:
            counts.answered += 1
            counts.by_model[model] += 1
            counts.recent.append((model, self._clock.steady() - before))
        elif 400 <= status < 500:
            counts.refused += 1
        else:
            counts.failed += 1

    async def _exchange(self, body: bytes) -> tuple[int, str]:
        request = Outgoing("POST", self._url, ((b"content-type", b"application/json"),), body)
        incoming = await self._way.send(request, connect_timeout=5)
        try:
            async for _ in incoming.chunks():
                pass
        finally:
            await incoming.close()
        model = next((value.decode() for name, value in incoming.headers if name == b"x-turnout-model"), "")
        return incoming.status, model
