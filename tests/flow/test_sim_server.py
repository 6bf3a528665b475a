"""The simulated providers over real HTTP, with the official SDKs straight against them."""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai
import pytest
from msgspec.structs import replace
from ruamel.yaml import YAML

from turnout.clock import ManualClock
from turnout.sim import cases
from turnout.sim.faults import Fault, Rule
from turnout.sim.policy import Ports, policy_yaml
from turnout.sim.profile import Fleet, default_fleet
from turnout.sim.server import RunningSim, running_sim
from turnout.sim.traffic import Errand, ask_anthropic, ask_openai, errands, flaw

PROMPT = cases.case("customer_support", 0).prompt  # its answer takes several events
SDKS = ("openai", "anthropic")
MODELS = {"openai": "small", "anthropic": "swift"}
FULL = {"openai": "sim-openai/small", "anthropic": "sim-anthropic/swift"}


class Clients:
    """Both SDKs, pointed at their simulated providers, without retries of their own."""

    def __init__(self, sim: RunningSim) -> None:
        self.openai = openai.AsyncOpenAI(base_url=sim.base_url("sim-openai"), api_key="x", max_retries=0, timeout=5)
        self.anthropic = anthropic.AsyncAnthropic(
            base_url=sim.base_url("sim-anthropic").removesuffix("/v1"), api_key="x", max_retries=0, timeout=5
        )

    async def ask(self, sdk: str, prompt: str = PROMPT, **body: Any) -> Any:
        body = {"model": MODELS[sdk], "messages": [{"role": "user", "content": prompt}], **body}
        if sdk == "openai":
            return await self.openai.chat.completions.create(**body)
        return await self.anthropic.messages.create(**{"max_tokens": 500, **body})

    async def streamed(self, sdk: str, fault: str) -> str:
        """The text that came before the stream ended or broke; raises what the SDK raises."""
        text = ""
        async for event in await self.ask(sdk, stream=True, extra_headers={"x-sim-fault": fault}):
            if sdk == "openai":
                text += event.choices[0].delta.content or "" if event.choices else ""
            elif event.type == "content_block_delta":
                text += event.delta.text
        return text


@asynccontextmanager
async def world(fleet: Fleet | None = None, **options: Any) -> AsyncIterator[tuple[RunningSim, Clients]]:
    async with running_sim(fleet, **options) as sim:
        clients = Clients(sim)
        try:
            yield sim, clients
        finally:
            await clients.openai.close()
            await clients.anthropic.close()


def get(
    sim: RunningSim, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, Any, Any]:
    """Status, headers and JSON, by a client that knows no AI."""
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=5)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    found = answer.status, answer.headers, json.loads(answer.read())
    connection.close()
    return found


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("stream", [True, False])
async def test_every_kind_of_errand_is_answered_well(sdk: str, stream: Any) -> None:
    """Text, tools, images and schemas, whole and streamed, parse in the official SDK with usage and finish."""
    fleet = default_fleet(time_scale=0)
    found: dict[str, str | None] = {}
    async with world(fleet) as (_, clients):
        mix = (errand for errand in errands(1) if errand.sdk == sdk and errand.stream == stream)
        wanted = {"plain", "tools", "image", *(("schema",) if sdk == "openai" else ())}
        while set(found) < wanted:
            errand = next(mix)
            if sdk == "openai":
                answer = await ask_openai(clients.openai, errand, "medium")
            else:
                answer = await ask_anthropic(clients.anthropic, errand, "steady")
            found[errand.shape] = flaw(errand, answer)

    assert found == dict.fromkeys(wanted)


@pytest.mark.parametrize("sdk", SDKS)
async def test_parallel_tools_arrive_whole(sdk: str) -> None:
    """Two calls, streamed in pieces, come out as two JSON objects."""
    errand = Errand(
        "Use get_weather for both cities in parallel: the weather in Rome and in Paris.", sdk, stream=True, shape="tools"
    )
    async with world() as (_, clients):
        ask = (
            ask_openai(clients.openai, errand, "medium")
            if sdk == "openai"
            else ask_anthropic(clients.anthropic, errand, "steady")
        )
        answer = await ask

    assert [json.loads(call)["city"] for call in answer.tool_calls] == ["Rome", "Paris"]


