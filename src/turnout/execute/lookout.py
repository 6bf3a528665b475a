"""Active checks: looks after providers that nobody has called of late, so that an outage, or its end, is known before a request meets it.

What traffic shows comes first: a provider that answers requests is not checked. A check tells of the address and the credential, and
never of a model: that a listing is served says nothing of who would write the answer.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

from turnout.clock import Clock
from turnout.dialects.registry import DIALECTS
from turnout.errors import Blame, ProviderFault, TurnoutError
from turnout.execute.board import Board
from turnout.execute.deployment import KEY_FAULTS, Deployment, Guard
from turnout.ports import Outgoing, Transport
from turnout.types.health import CheckSeen
from turnout.types.money import PicoDollars
from turnout.types.reply import Usage

LOOK_EVERY = 1.0
"""Seconds between looks at what is due."""
AT_ONCE = 4
"""Checks under way at most."""
WITHIN = 5.0
COMPLETION_WITHIN = 30.0
"""Seconds until an answer's head, and again until its end; a model may think before it writes."""
SCATTER = 0.2
"""Share by which an interval is longer or shorter, so that workers and providers do not come in step."""
IN_DOUBT = 0.2
"""Share of the interval after which an address that did not answer is looked at again, until it is ejected (as HAProxy's fastinter)."""
PARKED = 600.0
"""Seconds before a check is made again that has nothing to say here: a provider without a listing."""
LARGEST = 64 * 1024
"""Bytes that are read of an answer: so much keeps the connection for the next call, and more is not worth it."""

_FRONT = "openai-chat"
_ONE_WORD = b'{"model":"check","messages":[{"role":"user","content":"Reply with OK."}],"max_completion_tokens":16}'
"""Sixteen, not one: models that think would be cut before a word, and some refuse so little."""

Place = tuple[str, str]
"""A provider's id and the name of a credential."""

Result = Literal["ok", "denied", "busy", "unclear", "failing", "unreachable"]
"""
``ok``           served
``denied``       the credential was refused
``busy``         429 and their like: it is there
``unclear``      it is there, and answers something that says nothing of requests: 404 and 405 where there is no listing, 403
                 where the credential may not read it
``failing``      5xx: something is there
``unreachable``  no answer
"""


