"""The data plane's routes on one screen, and the way of a request from bytes to the spine and back."""

import asyncio
import contextlib
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from turnout.dialects.dialect import Dialect
from turnout.dialects.registry import DIALECTS
from turnout.errors import Code, TurnoutError
from turnout.flow import answer
from turnout.front.bodies import Bodies
from turnout.front.exchange import Exchange
from turnout.front.explain import explain
from turnout.front.feedback import TAKEN, take
from turnout.front.fronts import asked, dialect_for, served
from turnout.front.guard import Guard, check_json
from turnout.front.hints import read_hints
from turnout.front.listing import list_models, show_model
from turnout.front.sink import HttpSink
from turnout.front.trace import read_trace
from turnout.hosts import is_loopback
from turnout.serve.worker import Gateway, Request, Snapshot, request_id

MODELS = "/v1/models/"
MODEL = MODELS + "ID"
TICKETS = "/v1/tickets/"
TICKET = TICKETS + "ID"
NAMED = {MODELS: MODEL, TICKETS: TICKET}
"""Beginnings of paths that go on with a name, which may have slashes in it."""

MAX_ECHO = 200
"""Characters of an unknown path that an error repeats."""
ERROR_WITHIN = 1.0
"""Seconds a client gets to take the news that its request broke."""


class WrongMethod(TurnoutError):
    """What is asked for takes others. Such an answer says which (RFC 9110 15.5.6)."""

    def __init__(self, path: str, method: str, allowed: Iterable[str], served: str) -> None:
        self.allowed = ", ".join(allowed)
        message = f"{path} does not take {method}; served are {served}"
        super().__init__(Code.INVALID_REQUEST, message, retry=False, status=405)


