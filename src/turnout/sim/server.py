"""The simulated providers behind real HTTP: ``/PROVIDER/v1/chat/completions | messages | models`` and ``/sim/...`` to steer them."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import TypeVar
from urllib.parse import unquote

import msgspec

from turnout.clock import Clock, SystemClock
from turnout.dialects.dialect import MODEL, Ask, Dialect
from turnout.dialects.registry import DIALECTS
from turnout.errors import Code, TurnoutError
from turnout.sim import catalog
from turnout.sim.answer import Delivered, Job, Pace, deliver, refusal, refuse
from turnout.sim.brain import Thought, think, unfit
from turnout.sim.faults import Fault, Rule, Script, parse_header, parse_rules
from turnout.sim.http import Exchange, listen
from turnout.sim.limits import Limits
from turnout.sim.prefixes import Prefixes
from turnout.sim.profile import Fleet, SimModel, SimProvider, default_fleet
from turnout.sim.stats import Stats
from turnout.types.models import Feature
from turnout.types.reply import Usage

JSON = (("content-type", "application/json"),)
T = TypeVar("T")


class Released(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model that a provider serves from now on, and since which day its catalogs say."""

    provider: str
    model: SimModel
    day: str = catalog.SINCE


class Retired(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The day on which ``provider/model`` ends, by its catalogs."""

    model: str
    day: date


class Disputed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By how much the second catalog has the prices of ``provider/model`` wrong."""

    model: str
    factor: float


class Sim:
    """A fleet being served. One per server; lives on one event loop."""

    def __init__(self, fleet: Fleet, *, rules: tuple[Rule, ...] = (), clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._limits: dict[str, Limits] = {}
        self._moods: dict[str, random.Random] = {}
        self._released: dict[str, str] = {}
        self._retiring: dict[str, str] = {}
        self._stale: dict[str, float] = {}
        self._take(fleet)
        self.reset(rules)

    def reset(self, rules: tuple[Rule, ...] = ()) -> None:
        """Forget everything that happened."""
        now = self._clock.steady()
        self.stats = Stats(self.fleet)
        self._serial = 0
        self._prefixes = Prefixes()
        self._limits.clear()
        self._moods.clear()
        self._furnish(now)
        self.inject(rules)

    def inject(self, rules: tuple[Rule, ...]) -> None:
        """Put these faults in force from now on, instead of those before."""
        self._script = Script(rules, seed=self.fleet.seed, now=self._clock.steady())

    def release(self, model: SimModel, provider: str, day: str = catalog.SINCE) -> None:
        """From now on ``provider`` serves this model too, or serves it like this: the catalogs say so at once. Raises KeyError."""
        others = tuple(other for other in self._providers[provider].models if other.id != model.id)
        changed = msgspec.structs.replace(self._providers[provider], models=(*others, model))
        providers = tuple(changed if each.id == provider else each for each in self.fleet.providers)
        name = f"{provider}/{model.id}"
        if name not in self._models:
            self._released[name] = day
        self._limits.pop(name, None)
        self._take(msgspec.structs.replace(self.fleet, providers=providers))
        self.stats.know(self.fleet)
        self._furnish(self._clock.steady())

    def retire(self, name: str, day: str) -> None:
        """The catalogs say that ``provider/model`` ends on that day; it is served all the same. Raises KeyError."""
        self._must_know(name)
        self._retiring[name] = day

    def disagree(self, name: str, factor: float) -> None:
        """The second catalog has this model's prices wrong by that factor. Raises KeyError."""
        self._must_know(name)
        self._stale[name] = factor

    def _must_know(self, name: str) -> None:
        if name not in self._models:
            raise KeyError(name)

    def _take(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self._providers = {provider.id: provider for provider in fleet.providers}
        self._models = fleet.models()

    def _furnish(self, now: float) -> None:
        for name, model in self._models.items():
            self._limits.setdefault(name, Limits(model.rpm, model.tpm, now))
            self._moods.setdefault(name, random.Random(f"{self.fleet.seed}/{name}"))  # noqa: S311  not for secrets

    async def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        first, _, rest = exchange.path.lstrip("/").partition("/")
        provider = self._providers.get(first)
        if first == "sim":
            self._steer(exchange, rest)
        elif provider is None:
            exchange.answer(404, b'{"error":{"message":"no such simulated provider"}}', JSON)
        elif exchange.method == "GET" and rest.endswith("models"):
            exchange.answer(200, _listing(provider), JSON)
        elif exchange.method == "POST" and _asks(DIALECTS[provider.dialect], f"/{rest}"):
            await self._complete(exchange, provider)
        else:
            exchange.answer(404, b'{"error":{"message":"no such path"}}', JSON)

    def _steer(self, exchange: Exchange, what: str) -> None:
        match exchange.method, what:
            case "GET", "stats":
                exchange.answer(200, self.stats.to_json(), JSON)
            case "GET", "catalog/models-dev.json":
                exchange.answer(200, catalog.models_dev(self.fleet, self._released, self._retiring), JSON)
            case "GET", "catalog/litellm.json":
                exchange.answer(200, catalog.litellm(self.fleet, self._retiring, self._stale), JSON)
            case "POST", "release":
                self._change(exchange, Released, lambda asked: self.release(asked.model, asked.provider, asked.day))
            case "POST", "retire":
                self._change(exchange, Retired, lambda asked: self.retire(asked.model, asked.day.isoformat()))
            case "POST", "disagree":
                self._change(exchange, Disputed, lambda asked: self.disagree(asked.model, asked.factor))
            case "POST", "reset":
                self.reset()
                exchange.answer(200, b"{}", JSON)
            case "POST", "faults":
                try:
                    rules = parse_rules(exchange.body)
                except msgspec.MsgspecError as error:
                    exchange.answer(400, msgspec.json.encode({"error": {"message": str(error)}}), JSON)
                    return
                self.inject(rules)
                exchange.answer(200, msgspec.json.encode({"rules": len(rules)}), JSON)
            case _:
                said = (
                    "GET /sim/stats, GET /sim/catalog/models-dev.json or litellm.json, "
                    "POST /sim/faults, /sim/release, /sim/retire, /sim/disagree, /sim/reset"
                )
                exchange.answer(404, msgspec.json.encode({"error": {"message": said}}), JSON)

    def _change(self, exchange: Exchange, kind: type[T], do: Callable[[T], None]) -> None:
        """Of the world, by a body of that kind."""
        try:
            do(msgspec.json.decode(exchange.body, type=kind))
        except (msgspec.MsgspecError, KeyError) as error:
            why = f"there is none called {error}" if isinstance(error, KeyError) else str(error)
            exchange.answer(400, msgspec.json.encode({"error": {"message": why}}), JSON)
        else:
            exchange.answer(200, b"{}", JSON)

    async def _complete(self, exchange: Exchange, provider: SimProvider) -> None:
        dialect = DIALECTS[provider.dialect]
        self._serial += 1
        headers = [("x-request-id", f"req_sim_{self._serial}")]
        try:
            ask = dialect.ask(exchange.body, path=unquote(exchange.path))
            name, model = self._known(provider, ask)
            self.stats.by_model[name].requests += 1
            fault = self._fault(exchange, name)
            headers += self._limits[name].headers(dialect.name, self._clock.steady())
            thought = self._think(name, model, dialect, ask, fault)
        except TurnoutError as error:
            refuse(exchange, dialect, error, headers)
            return
        job = Job(
            exchange, dialect, ask, f"sim-{self._serial}", model.id, thought, _reported(thought.usage, fault),
            self._pace(name, model), fault, headers,
        )  # fmt: skip
        await self._deliver(name, job)

    def _known(self, provider: SimProvider, ask: Ask) -> tuple[str, SimModel]:
        name = f"{provider.id}/{ask.sketch.model}"
        model = self._models.get(name)
        if model is None:
            raise TurnoutError(Code.MODEL_NOT_FOUND, f"The model `{ask.sketch.model}` does not exist", param="model")
        return name, model

    def _fault(self, exchange: Exchange, name: str) -> Fault | None:
        """The fault for this request, counted. Raises TurnoutError when it is one that refuses."""
        header = exchange.headers.get("x-sim-fault")
        try:
            fault = parse_header(header) if header else self._script.choose(name, self._serial, self._clock.steady())
        except msgspec.MsgspecError as error:
            raise TurnoutError(Code.INVALID_REQUEST, f"x-sim-fault: {error}") from None
        if fault is not None:
            self.stats.by_model[name].faults[fault.kind] += 1
            refused = refusal(fault)
            if refused is not None:
                raise refused
        return fault

    def _think(self, name: str, model: SimModel, dialect: Dialect, ask: Ask, fault: Fault | None) -> Thought:
        """The answer, if the model can take the request and has room for it. Raises TurnoutError."""
        counters = self.stats.by_model[name]
        problem = unfit(model, ask.sketch.features, ask.sketch.input)
        if problem is not None:
            counters.refused += 1
            raise TurnoutError(Code.INVALID_REQUEST, problem)
        request = dialect.to_hub(ask)
        cached = self._prefixes.read(name, request.messages) if model.features & Feature.PROMPT_CACHE else 0
        factor = fault.factor if fault is not None and fault.kind == "quality_drop" else 1.0
        thought = think(name, model, request, seed=self.fleet.seed, factor=factor, cached=cached)
        tokens = thought.usage.total_input
        if tokens + (request.max_output or 0) > model.context:
            counters.refused += 1
            raise TurnoutError(
                Code.INVALID_REQUEST,
                f"prompt is too long: this model's maximum context length is {model.context} tokens, "
                f"your messages resulted in {tokens} tokens and may be answered with {request.max_output or 0}",
            )
        refused = self._limits[name].admit(tokens, self._clock.steady())
        if refused is not None:
            counters.limited += 1
            wait = max(1, round(refused.wait + 0.5))
            raise TurnoutError(Code.RATE_LIMITED, f"Rate limit reached for {refused.what} per minute", retry_after=wait)
        return thought

    async def _deliver(self, name: str, job: Job) -> None:
        delivered = Delivered()
        counters = self.stats.by_model[name]
        try:
            await deliver(job, delivered)
        except asyncio.CancelledError:
            counters.cancelled += 1
            raise
        finally:
            usage = job.thought.usage
            if delivered.complete:
                self.stats.answered(name, usage, job.thought.topic)
                self._limits[name].wrote(usage.total_output, self._clock.steady())
            elif delivered.tokens:
                self.stats.bill(name, Usage(input=usage.input, cache_read=usage.cache_read, output=delivered.tokens))

    def _pace(self, name: str, model: SimModel) -> Pace:
        scale = self.fleet.time_scale
        return Pace(model.ttft_s(self._moods[name].random()) * scale, scale / model.tokens_per_s) if scale else Pace(0, 0)


@asynccontextmanager
async def running_sim(
    fleet: Fleet | None = None,
    *,
    rules: tuple[Rule, ...] = (),
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Clock | None = None,
) -> "AsyncIterator[RunningSim]":
    """A sim on this loop; by default the default fleet, answering at once, on any free port."""
    sim = Sim(fleet or default_fleet(time_scale=0), rules=rules, clock=clock)
    server, connections = await listen(sim.handle, host, port)
    bound = server.sockets[0].getsockname()
    try:
        yield RunningSim(sim, f"http://{host}:{bound[1]}", bound[1])
    finally:
        server.close()
        for connection in tuple(connections):
            connection.hang_up()
        await asyncio.sleep(0)  # let connections notice


class RunningSim:
    """A sim and where it is. ``base_url(provider)`` is what a policy or an SDK needs."""

    def __init__(self, sim: Sim, url: str, port: int) -> None:
        self.sim = sim
        self.url = url
        self.port = port

    def base_url(self, provider: str) -> str:
        return f"{self.url}/{provider}/v1"

    @property
    def stats(self) -> Stats:
        return self.sim.stats


def _reported(usage: Usage, fault: Fault | None) -> Usage | None:
    """The usage as told to the client."""
    if fault is None or fault.kind not in {"no_usage", "wrong_usage"}:
        return usage
    if fault.kind == "no_usage":
        return None
    return Usage(input=int(usage.input * fault.factor), cache_read=usage.cache_read, output=int(usage.output * fault.factor))


def _asks(dialect: Dialect, path: str) -> bool:
    """Whether an answer is asked for there, whatever stands before the dialect's own path."""
    ends = (template.partition("?")[0].rpartition(MODEL)[2] for template in (dialect.path, dialect.stream_path))
    return path.endswith(tuple(ends))


def _listing(provider: SimProvider) -> bytes:
    if provider.dialect == "anthropic-messages":
        rows = [
            {"type": "model", "id": model.id, "display_name": model.id, "created_at": "2026-01-01T00:00:00Z"}
            for model in provider.models
        ]
        return msgspec.json.encode({"data": rows, "has_more": False, "first_id": rows[0]["id"], "last_id": rows[-1]["id"]})
    return msgspec.json.encode(
        {
            "object": "list",
            "data": [
                {"id": model.id, "object": "model", "created": 1_767_225_600, "owned_by": provider.id}
                for model in provider.models
            ],
        }
    )
