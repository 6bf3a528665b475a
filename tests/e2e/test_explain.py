"""POST /v1/explain and `turnout explain`: the decision without the call; constraints hold whatever the client says."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.e2e.asking import SHAPES, SUPPORT, Sdk, user
from tests.e2e.world import APP, KEYS, World
from turnout.sim.profile import default_fleet
from turnout.types.models import Modality

MODELS = default_fleet().models()
BLIND = {name for name, model in MODELS.items() if not model.input & Modality.IMAGE}
FRONTS: tuple[Sdk, ...] = ("openai", "anthropic")
PLAIN: dict[str, Any] = {"model": "auto", "max_tokens": 100, "messages": [user(SUPPORT)]}


def explained(world: World, key: str = APP, headers: dict[str, str] | None = None, **changes: Any) -> Any:
    answer = world.post("/v1/explain", {**PLAIN, **changes}, key, **(headers or {}))
    assert answer.status == 200, answer
    return answer.json


def plan(decision: Any) -> list[str]:
    return [step["model"] for step in decision["plan"]]


def rejected(decision: Any) -> dict[str, str]:
    return {row["model"]: row["reason"] for row in decision["rejections"]}


def test_it_has_the_products_shape(world: World) -> None:
    """Every field that is promised, filled."""
    world.forget()
    decision = explained(world)

    assert decision["route"] == "support"
    assert decision["traits"]["task"]["value"] == "customer_support"
    assert set(decision["candidates"][0]) >= {"model", "quality", "latency_p95_ms", "expected_cost_usd", "score", "probability"}
    assert sum(row["probability"] for row in decision["candidates"]) == pytest.approx(1)
    assert decision["plan"][0]["model"] in {row["model"] for row in decision["candidates"]}
    assert set(decision["versions"]) == {"policy", "view", "decider"}
    assert decision["decision_us"] > 0
    assert world.asked() == {}


SHEDDING: tuple[dict[str, Any], ...] = (
    {},
    {"model": "support"},
    {"model": "sim-local/tiny"},
    {"model": "small"},
    {"headers": {"x_turnout_route": "code"}},
    {"headers": {"x_turnout_tags": "requires_audit=false"}},
    {"headers": {"x_turnout_tags": "requires_audit=", "x_turnout_route": "default"}},
    {"turnout": {"tags": {"requires_audit": "no"}, "route": "support"}},
    {"turnout": {"models": ["sim-openai/large", "sim-openai/small"]}},
    {"metadata": {"requires_audit": "false"}},
    {"headers": {"x_turnout_session": "cheap-1", "x_turnout_max_cost_usd": "1"}},
)


@pytest.mark.parametrize("words", SHEDDING, ids=str)
def test_an_audited_key_cannot_shed_its_tag(world: World, words: dict[str, Any]) -> None:
    """Other model, other route, other value of the tag, in header, body or metadata: always the audited model first."""
    decision = explained(world, KEYS["audit"].secret, **words)

    assert decision["route"] == "finance"
    assert plan(decision)[0] == "sim-openai/large"
    assert decision["reason"] == "static"
    assert decision["traits"]["tags"]["requires_audit"] == "true"


def test_an_audited_key_is_served_by_the_audited_model(world: World) -> None:
    """What explain says is what happens."""
    for path in ("/v1/chat/completions", "/v1/messages"):
        answer = world.post(path, {**PLAIN, "model": "sim-local/tiny"}, KEYS["audit"].secret, x_turnout_route="support")

        assert (answer.headers["x-turnout-route"], answer.headers["x-turnout-model"]) == ("finance", "sim-openai/large")


def test_an_audited_request_that_its_model_cannot_serve_is_refused(world: World) -> None:
    """Fails closed: naming other models does not open other models."""
    answer = world.post("/v1/explain", {**PLAIN, "turnout": {"models": ["sim-local/tiny"]}}, KEYS["audit"].secret)

    assert (answer.status, answer.json["route"], answer.json["plan"]) == (200, "finance", [])
    assert answer.json["error"]["code"] == "no_candidate"
    assert "not_approved: sim-openai/large" in answer.json["error"]["message"]


@pytest.mark.parametrize("model", ["auto", "default", "code", "openai-first", *BLIND])
@pytest.mark.parametrize("front", FRONTS)
def test_an_image_never_goes_to_a_model_without_eyes(world: World, front: Sdk, model: str) -> None:
    """Neither first nor as a fallback; by name it is refused; each rejection has its reason."""
    body = {**PLAIN, **SHAPES["image"][front], "model": model}
    headers = {"anthropic_version": "2023-06-01"} if front == "anthropic" else {}
    answer = world.post("/v1/explain", body, **headers)

    if model in BLIND:
        assert rejected(answer.json) == {model: "modality"}
        assert f"modality: {model}" in answer.json["error"]["message"]
        return
    assert answer.json["traits"]["input"] == ["text", "image"]
    assert not BLIND & set(plan(answer.json))
    for name in BLIND & set(rejected(answer.json)):
        assert rejected(answer.json)[name] == "modality"
    if model in ("auto", "default"):
        assert set(rejected(answer.json)) >= BLIND


@pytest.mark.parametrize("front", FRONTS)
def test_a_long_text_never_goes_to_a_short_window(world: World, front: Sdk) -> None:
    """150,000 tokens: not to 128k, with the figures; by name it is refused."""
    words = "word " * 150_000
    headers = {"anthropic_version": "2023-06-01"} if front == "anthropic" else {}
    decision = world.post("/v1/explain", {**PLAIN, "messages": [user(words)]}, **headers).json
    small = {name for name, model in MODELS.items() if model.context < 150_000}
    named = world.post("/v1/explain", {**PLAIN, "model": "sim-openai/small", "messages": [user(words)]})

    assert "sim-openai/small" in small
    assert decision["traits"]["tokens"]["at_most"] >= 150_000
    assert plan(decision)
    assert not small & set(plan(decision))
    assert {rejected(decision)[name] for name in small} == {"context_window"}
    assert named.json["plan"] == []
    assert "context_window: sim-openai/small (context 128000" in named.json["error"]["message"]


@pytest.mark.parametrize(
    ("words", "model", "reason"),
    [
        ({"max_tokens": 20_000}, "sim-openai/small", "max_output"),
        ({"response_format": {"type": "json_object"}}, "sim-anthropic/swift", "lossy"),
        ({"reasoning_effort": "high"}, "sim-openai/small", "feature"),
        ({"turnout": {"models": ["sim-openai/medium"]}}, "sim-openai/small", "not_approved"),
    ],
)
def test_each_rejection_has_its_reason(world: World, words: dict[str, Any], model: str, reason: str) -> None:
    """Of the closed set, with a detail."""
    decision = explained(world, **{"model": "default", **words})

    assert rejected(decision).get(model) == reason
    assert all(row["detail"] for row in decision["rejections"])


def test_what_is_explained_is_what_is_done(world: World) -> None:
    """Route and first model of an explained request are those that serve it."""
    for model in ("support", "code", "quick", "openai-first", "sim-openai/medium"):
        decision = explained(world, model=model)
        served = world.post("/v1/chat/completions", {**PLAIN, "model": model})

        assert (served.headers["x-turnout-route"], served.headers["x-turnout-model"]) == (decision["route"], plan(decision)[0])


def test_the_command_prints_it(world: World) -> None:
    """As tables, as JSON, and a refusal on stderr with exit code 1."""

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "turnout", "explain", *words, "--url", world.api, "--key", APP]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    shown, as_json, refused = run(SUPPORT), run(SUPPORT, "--json"), run(SUPPORT, "--model", "nothing-like-it")
    left = run("word " * 20_000, "--model", "sim-local/tiny")

    assert (shown.returncode, as_json.returncode, refused.returncode, left.returncode) == (0, 0, 1, 1)
    assert "not sim-local/tiny: context_window" in left.stdout
    assert "can serve this request" in left.stderr
    assert "support" in shown.stdout
    assert json.loads(as_json.stdout)["route"] == "support"
    assert "no model or route" in refused.stderr