@pytest.mark.parametrize(
    ("fault", "status", "openai_error", "anthropic_error"),
    [
        ("rate_limited;retry_after=3", 429, openai.RateLimitError, anthropic.RateLimitError),
        ("rate_limited", 429, openai.RateLimitError, anthropic.RateLimitError),
        ("server_error", 500, openai.InternalServerError, anthropic.InternalServerError),
        ("unavailable", 503, openai.InternalServerError, anthropic.InternalServerError),
        ("overloaded", 529, openai.InternalServerError, anthropic.InternalServerError),
        ("denied", 401, openai.AuthenticationError, anthropic.AuthenticationError),
        ("missing", 404, openai.NotFoundError, anthropic.NotFoundError),
    ],
)
@pytest.mark.parametrize("sdk", SDKS)
async def test_refusals_raise_what_the_sdk_promises(
    sdk: str, fault: str, status: int, openai_error: type[Exception], anthropic_error: type[Exception]
) -> None:
    """The status, the error class, and Retry-After only where it was asked for."""
    async with world() as (sim, clients):
        with pytest.raises(openai_error if sdk == "openai" else anthropic_error) as caught:
            await clients.ask(sdk, extra_headers={"x-sim-fault": fault})
        stats = sim.stats.by_model[FULL[sdk]]

    assert caught.value.status_code == status
    assert caught.value.response.headers.get("retry-after") == ("3" if "retry_after" in fault else None)
    assert (stats.requests, stats.answered, stats.faults.total(), stats.billed_pico) == (1, 0, 1, 0)


