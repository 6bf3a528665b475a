"""The rehearsed failure: a way out on which the calls to what is drilled fail as they would if the provider did, without reaching it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import assert_never
from urllib.parse import urlsplit

import msgspec

from turnout.clock import Clock
from turnout.dialects.dialect import Dialect
from turnout.dialects.registry import DIALECTS
from turnout.drill.garbage import garbage
from turnout.errors import Code, TurnoutError, Unavailable
from turnout.ports import Incoming, Outgoing, Transport
from turnout.types.drill import Drill, aims_at, makes_up, strikes, strikes_now
from turnout.types.models import ModelFacts
from turnout.types.policy import Policy


class Target(msgspec.Struct, frozen=True):
    """What a drill must know of a model to aim at it and to answer in its stead."""

    provider: str
    region: str | None
    dialect: Dialect


def targets(policy: Policy, models: Iterable[ModelFacts]) -> Mapping[str, Target]:
    """By ``provider/model``, as :attr:`Outgoing.model` names it."""
    providers = {provider.id: provider for provider in policy.providers}
    return {
        facts.id: Target(at.id, facts.region or at.region, DIALECTS[at.dialect])
        for facts in models
        if (at := providers.get(facts.provider)) is not None
    }


class InjectedTransport:
    """``inner``, but for the calls that the drill strikes. One per drill and worker; :meth:`lift` ends it at once."""

    def __init__(self, inner: Transport, drill: Drill, clock: Clock, known: Mapping[str, Target]) -> None:
        self.drill = drill
        self._inner = inner
        self._clock = clock
        self._known = known
        self._lifted = asyncio.Event()

    def renew(self, drill: Drill) -> None:
        """The same drill with its lease prolonged, or its end brought forward."""
        self.drill = drill

    def lift(self) -> None:
        """Strike nothing any more; calls that are being kept waiting fail now rather than at their time limits."""
        self._lifted.set()

    async def send(self, request: Outgoing, *, connect_timeout: float) -> Incoming:
        """As the port says; a struck call raises or answers what the real way out would have."""
        target = self._known.get(request.model)
        if target is None or not self._strikes(target, request.model):
            return await self._inner.send(request, connect_timeout=connect_timeout)
        drill = self.drill
        match drill.kind:
            case "outage" | "regional_loss":
                if drill.look == "silent":
                    await self._rest(drill.ends - self._clock.now())
                    raise Unavailable("drill: the provider did not answer")
                raise Unavailable("drill: the connection was refused")
            case "degradation":
                return await self._slowly(request, connect_timeout)
            case "rate_limiting":
                return _refusing(target.dialect, Code.RATE_LIMITED, 429, drill.retry_after)
            case "partial_failure":
                return _refusing(target.dialect, Code.OVERLOADED, 503)
            case "bad_credentials":
                return _refusing(target.dialect, Code.UNAUTHENTICATED, 401)
            case "bad_content":
                return Prepared(200, *garbage(target.dialect, urlsplit(request.url).path, request.body, drill.look or "garbled"))
        assert_never(drill.kind)

    def answers_for(self, model: str) -> bool:
        """Whether nobody else does, when it strikes."""
        target = self._known.get(model)
        return target is not None and makes_up(self.drill) and aims_at(self.drill, target.provider, target.region, model)

    async def close(self) -> None:
        """Ends with the drill; the way out behind it belongs to the worker and stays open."""
        self.lift()

    def _strikes(self, target: Target, model: str) -> bool:
        return (
            not self._lifted.is_set()
            and strikes_now(self.drill, self._clock.now())
            and strikes(self.drill, target.provider, target.region, model, self._clock.seed())
        )

    async def _slowly(self, request: Outgoing, connect_timeout: float) -> Incoming:
        before = self._clock.steady()
        incoming = await self._inner.send(request, connect_timeout=connect_timeout)
        try:
            await self._stretch(self._clock.steady() - before)
        except asyncio.CancelledError:
            await incoming.close()
            raise
        return _Slow(incoming, self)

    async def _stretch(self, took: float) -> None:
        """Wait as much longer as the drill says, once something took this many seconds."""
        await self._rest(took * (self.drill.factor - 1))

    async def _rest(self, seconds: float) -> None:
        """Until then, or until the drill is lifted."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._lifted.wait()
        except TimeoutError:
            pass


class Prepared:
    """An answer that nobody had to be asked for."""

    def __init__(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body

    async def close(self) -> None:
        pass


class _Slow:
    """A real answer whose every wait takes as many times longer."""

    def __init__(self, incoming: Incoming, by: InjectedTransport) -> None:
        self.status = incoming.status
        self.headers = incoming.headers
        self._incoming = incoming
        self._by = by

    async def chunks(self) -> AsyncIterator[bytes]:
        steady = self._by._clock.steady  # noqa: SLF001 - the two are one mechanism
        before = steady()
        async for chunk in self._incoming.chunks():
            await self._by._stretch(steady() - before)  # noqa: SLF001 - same
            yield chunk
            before = steady()

    async def close(self) -> None:
        await self._incoming.close()


def _refusing(dialect: Dialect, code: Code, status: int, retry_after: float | None = None) -> Prepared:
    error = TurnoutError(code, f"drill: the provider answers {status}", status=status, retry_after=retry_after)
    headers = [(b"content-type", b"application/json")]
    if retry_after is not None:
        headers.append((b"retry-after", b"%g" % retry_after))
    return Prepared(status, headers, dialect.write_error(error))
