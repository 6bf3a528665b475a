"""Every answer says who answered, by which policy and why; and the small endpoints around it."""

import re
from typing import Any

import pytest

from tests.e2e.asking import SUPPORT, Sdk, ask, body, user
from tests.e2e.world import KEYS, Raw, World

FRONTS: tuple[Sdk, ...] = ("openai", "anthropic")
ALWAYS = {f"x-turnout-{name}" for name in ("request-id", "policy", "route", "model", "attempts", "reason")}
PLAIN: dict[str, Any] = {"model": "support", "max_tokens": 100, "messages": [user(SUPPORT)]}


def ours(headers: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix("x-turnout-"): value for name, value in headers.items() if name.startswith("x-turnout-")}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_an_answer_says_who_answered_and_why(world: World, path: str, stream: Any) -> None:
    """The cost as well, where it is known before the headers go."""
    found = ours(world.post(path, {**PLAIN, "stream": stream}).headers)

    assert re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]{16}", found.pop("request-id"))
    assert found.pop("policy").isdecimal()
    if not stream:
        assert re.fullmatch(r"0\.\d{12}", found.pop("cost-usd"))
    assert found == {"route": "support", "model": "sim-openai/small", "attempts": "1", "reason": "cheapest"}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("finance", "static"),
        ("code", "best"),
        ("default", "balanced"),
        ("quick", "fastest"),
        ("shared", "split"),
        ("sim-openai/small", "direct"),
    ],
)
def test_the_reason_is_one_of_the_products_words(world: World, model: str, reason: str) -> None:
    """Each kind of route has its own."""
    assert world.post("/v1/messages", {**PLAIN, "model": model}).headers["x-turnout-reason"] == reason


def test_a_session_stays_on_its_model(world: World) -> None:
    """A question that another model would get stays where the session is, and the reason says so."""

    def served(complexity: str, **session: str) -> tuple[str, str]:
        headers = world.post(
            "/v1/messages", PLAIN | {"model": "default"}, x_turnout_tags=f"complexity={complexity}", **session
        ).headers
        return headers["x-turnout-model"], headers["x-turnout-reason"]

    (hard, _), (easy, _) = served("0.99", x_turnout_session="s-77"), served("0.01")

    assert hard != easy
    assert served("0.01", x_turnout_session="s-77") == (hard, "sticky")
    assert served("0.01", x_turnout_session="s-78")[0] == easy


@pytest.mark.parametrize("front", FRONTS)
def test_errors_and_everything_else_carry_them_too(world: World, front: Sdk) -> None:
    """Refused by us, failed upstream, listings, health and metrics."""
    path = "/v1/chat/completions" if front == "openai" else "/v1/messages"
    world.inject({"fault": {"kind": "server_error"}})
    failed = world.post(path, PLAIN | {"model": "openai-first"})
    answers = {
        "failed": failed,
        "garbage": world.post(path, b"{"),
        "unknown": world.post(path, PLAIN | {"model": "nothing"}),
        "no key": world.post(path, PLAIN, key=None),
        "no such place": world.get("/v2/nothing"),
        **{place: world.get(place) for place in ("/v1/models", "/health/live", "/health/ready", "/metrics")},
        "explain": world.post("/v1/explain", PLAIN),
    }

    assert {name: ALWAYS - set(answer.headers) for name, answer in answers.items()} == {name: set() for name in answers}
    assert len({answer.headers["x-turnout-request-id"] for answer in answers.values()}) == len(answers)
    assert ours(failed.headers) | {"request-id": "", "policy": ""} == {
        "request-id": "", "policy": "", "route": "openai-first", "model": "none", "attempts": "2", "reason": "static",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("front", "model", "words", "warnings"),
    [
        ("openai", "sim-anthropic/steady", {"extra_body": {"store": False, "metadata": {"team": "web"}}}, "metadata,store"),
        ("openai", "sim-openai/medium", {"extra_body": {"store": False}}, None),
        ("anthropic", "sim-openai/large", {"max_tokens": 3000, "thinking": {"type": "enabled", "budget_tokens": 1500}}, "reasoning_budget"),
        ("anthropic", "sim-anthropic/deep", {"max_tokens": 3000, "thinking": {"type": "enabled", "budget_tokens": 1500}}, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_what_a_translation_leaves_out_is_stated(
    world: World, front: Sdk, model: str, words: dict[str, Any], warnings: str | None, stream: Any
) -> None:
    """Hints only, and only when there was a translation."""
    said = ask(world.sdk(front), body("plain", front, model) | words, stream=stream)

    assert said.headers.get("x-turnout-warnings") == warnings


def test_our_own_words_never_reach_a_provider(world: World) -> None:
    """The body key is stripped and a client's copies of our headers go nowhere: the provider counts the same tokens without them."""
    said = []
    for extra in (
        {},
        {"turnout": {"tags": {"team": "web"}, "session": "s-1", "max_cost_usd": 0.5, "models": ["sim-openai/small"]}},
    ):
        world.forget()
        answer = world.post(
            "/v1/chat/completions",
            PLAIN | extra,
            x_turnout_request_id="mine",
            x_turnout_model="theirs",
            x_sim_fault="server_error",
        )
        said.append((answer.status, answer.json["choices"], world.stats()["models"]["sim-openai/small"]["tokens"]))
        assert answer.headers["x-turnout-request-id"] != "mine"

    assert said[0] == said[1]
    assert said[0][0] == 200


def test_models_are_listed_for_both_sdks(world: World) -> None:
    """``auto``, routes and models, as each SDK reads them; any of them may be asked for."""
    names = [model.id for model in world.sdk("openai").models.list()]

    assert names == [model.id for model in world.sdk("anthropic").models.list()]
    assert names[0] == "auto"
    assert {"support", "default", "sim-anthropic/deep"} <= set(names)
    for name in names:
        assert world.post("/v1/explain", PLAIN | {"model": name}).status == 200, name


def test_a_limited_key_sees_what_it_may_use(world: World) -> None:
    """No models by name, no other routes."""
    assert [model.id for model in world.sdk("openai", KEYS["limited"].secret).models.list()] == ["auto", "support"]
    assert world.get("/v1/models", key=None).status == 401


def test_health_needs_no_key_and_tells_the_policy(world: World) -> None:
    """For balancers: live, ready, on which policy; the control plane likewise."""
    live, ready = world.get("/health/live", key=None), world.get("/health/ready", key=None)

    assert (live.status, live.json) == (200, {"status": "live"})
    assert ready.json["status"] == "ready"
    assert str(ready.json["policy"]) == ready.headers["x-turnout-policy"]
    assert ready.json["view"]
    for place in ("live", "ready"):
        assert world.call("GET", f"{world.control}/health/{place}").status == 200


def test_the_control_plane_is_closed_without_its_token(world: World) -> None:
    """The page may be seen; what it is drawn from may not, nor from a foreign host."""

    def asked(headers: dict[str, str]) -> Raw:
        return world.call("GET", f"{world.control}/api/summary", None, headers)

    assert asked({}).status == 401
    assert asked({"authorization": "Bearer nobody"}).status == 401
    assert asked({"host": "evil.example"}).status == 403
    assert world.call("GET", f"{world.control}/").status == 200
