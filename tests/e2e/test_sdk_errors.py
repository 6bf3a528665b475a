"""What fails raises the class that the SDK promises, and the SDK's own retries never multiply ours."""

from typing import Any

import anthropic
import openai
import pytest

from tests.e2e.asking import SHAPES, SUPPORT, Body, Sdk, ask, user
from tests.e2e.world import APP, KEYS, World

SDKS = {"openai": openai, "anthropic": anthropic}
fronts = pytest.mark.parametrize("front", SDKS)
streams = pytest.mark.parametrize("stream", [False, True])
PLAIN: Body = {"model": "auto", "max_tokens": 50, "messages": [user(SUPPORT)]}
SERVER_ERROR = {"fault": {"kind": "server_error"}}
RATE_LIMITED = {"fault": {"kind": "rate_limited"}}
FALLBACK = {"openai-first": "sim-anthropic/swift", "anthropic-first": "sim-openai/small"}


def error_of(
    world: World, front: Sdk, *, key: str = APP, retries: int = 0, stream: bool = False, headers: Any = None, **changes: Any
) -> Any:
    """What the SDK raises."""
    asked = {**PLAIN, **changes}
    with pytest.raises(SDKS[front].APIStatusError) as caught:
        ask(world.sdk(front, key, retries), asked, stream=stream, headers=headers)
    return caught.value


def check(front: Sdk, error: Any, kind: str, status: int) -> None:
    assert isinstance(error, getattr(SDKS[front], kind)), type(error)
    assert error.status_code == status
    assert error.response.headers["x-turnout-request-id"]
    if front == "anthropic":
        assert error.body["type"] == "error"
    else:
        assert error.code


@streams
@fronts
def test_an_unknown_model_is_not_found(world: World, front: Sdk, stream: Any) -> None:
    """And the message says what may have been meant."""
    error = error_of(world, front, model="sim-openai/smal", stream=stream)

    check(front, error, "NotFoundError", 404)
    assert "sim-openai/small" in error.message


@fronts
def test_a_key_nobody_knows_is_unauthenticated(world: World, front: Sdk) -> None:
    """Whatever it asks for."""
    check(front, error_of(world, front, key="tk-nobody"), "AuthenticationError", 401)


@pytest.mark.parametrize("model", ["sim-openai/small", "small", "finance", "default"])
@fronts
def test_a_limited_key_is_denied_what_lies_outside(world: World, front: Sdk, model: str) -> None:
    """Other routes, and models by name."""
    error = error_of(world, front, key=KEYS["limited"].secret, model=model)

    check(front, error, "PermissionDeniedError", 403)
    assert "support" in error.message


@pytest.mark.parametrize(
    "changes",
    [
        {"extra_body": {"temperature": "hot"}},
        {"messages": "hello"},
        {"extra_body": {"turnout": {"deadline": 5}}},
        {"extra_body": {"turnout": {"max_cost_usd": 1e30}}},
        {"extra_body": {"turnout": {"deadline_ms": 10**18}}},
        {"headers": {"x-turnout-tags": "quality=splendid"}},
        {"headers": {"x-turnout-max-cost-usd": "1e999999999"}},
    ],
)
@fronts
def test_a_bad_request_is_one(world: World, front: Sdk, changes: dict[str, Any]) -> None:
    """Wrong types and hints that are none, before anyone is called."""
    world.forget()
    check(front, error_of(world, front, **changes), "BadRequestError", 400)
    assert world.asked() == {}


def test_a_providers_own_complaint_is_passed_on(world: World) -> None:
    """A request that only the provider can judge gets the provider's status and words, and no second try."""
    world.forget()
    error = error_of(world, "openai", model="openai-first", messages=[{"role": "alien", "content": "hi"}], retries=2)

    check("openai", error, "BadRequestError", 400)
    assert "known role" in error.message
    assert world.asked() == {"sim-openai/small": 1}


@fronts
def test_what_no_model_can_do_is_unprocessable(world: World, front: Sdk) -> None:
    """The error names what was missing, per model."""
    world.forget()
    error = error_of(world, front, model="blind", **SHAPES["image"][front])

    check(front, error, "UnprocessableEntityError", 422)
    assert "modality: sim-local/tiny" in error.message
    assert world.asked() == {}


def test_what_the_other_dialect_cannot_carry_is_refused(world: World) -> None:
    """Never dropped silently."""
    error = error_of(world, "openai", model="sim-anthropic/steady", response_format={"type": "json_object"})

    check("openai", error, "UnprocessableEntityError", 422)
    assert "lossy: sim-anthropic/steady" in error.message


@streams
@pytest.mark.parametrize("route", ["openai-first", "anthropic-first"])
@fronts
def test_a_chain_that_fails_is_an_internal_server_error(world: World, front: Sdk, route: str, stream: Any) -> None:
    """502 with the last status in the message; the SDK, allowed two retries, makes none."""
    world.forget()
    world.inject(SERVER_ERROR)
    error = error_of(world, front, model=route, retries=2, stream=stream)

    check(front, error, "InternalServerError", 502)
    assert f"{FALLBACK[route]} answered 500" in error.message
    assert error.response.headers["x-should-retry"] == "false"
    assert error.response.headers["x-turnout-attempts"] == "2"
    assert world.asked() == {"sim-openai/small": 1, "sim-anthropic/swift": 1}


@streams
@fronts
def test_a_chain_without_room_is_a_rate_limit(world: World, front: Sdk, stream: Any) -> None:
    """429 with the shortest wait that any provider named."""
    world.forget()
    world.inject(
        {"fault": {"kind": "rate_limited", "retry_after": 40}, "model": "sim-openai/*"},
        {"fault": {"kind": "rate_limited", "retry_after": 30}},
    )
    error = error_of(world, front, model="openai-first", retries=2, stream=stream)

    check(front, error, "RateLimitError", 429)
    assert error.response.headers["retry-after"] == "30"
    assert world.asked() == {"sim-openai/small": 1, "sim-anthropic/swift": 1}


@fronts
def test_a_retry_of_the_sdk_is_none_of_the_chain(world: World, front: Sdk) -> None:
    """A model named directly has no fallback: its own four attempts are all there are."""
    world.forget()
    world.inject(RATE_LIMITED)
    check(front, error_of(world, front, model="sim-openai/small", retries=2), "RateLimitError", 429)

    assert world.asked() == {"sim-openai/small": 4}


@fronts
def test_a_deadline_that_passes_is_said(world: World, front: Sdk) -> None:
    """The caller's own deadline holds for the whole chain."""
    world.inject({"fault": {"kind": "stall"}})
    error = error_of(world, front, model="hurried", headers={"x-turnout-deadline-ms": "60"}, retries=2)

    check(front, error, "InternalServerError", 504)
    assert "0.06 s" in error.message


@fronts
def test_a_budget_too_small_is_said(world: World, front: Sdk) -> None:
    """Nothing is called that the request may not pay for."""
    world.forget()
    check(front, error_of(world, front, model="frugal", retries=2), "RateLimitError", 429)
    assert world.asked() == {}


@fronts
def test_a_body_too_large_is_said(world: World, front: Sdk) -> None:
    """413, which Anthropic's SDK has a class for."""
    kind = "APIStatusError" if front == "openai" else "RequestTooLargeError"
    check(front, error_of(world, front, messages=[user("x" * 21_000_000)]), kind, 413)
