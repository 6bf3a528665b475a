"""Which requests are the same question, and which answers must not be given again."""

import json
from typing import Any

import pytest

from tests.unit.cache.making import CHAT, chat, key, messages
from turnout.cache.keys import MOST_BODY, fingerprint
from turnout.dialects.dialect import Ask
from turnout.types.traits import Hints

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {}}}}}


def exact(ask: Ask, **options: Any) -> bytes:
    found = fingerprint(ask, "support", "web", **options)
    assert found is not None
    return found.exact


def raw(text: str) -> Ask:
    return CHAT.ask(text.encode())


def test_order_blanks_and_escapes_do_not_matter() -> None:
    """JSON has many spellings of one value."""
    one = raw('{"model":"auto","temperature":0.2,"messages":[{"role":"user","content":"caf\u00e9"}]}')
    other = raw('{ "messages": [ {"content": "caf\\u00e9", "role": "user"} ],\n "model": "auto", "temperature": 0.2 }')

    assert exact(one) == exact(other)
    assert exact(one, similar=True) == exact(other, similar=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"stream": False},
        {"user": "u1"},
        {"safety_identifier": "u1"},
        {"prompt_cache_key": "k"},
        {"turnout": {"session": "s", "deadline_ms": 5}},
        {"metadata": {"trace": "1"}},
    ],
)
def test_who_asks_and_in_which_form_does_not_matter(fields: dict[str, Any]) -> None:
    """Names of the caller, our own key and the wire form do not change what the answer says."""
    assert exact(chat(**fields)) == exact(chat())


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0.3},
        {"temperature": 1},
        {"temperature": 1.0},
        {"seed": 7},
        {"n": 2},
        {"max_tokens": 5},
        {"stop": ["x"]},
        {"tools": [TOOL]},
        {"tools": [TOOL], "tool_choice": "none"},
        {"service_tier": "flex"},
        {"response_format": {"type": "json_object"}},
        {"some_new_field": 1},
        {"model": "support"},
    ],
)
def test_whatever_else_is_said_matters(fields: dict[str, Any]) -> None:
    """Settings, tools, the model's name and fields nobody has heard of are part of the question."""
    others = [chat(), chat(temperature=0.2), chat(tools=[{**TOOL, "function": {"name": "other"}}])]

    assert exact(chat(**fields)) not in {exact(other) for other in others}


def test_metadata_names_the_caller() -> None:
    """Of both dialects; what of it makes tags that change the choice of a model comes in by the hints."""
    assert exact(messages(metadata={"user_id": "1"})) == exact(messages(metadata={"user_id": "2"})) == exact(messages())


@pytest.mark.parametrize(
    "fields",
    [
        {"store": True},
        {"previous_response_id": "r"},
        {"conversation": "c"},
        {"background": True},
        {"web_search_options": {"search_context_size": "low"}},
        {"search_parameters": {"mode": "on"}},
        {"plugins": [{"id": "web"}]},
        {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "mp3"}},
        {"tools": [{"type": "web_search"}]},
        {"user": "u", "messages": [{"role": "user", "content": "x" * MOST_BODY}]},
    ],
)
def test_what_is_no_function_of_the_question_is_not_kept(fields: dict[str, Any]) -> None:
    """A state at the provider, the world of the moment, an answer that expires, or more than is quickly read."""
    assert fingerprint(chat(**fields), "support", "web") is None


def test_tools_of_the_provider_are_of_the_moment() -> None:
    """Also where a dialect has other names for them."""
    assert fingerprint(messages(tools=[{"type": "web_search_20250305", "name": "web_search"}]), "support", None) is None
    assert fingerprint(messages(mcp_servers=[{"type": "url", "url": "https://x.example"}]), "support", None) is None
    assert fingerprint(messages(container="c1"), "support", None) is None
    assert fingerprint(messages(tools=[{"name": "mine", "input_schema": {"type": "object"}}]), "support", None) is not None


def test_route_tenant_dialect_and_betas_are_always_part() -> None:
    """What is equal but for one of these is not equal; no key at all is not a key of that name."""
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "x"}]}).encode()
    asks = [(chat("x"), "support", "web"), (chat("x"), "code", "web"), (chat("x"), "support", "app"), (chat("x"), "support", None),
            (chat("x"), "support", "None"), (chat("x"), "support", "null"), (chat("x"), "support", ""),
            (CHAT.ask(body, {b"openai-beta": b"one"}), "support", "web"), (CHAT.ask(body, {b"openai-beta": b"two"}), "support", "web"),
            (messages("x"), "support", "web")]  # fmt: skip

    keys = [key(ask, route, tenant) for ask, route, tenant in asks]

    assert len({found.exact for found in keys}) == len(asks)
    assert len({found.near for found in keys}) == len(asks)


@pytest.mark.parametrize(
    "hints", [Hints(models=("a/b",)), Hints(tags={"quality": "critical"}), Hints(tags={"task": "math"}), Hints(max_cost=5)]
)
def test_hints_that_change_who_answers_are_part(hints: Hints) -> None:
    """An answer of a small model is not for who asks for a critical one, nor one of a model that the caller did not allow."""
    assert exact(chat(), hints=hints) != exact(chat(), hints=Hints(tags={"request": "1"})) == exact(chat())


def test_only_the_last_words_may_differ() -> None:
    """What was said before, who says it, and an image beside the words are all equal in a bucket."""

    def talk(system: str, said: str, *more: dict[str, Any]) -> Ask:
        turns = [{"role": "system", "content": system}, {"role": "user", "content": said}, *more]
        return raw(json.dumps({"model": "auto", "messages": turns}))

    assert key(talk("a", "Where is my order?")).near == key(talk("a", "Where is my parcel?")).near is not None
    assert key(talk("a", "Where is my order?")).near != key(talk("b", "Where is my order?")).near
    assert key(talk("a", "x", {"role": "assistant", "content": "Where is it?"})).near is None
    assert key(talk("a", "Ship 5 boxes")).near != key(talk("a", "Ship 6 boxes")).near
    assert key(talk("a", "Where is my order?"), similar=False).near is None


def test_parts_of_a_text_are_told_apart() -> None:
    """Two parts are not one, and an image is part of what is equal."""

    def parts(*texts: str, image: str | None = None) -> Ask:
        content: list[dict[str, Any]] = [{"type": "text", "text": text} for text in texts]
        if image:
            content.append({"type": "image_url", "image_url": {"url": image}})
        return raw(json.dumps({"model": "auto", "messages": [{"role": "user", "content": content}]}))

    assert key(parts("Name this", "plant")).exact != key(parts("Name this plant")).exact
    assert (
        key(parts("Name this plant", image="https://a.example/1")).near
        != key(parts("Name this plant", image="https://a.example/2")).near
    )
    assert (
        key(parts("Name this plant", image="https://a.example/1")).near
        == key(parts("Name this tree", image="https://a.example/1")).near
    )


def test_a_shape_says_what_the_wire_is_to_look_like() -> None:
    """Whole answers have none; streams with other options are other shapes of the same question."""
    shapes = [
        key(chat(**fields)).shape
        for fields in ({}, {"stream": False}, {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}})
    ]

    assert shapes[0] == shapes[1] == b""
    assert len(set(shapes)) == 3


def test_what_a_translation_could_lose_is_not_turned() -> None:
    """With log-probabilities asked for, a stream and a whole answer are two questions."""
    assert exact(chat(logprobs=True)) != exact(chat(logprobs=True, stream=True))
    assert exact(chat()) == exact(chat(stream=True))