class Lookout:
    """One worker's. ``results`` counts checks by provider and what came of them, ``latest`` has the last of each place.

    ``cost`` is what completions were charged, by provider, and ``unpriced`` how many cost nobody knows what.
    ``charge`` prices a model's usage, ``chance`` draws from 0..1. The way out must be the worker's own: never that of a drill.
    """

    def __init__(
        self,
        board: Board,
        transport: Transport,
        clock: Clock,
        charge: Callable[[str, Usage], PicoDollars | None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.results: Counter[tuple[str, Result]] = Counter()
        self.latest: dict[Place, CheckSeen] = {}
        self.cost: Counter[str] = Counter()
        self.unpriced: Counter[str] = Counter()
        self._board = board
        self._transport = transport
        self._clock = clock
        self._charge = charge
        self._chance = chance
        self._due: dict[Place, float] = {}
        self._lifted: dict[Guard, float] = {}
        self._few = asyncio.Semaphore(AT_ONCE)
        self._stopped = False

    def stop(self) -> None:
        """Begin no further check."""
        self._stopped = True

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.look()

    async def look(self) -> None:
        """Make the checks that are due, and return when the last of them is over."""
        now, places = self._clock.steady(), self._places()
        self._due = {place: due for place, due in self._due.items() if place in places}
        self.latest = {place: last for place, last in self.latest.items() if place in places}
        async with asyncio.TaskGroup() as group:
            for place, members in places.items():
                if self._is_due(place, members[0], now):
                    group.create_task(self._visit(place, members))

    def _places(self) -> dict[Place, list[Deployment]]:
        """Whom there is to look after: models behind one credential share what a check can tell."""
        places: dict[Place, list[Deployment]] = {}
        for member in self._board.deployments:
            upstream = member.upstream
            places.setdefault((upstream.model.partition("/")[0], upstream.credential), []).append(member)
        return places

    def _is_due(self, place: Place, member: Deployment, now: float) -> bool:
        """Its time has come, and nothing else has told meanwhile."""
        rules = member.rules
        if self._stopped or rules.check == "none":
            return False
        if now < self._due.setdefault(place, now + rules.check_every * self._chance()):
            return False
        self._due[place] = now + rules.check_every * (1.0 - SCATTER + 2.0 * SCATTER * self._chance())
        is_well = member.address.health.until is None and member.credential.health.until is None
        return not (is_well and now - member.credential.well_at < rules.check_every)

    async def _visit(self, place: Place, members: Sequence[Deployment]) -> None:
        is_paid = members[0].rules.check == "completion"
        member = min(members, key=self._price) if is_paid else members[0]
        request = _completion(member) if is_paid else member.upstream.check()
        if request is None:
            return
        async with self._few:
            if self._stopped:
                return
            try:
                result, fault = await self._ask(member, request, is_paid)
            except (TimeoutError, ProviderFault):
                result, fault = "unreachable", None
        self.results[place[0], result] += 1
        self.latest[place] = CheckSeen(*place, self._clock.now(), result)
        self._conclude(place, member, result, fault)

    async def _ask(self, member: Deployment, request: Outgoing, is_paid: bool) -> tuple[Result, ProviderFault | None]:  # noqa: FBT001 - of two kinds
        """Raises TimeoutError or ProviderFault when there is no answer."""
        within = COMPLETION_WITHIN if is_paid else WITHIN
        async with asyncio.timeout(within):
            incoming = await self._transport.send(request, connect_timeout=WITHIN)
        body = bytearray()
        try:
            with suppress(ProviderFault, TimeoutError):  # its head has said enough
                async with asyncio.timeout(within):
                    async for chunk in incoming.chunks():
                        body += chunk
                        if len(body) >= LARGEST:
                            break
        finally:
            await incoming.close()
        if 200 <= incoming.status < 300:
            fault = self._billed(member, bytes(body)) if is_paid else None
        elif incoming.status < 400:
            return "unclear", None
        else:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in incoming.headers}
            fault = member.upstream.read_error(incoming.status, headers, bytes(body))
        return read(fault), fault

    def _billed(self, member: Deployment, body: bytes) -> ProviderFault | None:
        """Count what a completion cost; the fault if it was none."""
        provider = member.upstream.model.partition("/")[0]
        try:
            usage = member.upstream.dialect.read_reply(body).usage
        except ProviderFault as fault:
            self.unpriced[provider] += 1
            return fault
        cost = self._charge(member.upstream.model, usage) if usage is not None else None
        if cost is None:
            self.unpriced[provider] += 1
        else:
            self.cost[provider] += cost
        return None

    def _conclude(self, place: Place, member: Deployment, result: Result, fault: ProviderFault | None) -> None:
        """Tell the guards what the check has shown."""
        now, address, credential, rules = self._clock.steady(), member.address, member.credential, member.rules
        if result == "unreachable":
            address.observe(now, failures=1)
            if address.health.until is None:
                self._due[place] = now + rules.check_every * IN_DOUBT
        elif result != "failing":
            self._lift(address, now, rules.longest_ejection)
        if result == "ok":
            self._lift(credential, now, rules.quarantine)
        elif result == "denied" and fault is not None:
            credential.quarantine(now, f"{fault.status or fault.name}: {fault.message[:200]}")
        elif result == "unclear":
            self._due[place] = now + PARKED

    def _lift(self, guard: Guard, now: float, doubted: float) -> None:
        """Readmit it. If it went out again soon after the last time, checks see less than requests do, and are not believed for a while."""
        if guard.health.until is None or now - self._lifted.get(guard, float("-inf")) < doubted:
            return
        self._lifted[guard] = now
        guard.readmit(now)

    def _price(self, member: Deployment) -> float:
        """Of a completion; unknown ones are the dearest."""
        cost = self._charge(member.upstream.model, Usage(input=16, output=16))
        return float("inf") if cost is None else cost


def read(fault: ProviderFault | None) -> Result:
    """What an answer says of an address and a credential; None: it was as it should be."""
    if fault is None:
        return "ok"
    if fault.status in KEY_FAULTS and fault.blame is Blame.CONFIGURATION:
        # OpenAI answers 401, too, where a restricted key may call models and may not list them.
        return "unclear" if "scope" in fault.message.lower() else "denied"
    if fault.blame is Blame.HEALTH:
        return "failing"
    return "busy" if fault.blame is Blame.CAPACITY else "unclear"


def _completion(member: Deployment) -> Outgoing | None:
    front = DIALECTS[_FRONT]
    try:
        return member.upstream.outgoing(front.ask(_ONE_WORD), front)
    except TurnoutError:
        return None