class App:
    """One per worker, called with each of its exchanges."""

    def __init__(self, gateway: Gateway, guard: Guard, max_body: int) -> None:
        self._gateway = gateway
        self._guard = guard
        self._bodies = Bodies(max_body)
        self.draining = False
        self._routes: dict[tuple[str, str], Callable[[Call], Awaitable[None]]] = {
            **{("POST", path): self._chat for dialect in DIALECTS.values() for path in served(dialect)},
            ("POST", "/v1/explain"): self._explain,
            ("POST", "/v1/feedback"): self._feedback,
            ("GET", "/v1/models"): self._models,
            ("GET", MODEL): self._model,
            ("GET", TICKET): self._ticket,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/health/live"): self._live,
            ("GET", "/health/ready"): self._ready,
        }

    async def __call__(self, exchange: Exchange) -> None:
        clock, snapshot = self._gateway.clock, self._gateway.snapshot
        seed, at = clock.seed(), clock.now()
        sink = HttpSink(exchange, request_id(at, seed), snapshot.view.version)
        call = Call(exchange, sink, snapshot, seed, at, clock.steady())
        try:
            if exchange.fault is not None:
                raise exchange.fault
            self._guard.check_host(exchange.headers)
            self._guard.check_origin(exchange.headers)
            await self._endpoint(exchange.method, exchange.path)(call)
        except WrongMethod as wrong:
            await sink.refuse(call.dialect, wrong, f"allow: {wrong.allowed}\r\n")
        except TurnoutError as error:
            await sink.refuse(call.dialect, error)
        except Exception as bug:  # noqa: BLE001 - the top of the process: one request's bug must not be another's
            await self._broke(call, bug)
        except asyncio.CancelledError as stop:
            await self._broke(call, stop)
            raise

    async def _broke(self, call: "Call", bug: BaseException) -> None:
        """Tell the client, count it and name it in the log: class and place, never a text that may hold content.

        Of the codes, ``overloaded`` is the one that blames neither the request nor a provider. No SDK shall repeat it: an upstream
        may have been paid already.
        """
        frame = traceback.extract_tb(bug.__traceback__)[-1]
        said = (
            f"request {call.sink.request_id} broke: {type(bug).__name__} in {frame.name}, line {frame.lineno} of {frame.filename}"
        )
        print(f"turnout: {self._gateway.worker}: {said}", file=sys.stderr, flush=True)  # noqa: T201 - a process without a logger speaks on stderr
        self._gateway.metrics.broke(type(bug).__name__)
        error = TurnoutError(
            Code.OVERLOADED, f"an error inside Turnout; its log says more of request {call.sink.request_id}", retry=False
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ERROR_WITHIN):
                if call.exchange.started:
                    await call.sink.finish(call.dialect.error_event(error))
                else:
                    await call.sink.refuse(call.dialect, error)

    def _endpoint(self, method: str, path: str) -> "Callable[[Call], Awaitable[None]]":
        endpoint = self._routes.get((method, path))
        if endpoint is not None:
            return endpoint
        if method == "POST" and asked(path) is not None:
            return self._chat
        for start, named in NAMED.items():
            if path.startswith(start) and path != named:
                return self._endpoint(method, named)
        if method == "HEAD" and ("GET", path) in self._routes:  # some balancers ask so; the exchange leaves the body out
            return self._routes["GET", path]
        served = ", ".join(f"{verb} {known}" for verb, known in self._routes)
        allowed = [verb for verb, known in self._routes if known == path]
        if "GET" in allowed:
            allowed.append("HEAD")
        if allowed:
            raise WrongMethod(path, method, allowed, served)
        message = f"there is no {path[:MAX_ECHO]} here; served are {served}"
        raise TurnoutError(Code.INVALID_REQUEST, message, retry=False, status=404)

    async def _request(self, call: "Call") -> Request:
        """What was asked, by whom. Nobody's body is read before it is known whose it is."""
        headers, dialect, snapshot = call.exchange.headers, call.dialect, call.snapshot
        key = self._guard.identify(headers, snapshot.keys)
        check_json(headers)
        ask = dialect.ask(await self._bodies.read(call.exchange), headers, call.exchange.path)
        hints = read_hints(headers, ask, key, snapshot.view.headers)
        return Request(call.sink.request_id, call.seed, call.at, call.arrived, dialect, ask, hints, key, read_trace(headers))

    async def _chat(self, call: "Call") -> None:
        sink = call.sink
        request = await self._request(call)
        if request.ask.sketch.stream:
            sink.stream_type = request.front.stream_type
        await answer(self._gateway, call.snapshot, request, sink)
        if sink.stream_type is not None:
            await sink.finish()

    async def _explain(self, call: "Call") -> None:
        await call.answer(explain(self._gateway, call.snapshot, await self._request(call)))

    async def _feedback(self, call: "Call") -> None:
        key = self._guard.identify(call.exchange.headers, call.snapshot.keys)
        check_json(call.exchange.headers)
        body = await self._bodies.read(call.exchange)
        ids = await take(self._gateway.journal, body, key, call.at)
        await call.sink.answer(msgspec.json.encode({"ids": ids}), status=TAKEN)

    async def _models(self, call: "Call") -> None:
        key = self._guard.identify(call.exchange.headers, call.snapshot.keys)
        await call.answer(list_models(call.snapshot.view, key, call.dialect.name))

    async def _model(self, call: "Call") -> None:
        key = self._guard.identify(call.exchange.headers, call.snapshot.keys)
        await call.answer(show_model(call.snapshot.view, key, call.dialect.name, call.exchange.path.removeprefix(MODELS)))

    async def _ticket(self, call: "Call") -> None:
        """How it stands with a request that was handed to people; only for the key that made it."""
        key = self._guard.identify(call.exchange.headers, call.snapshot.keys)
        id_ = call.exchange.path.removeprefix(TICKETS)
        try:
            found = await self._gateway.desk.status(id_, key.name if key is not None else None)
        except OSError:
            raise TurnoutError(Code.OVERLOADED, "the tickets cannot be read just now", retry=True) from None
        if found is None:
            raise TurnoutError(
                Code.INVALID_REQUEST, f"there is no ticket {id_[:MAX_ECHO]}, or not for this key", retry=False, status=404
            )  # fmt: skip
        await call.answer(found)

    async def _metrics(self, call: "Call") -> None:
        """Open to this machine; where others come in, they need a key: it says who serves whom, and what it costs."""
        if not is_loopback(self._guard.host):
            self._guard.identify(call.exchange.headers, call.snapshot.keys)
        body, content_type = self._gateway.metrics.exposition()
        await call.sink.answer(body, content_type)

    async def _live(self, call: "Call") -> None:
        await call.answer({"status": "live"})

    async def _ready(self, call: "Call") -> None:
        """Not ready while draining, so that a balancer sends nobody here."""
        if self.draining:
            raise TurnoutError(Code.OVERLOADED, "draining: this process is about to stop", retry=True)
        view = call.snapshot.view
        await call.answer({"status": "ready", "policy": view.version, "view": view.hash})


class Call(msgspec.Struct):
    """One HTTP request, before anything is known of it, and the snapshot that it is served with, whatever comes meanwhile."""

    exchange: Exchange
    sink: HttpSink
    snapshot: Snapshot
    seed: int
    at: float
    arrived: float

    @property
    def dialect(self) -> Dialect:
        return dialect_for(self.exchange.path, self.exchange.headers)

    async def answer(self, value: Any) -> None:
        await self.sink.answer(msgspec.json.encode(value))
