"""A provider's bad day is not the user's: before the first content the fallback answers, after it the stream ends with an error."""

from typing import Any

import anthropic
import openai
import pytest

from tests.e2e.asking import SUPPORT, Body, Sdk, ask, body
from tests.e2e.world import World

FRONTS: tuple[Sdk, ...] = ("openai", "anthropic")
ROUTES = {
    "openai-first": ("sim-openai/small", "sim-anthropic/swift"),
    "anthropic-first": ("sim-anthropic/swift", "sim-openai/small"),
}
fronts = pytest.mark.parametrize("front", FRONTS)
routes = pytest.mark.parametrize("route", ROUTES)

# Before the first content: what strikes, and the word the record has for it.
EARLY: dict[str, tuple[dict[str, Any], str]] = {
    "500": ({"kind": "server_error"}, "unavailable"),
    "503": ({"kind": "unavailable"}, "unavailable"),
    "429": ({"kind": "rate_limited"}, "rate_limited"),
    "429 with Retry-After": ({"kind": "rate_limited", "retry_after": 3600}, "rate_limited"),
    "529": ({"kind": "overloaded"}, "rate_limited"),
    "slow first token": ({"kind": "slow_first_token"}, "timeout"),
    "stall without headers": ({"kind": "stall", "after": None}, "timeout"),
    "stall after the prelude": ({"kind": "stall"}, "timeout"),
    "reset without headers": ({"kind": "reset", "after": None}, "unavailable"),
    "reset after the prelude": ({"kind": "reset"}, "unavailable"),
    "cut without headers": ({"kind": "cut", "after": None}, "unavailable"),
    "cut after the prelude": ({"kind": "cut"}, "broken"),
    "truncated": ({"kind": "truncated"}, "broken"),
    "broken JSON": ({"kind": "broken_json"}, "broken"),
    "error in a 200": ({"kind": "error_in_200"}, "unavailable"),
}
# After the first content; two pieces have come by then.
LATE: dict[str, dict[str, Any]] = {
    "stall": {"kind": "stall", "after": 2},
    "reset": {"kind": "reset", "after": 2},
    "cut": {"kind": "cut", "after": 2},
    "truncated": {"kind": "truncated", "after": 2},
    "broken JSON": {"kind": "broken_json", "after": 2},
    "error in a 200": {"kind": "error_in_200", "after": 2},
}


def direct(world: World, model: str) -> Any:
    """What this model says when asked without a gateway."""
    sdk: Sdk = "openai" if "openai" in model else "anthropic"
    return ask(world.provider_sdk(sdk), asked(sdk, model.partition("/")[2]), stream=False)


def asked(front: Sdk, model: str) -> Body:
    return body("plain", front, model)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", EARLY)
@routes
@fronts
def test_the_fallback_answers(world: World, front: Sdk, route: str, fault: str, stream: Any) -> None:
    """Whole or streamed, in the client's dialect, as if the primary had never been: but the headers say so."""
    primary, fallback = ROUTES[route]
    expected = direct(world, fallback)
    world.forget()
    world.inject({"fault": EARLY[fault][0], "model": primary})
    said = ask(world.sdk(front), asked(front, route), stream=stream)

    assert said.content == expected.content
    assert said.tokens == expected.tokens
    assert said.headers["x-turnout-model"] == fallback
    assert said.headers["x-turnout-reason"] == "fallback"
    assert said.headers["x-turnout-attempts"] == "2"
    assert world.asked() == {primary: 1, fallback: 1}


@routes
@fronts
def test_after_content_the_stream_ends_with_an_error(world: World, front: Sdk, route: str) -> None:
    """What came is the primary's; the SDK raises; nobody else is asked; the ledger says ``cut``."""
    primary, _ = ROUTES[route]
    whole = direct(world, primary).text
    world.forget()
    ids = {}
    for fault, what in LATE.items():
        world.inject({"fault": what, "model": primary})
        text, error, ids[fault] = broken_stream(world, front, route)

        assert text == whole[: len(text)], fault
        assert 0 < len(text) < len(whole), fault
        assert "broke off" in str(error), fault
    records = {fault: world.record(id_) for fault, id_ in ids.items()}

    assert world.asked() == {primary: len(LATE)}
    assert {fault: record["outcome"] for fault, record in records.items()} == dict.fromkeys(LATE, "cut")
    assert {record["model"] for record in records.values()} == {primary}
    assert {record["code"] for record in records.values()} == {"upstream_failed"}
    assert {record["cost_usd"] for record in records.values()} == {None}  # something was billed, nobody knows what


def broken_stream(world: World, front: Sdk, route: str) -> tuple[str, Exception, str]:
    """The text that came, what the SDK raised, and the request's id."""
    text = ""
    client = world.sdk(front, retries=2)
    if front == "openai":
        raw = client.chat.completions.with_raw_response.create(**asked(front, route), stream=True)
    else:
        raw = client.messages.with_raw_response.create(**asked(front, route), stream=True)
    try:
        for event in raw.parse():
            if front == "openai":
                text += event.choices[0].delta.content or ""
            elif event.type == "content_block_delta":
                text += event.delta.text
    except (openai.APIError, anthropic.APIError) as error:
        return text, error, raw.headers["x-turnout-request-id"]
    raise AssertionError(f"the broken stream looked whole: {text}")


def test_the_record_names_each_attempts_fault(world: World) -> None:
    """In the words of the product, with what the provider said."""
    found = {}
    for fault, (what, _) in EARLY.items():
        world.inject({"fault": what, "model": "sim-openai/small"})
        said = ask(world.sdk("openai"), asked("openai", "openai-first"), stream=True)
        found[fault] = said.headers["x-turnout-request-id"]
    records = {fault: world.record(id_) for fault, id_ in found.items()}

    assert {fault: record["attempts"][0]["fault"] for fault, record in records.items()} == {
        fault: word for fault, (_, word) in EARLY.items()
    }
    ended = {fault: (record["attempts"][1]["fault"], record["outcome"]) for fault, record in records.items()}
    assert ended == dict.fromkeys(EARLY, (None, "ok"))
    assert SUPPORT not in str(records)


@fronts
def test_a_client_that_leaves_cancels_the_providers_work(world: World, front: Sdk) -> None:
    """The upstream call ends with it, and the record says why."""
    world.forget()
    world.inject({"fault": {"kind": "stall", "after": 2}, "model": "sim-openai/large"})
    client = world.sdk(front)
    model = {"model": "sim-openai/large"}
    if front == "openai":
        raw = client.chat.completions.with_raw_response.create(**asked(front, "auto") | model, stream=True)
    else:
        raw = client.messages.with_raw_response.create(**asked(front, "auto") | model, stream=True)
    stream = raw.parse()
    next(iter(stream))
    stream.close()

    assert world.record(raw.headers["x-turnout-request-id"])["outcome"] == "cancelled"
    assert world.stats()["models"]["sim-openai/large"]["cancelled"] == 1