@pytest.mark.parametrize("fault", ["reset;after=none", "reset", "reset;after=1", "cut", "cut;after=1"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("sdk", SDKS)
async def test_lost_connections_are_errors(sdk: str, stream: Any, fault: str) -> None:
    """However far the answer had come, a lost connection never looks like a complete answer."""
    async with world() as (sim, clients):
        with pytest.raises(Exception) as caught:  # noqa: PT011  in a stream the SDKs let the errors of their HTTP library through
            await (clients.streamed(sdk, fault) if stream else clients.ask(sdk, extra_headers={"x-sim-fault": fault}))

        assert type(caught.value).__name__ in {"APIConnectionError", "ReadError", "RemoteProtocolError"}
        assert sim.stats.by_model[FULL[sdk]].answered == 0


@pytest.mark.parametrize("sdk", SDKS)
async def test_an_error_inside_a_200_stream_is_raised(sdk: str) -> None:
    """Before and after content, the SDK sees the error event."""
    kind = openai.APIError if sdk == "openai" else anthropic.APIError
    async with world() as (_, clients):
        for after in (0, 1):
            with pytest.raises(kind, match="error_in_200"):
                await clients.streamed(sdk, f"error_in_200;after={after}")


async def test_an_error_inside_a_200_answer_is_one_on_the_wire() -> None:
    """Status 200, body an error object: what some providers really send."""
    body = json.dumps({"model": "small", "messages": [{"role": "user", "content": PROMPT}]}).encode()
    async with world() as (sim, _):
        status, _, answer = await asyncio.to_thread(
            get, sim, "POST", "/sim-openai/v1/chat/completions", body, {"x-sim-fault": "error_in_200"}
        )

    assert status == 200
    assert "error_in_200" in answer["error"]["message"]


@pytest.mark.parametrize("fault", ["broken_json", "broken_json;after=1"])
@pytest.mark.parametrize("sdk", SDKS)
async def test_broken_json_cannot_be_read(sdk: str, fault: str) -> None:
    """Whole and in a stream, what comes is not JSON."""
    async with world() as (_, clients):
        with pytest.raises((json.JSONDecodeError, openai.APIError, anthropic.APIError)):
            await clients.streamed(sdk, fault)
        with pytest.raises((json.JSONDecodeError, openai.APIError, anthropic.APIError)):
            await clients.ask(sdk, extra_headers={"x-sim-fault": fault})


async def test_a_truncated_stream_ends_without_its_end_mark() -> None:
    """HTTP is content, the protocol is not: no finish reason, no [DONE]."""
    async with world() as (_, clients):
        stream = await clients.ask("openai", stream=True, extra_headers={"x-sim-fault": "truncated;after=1"})
        finishes = [chunk.choices[0].finish_reason async for chunk in stream]

    assert len(finishes) == 2
    assert not any(finishes)


@pytest.mark.parametrize("fault", ["stall", "stall;after=1", "stall;after=none", "slow_first_token"])
async def test_stalls_last_as_long_as_they_say(fault: str) -> None:
    """Before the headers, before content, after content: the answer waits, then goes on."""
    async with world() as (sim, clients):
        loop = asyncio.get_running_loop()
        start = loop.time()
        text = await clients.streamed("openai", f"{fault};seconds=0.15")
        took = loop.time() - start

        assert took >= 0.15
        assert text
        assert sim.stats.by_model[FULL["openai"]].answered == 1


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize(
    "fault", ["none", "no_usage", "wrong_usage", "quality_drop;factor=1", "stall;seconds=0", "slow_first_token;seconds=0"]
)
async def test_a_fault_that_passes_leaves_a_stream_whole(fault: str, sdk: str) -> None:
    """All its events, the first one too: an answer's id is told however it is paced, counted or right."""
    headers = {} if fault == "none" else {"x-sim-fault": fault}
    async with world() as (_, clients):
        events = [event async for event in await clients.ask(sdk, stream=True, extra_headers=headers)]

    first = events[0].message if sdk == "anthropic" else events[0]
    assert first.id == "sim-1"
    if sdk == "openai":
        assert first.choices[0].delta.role == "assistant"


async def test_a_client_that_gives_up_is_billed_what_it_got() -> None:
    """A stall after content, then a hang-up: input and the words sent so far are on the invoice."""
    async with world() as (sim, clients):
        stream = await clients.ask(
            "openai", "Tell me about rivers and bridges.", stream=True, extra_headers={"x-sim-fault": "stall;after=1"}
        )
        seen = 0
        async for chunk in stream:
            seen += bool(chunk.choices and chunk.choices[0].delta.content)
            if seen == 1:
                break
        await stream.close()
        stats = sim.stats.by_model[FULL["openai"]]
        async with asyncio.timeout(5):
            while not stats.cancelled:  # noqa: ASYNC110  the server notices on its own time
                await asyncio.sleep(0.005)

    assert stats.answered == 0
    assert 0 < stats.tokens["output"] < 20
    assert stats.billed_pico > 0


@pytest.mark.parametrize(("fault", "shown"), [("no_usage", None), ("wrong_usage;factor=3", 3.0)])
async def test_wrong_usage_is_told_and_the_true_one_billed(fault: str, shown: float | None) -> None:
    """The invoice never follows the lie."""
    async with world() as (sim, clients):
        honest = await clients.ask("openai")
        lied = await clients.ask("openai", extra_headers={"x-sim-fault": fault})
        tokens = sim.stats.by_model[FULL["openai"]].tokens

    assert tokens["output"] == 2 * honest.usage.completion_tokens
    assert (lied.usage and lied.usage.completion_tokens / honest.usage.completion_tokens) == shown


async def test_the_invoice_adds_up() -> None:
    """Tokens the SDK was told, priced by hand, equal what the sim says it billed, model by model."""
    expected = {"sim-openai/small": 0, "sim-openai/large": 0}
    async with world() as (sim, clients):
        for number in range(12):
            for name in ("small", "large"):
                reply = await clients.ask("openai", cases.case("analysis", number).prompt, model=name)
                model = default_fleet().models()[f"sim-openai/{name}"]
                usd = reply.usage.prompt_tokens * model.input_usd + reply.usage.completion_tokens * model.output_usd
                expected[f"sim-openai/{name}"] += round(usd * 1_000_000)
        _, _, stats = await asyncio.to_thread(get, sim, "GET", "/sim/stats")

    assert {name: stats["models"][name]["billed_pico"] for name in expected} == expected
    assert stats["billed_pico"] == sum(expected.values()) == sum(cell["billed_pico"] for cell in stats["cells"])
    assert stats["requests"] == stats["answered"] == 24


async def test_repeated_prefixes_are_cached_and_cheaper() -> None:
    """The second turn of a long conversation reads the first from the cache, and the client is told."""
    messages = [{"role": "user", "content": "An old story. " * 200}]
    async with world() as (_, clients):
        first = await clients.ask("openai", messages=messages)
        messages += [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "And then?"}]
        second = await clients.ask("openai", messages=messages)

    assert not first.usage.prompt_tokens_details.cached_tokens
    assert second.usage.prompt_tokens_details.cached_tokens == first.usage.prompt_tokens


async def test_rate_limits_are_real() -> None:
    """The minute's requests run out, the 429 says when, and time gives them back."""
    limited = _with_rpm(default_fleet(time_scale=0), 60)
    clock = ManualClock()
    async with world(limited, clock=clock) as (sim, clients):
        for _ in range(60):
            await clients.ask("openai", "hi")
        with pytest.raises(openai.RateLimitError) as caught:
            await clients.ask("openai", "hi")
        clock.advance(1.0)
        await clients.ask("openai", "hi")

        assert caught.value.response.headers["retry-after"] == "2"
        assert caught.value.response.headers["x-ratelimit-remaining-requests"] == "0"
        assert sim.stats.by_model[FULL["openai"]].limited == 1


def _with_rpm(fleet: Fleet, rpm: int) -> Fleet:
    """The fleet, its first model limited."""
    (provider, *providers) = fleet.providers
    (model, *models) = provider.models
    provider = replace(provider, models=(replace(model, rpm=rpm), *models))
    return replace(fleet, providers=(provider, *providers))


async def test_what_a_model_cannot_take_is_refused() -> None:
    """Too long, an image for the blind, an unknown name: 4xx in words, and counted, so that a router's mistake shows."""
    tiny = {"model": "tiny", "messages": [{"role": "user", "content": "word " * 9000}]}
    blind = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    async with world() as (sim, clients):
        local = openai.AsyncOpenAI(base_url=sim.base_url("sim-local"), api_key="x", max_retries=0)
        with pytest.raises(openai.BadRequestError, match="maximum context length"):
            await local.chat.completions.create(**tiny)
        with pytest.raises(openai.BadRequestError, match="input"):
            await local.chat.completions.create(model="tiny", messages=[{"role": "user", "content": [blind]}])
        with pytest.raises(openai.NotFoundError):
            await clients.ask("openai", model="huge")
        with pytest.raises(anthropic.NotFoundError):
            await clients.ask("anthropic", model="huge")
        await local.close()

        assert sim.stats.by_model["sim-local/tiny"].refused == 2


async def test_faults_are_steered_over_http() -> None:
    """Rules are set, strike, and are gone after a reset; nonsense is refused and changes nothing."""
    rules = b'[{"fault": {"kind": "server_error"}, "model": "sim-openai/*", "count": 1}]'
    async with world() as (sim, clients):
        assert (await asyncio.to_thread(get, sim, "POST", "/sim/faults", rules))[0] == 200
        assert (await asyncio.to_thread(get, sim, "POST", "/sim/faults", b'[{"fault": {"kind": "x"}}]'))[0] == 400
        await clients.ask("anthropic")
        with pytest.raises(openai.InternalServerError):
            await clients.ask("openai")
        await clients.ask("openai")
        _, _, before = await asyncio.to_thread(get, sim, "GET", "/sim/stats")
        await asyncio.to_thread(get, sim, "POST", "/sim/reset")
        _, _, after = await asyncio.to_thread(get, sim, "GET", "/sim/stats")

    assert (before["requests"], before["faults"]) == (3, {"server_error": 1})
    assert (after["requests"], after["faults"], after["cells"]) == (0, {}, [])


async def test_a_quality_drop_is_seen_in_the_answers() -> None:
    """The same questions, asked of a model that has got worse, get fewer right answers."""
    asked = [cases.case("qa", number) for number in range(60)]

    async def right(rules: tuple[Rule, ...]) -> int:
        async with world(rules=rules) as (_, clients):
            replies = [await clients.ask("openai", case.prompt) for case in asked]
        return sum(cases.is_right(case, reply.choices[0].message.content) for case, reply in zip(asked, replies, strict=True))

    assert await right((Rule(Fault("quality_drop", factor=0.2)),)) < 0.5 * await right(())


async def test_answers_are_paced_by_the_profile() -> None:
    """Time to first token and speed show in a real stream; scaled, they shrink."""
    loop = asyncio.get_running_loop()
    async with world(default_fleet(time_scale=0.1)) as (_, clients):
        start = loop.time()
        arrivals = [
            loop.time() - start async for chunk in await clients.ask("openai", model="medium", stream=True) if chunk.choices
        ]

    assert arrivals[1] > 0.01  # the prelude comes at once, content after 0.1 x about 380 ms
    assert arrivals[-1] < 2


@pytest.mark.parametrize(("provider", "first"), [("sim-openai", "small"), ("sim-anthropic", "swift")])
async def test_models_are_listed(provider: str, first: str) -> None:
    """Each SDK can list its provider's models."""
    async with world() as (_, clients):
        client = clients.openai if provider == "sim-openai" else clients.anthropic
        listed = [model.id async for model in client.models.list()]

    assert listed[0] == first
    assert len(listed) == 3


async def test_a_path_that_is_not_there() -> None:
    """Unknown providers and paths are 404s in JSON."""
    async with world() as (sim, _):
        for path in ("/nobody/v1/messages", "/sim-openai/v1/nothing", "/sim/nothing"):
            status, _, body = await asyncio.to_thread(get, sim, "GET", path)
            assert status == 404
            assert body["error"]["message"]


def test_the_policy_is_yaml_about_this_fleet() -> None:
    """The printed config names every model, with the sim's port."""
    fleet = default_fleet()
    policy = YAML(typ="safe").load(policy_yaml(fleet, Ports(sim=9123)))

    assert set(policy["models"]) == set(fleet.models())
    assert policy["providers"]["sim-anthropic"]["base_url"] == "http://127.0.0.1:9123/sim-anthropic/v1"
    assert policy["models"]["sim-openai/large"]["price"]["output"] == 40.0
