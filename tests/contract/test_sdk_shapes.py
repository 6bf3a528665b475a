"""Whatever the SDKs' own types allow is accepted, relayed as it was, and counted where it is text."""

from typing import Any

import msgspec
import pytest

from tests.contract.shapes import ROOTS, Place, places
from tests.support.views import model, view
from turnout.decide.classify import classify
from turnout.decide.match import NoCandidate, match
from turnout.decide.route import choose
from turnout.decide.tokens import estimate
from turnout.dialects.registry import DIALECTS
from turnout.types.models import Feature, Modality
from turnout.types.traits import Hints, Sketch

WORDS = 150_000
LONG = "word " * WORDS
FEW_WORDS = 5_000

ALL = {bits: sum(int(bit) for bit in bits) for bits in (Modality, Feature)}
SMALL = model("a/small", context=128_000, input=ALL[Modality], output=ALL[Modality], features=ALL[Feature])
"""Lacks nothing but room."""

NO_TEXT = {
    "id": "names a call, a file, a voice",
    "tool_id": "names a tool's use",
    "tool_use_id": "names a tool's use",
    "tool_call_id": "names a tool's use",
    "file_id": "what a file holds is not in the request",
    "url": "what it leads to is not in the request",
    "data": "base64 of an image or a sound, counted as such; a document's is counted by its length, see below",
    "file_data": "base64, counted as a document",
    "signature": "a thought's seal",
    "model": "refused when it is longer than a name",
    "user": "the caller's own",
    "user_id": "the caller's own",
    "metadata": "the caller's own",
    "voice": "of the answer",
    "stop": "of the answer",
    "stop_sequences": "of the answer",
}
"""Fields no model reads, and why."""

NAMES_A_TOOL = {"tool_choice", "function_call"}

DIALECT = pytest.mark.parametrize("dialect", sorted(ROOTS))


def sketch(dialect: str, body: Any) -> Sketch:
    return DIALECTS[dialect].ask(msgspec.json.encode(body)).sketch


def texts(dialect: str, text: str) -> list[tuple[Place, Place]]:
    """Each place a model may read, with a single letter and with ``text`` in it."""
    return [
        (short, long)
        for short, long in zip(places(dialect), places(dialect, text), strict=True)
        if short.body != long.body and short.field not in NO_TEXT and short.top not in NAMES_A_TOOL
    ]


@DIALECT
def test_whatever_an_sdk_can_send_is_relayed_as_it_was(dialect: str) -> None:
    """Every field of every type, in every place and with every kind of value: none is refused, none is changed."""
    count = 0
    for place in places(dialect):
        ask = DIALECTS[dialect].ask(msgspec.json.encode(place.body))

        assert msgspec.json.decode(DIALECTS[dialect].relay(ask, "upstream")) == {**place.body, "model": "upstream"}, place
        count += 1

    assert count >= {"openai-chat": 300, "anthropic-messages": 5_000}[dialect]


@DIALECT
def test_text_counts_wherever_it_stands(dialect: str) -> None:
    """The upper bound grows by its words at least; by ten times as much at most, as limits are not to refuse what fits."""
    for short, long in texts(dialect, "word " * FEW_WORDS):
        grown = estimate(sketch(dialect, long.body)).most - estimate(sketch(dialect, short.body)).most

        assert FEW_WORDS <= grown <= 10 * FEW_WORDS, (long.owner, long.field, grown)


@DIALECT
def test_text_that_is_too_long_is_refused_wherever_it_stands(dialect: str) -> None:
    """150,000 words do not fit 128,000 tokens, and it is the room that is missing."""
    world = view(models=(SMALL,), dialects={"a": dialect})
    tried = {(long.top, long.owner, long.field): long.body for _, long in texts(dialect, LONG)}
    for place, body in tried.items():
        traits = classify(sketch(dialect, body), Hints(route="default"), front=dialect, caller=None, held=None)

        assert traits.tokens_max >= WORDS, place
        with pytest.raises(NoCandidate) as refused:
            match(choose(world, traits), traits)
        assert [rejection.reason for rejection in refused.value.rejections] == ["context_window"], place

    assert len(tried) >= {"openai-chat": 30, "anthropic-messages": 100}[dialect]


MEDIA = "QUJD" * 100_000
FRONTED = {"type": "base64", "media_type": "image/png", "data": MEDIA}
PICTURES: list[tuple[str, dict[str, Any]]] = [
    ("openai-chat", {"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{MEDIA}"}}]}),
    ("openai-chat", {"role": "assistant", "content": "x", "images": [{"image_url": {"url": f"data:image/png;base64,{MEDIA}"}}]}),
    ("openai-chat", {"role": "user", "content": [{"type": "odd", "odd": {"data": MEDIA}}]}),
    ("anthropic-messages", {"role": "user", "content": [{"type": "image", "source": FRONTED}]}),
    ("anthropic-messages", {"role": "user", "content": [{"type": "image", "source": FRONTED, "odd": 1}]}),
    ("anthropic-messages", {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [
        {"type": "tool_reference", "tool_name": "x"}, {"type": "image", "source": FRONTED}]}]}),
    ("anthropic-messages", {"role": "user", "content": [{"type": "document", "source": {"type": "content", "content": [
        {"type": "text", "text": "x"}, {"type": "image", "source": FRONTED}]}}]}),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "turn"), PICTURES)
def test_a_picture_is_not_text(dialect: str, turn: dict[str, Any]) -> None:
    """Base64 in a field that is known, or in one nobody has heard of: 400,000 letters are not as many words."""
    assert estimate(sketch(dialect, {"model": "m", "max_tokens": 5, "messages": [turn]})).most < 10_000


def test_what_a_tool_of_the_provider_read_is_a_document() -> None:
    """The file that it fetched comes back as base64 inside a result whose shape is the tool's own."""
    fetched = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": MEDIA}}
    result = {
        "type": "web_fetch_tool_result",
        "tool_use_id": "t",
        "content": {"type": "web_fetch_result", "url": "x", "content": fetched},
    }
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "assistant", "content": [result]}]}

    assert sketch("anthropic-messages", body).document_bytes == pytest.approx(len(MEDIA) * 3 / 4, rel=0.01)
    assert all(len(text) < 1_000 for text in sketch("anthropic-messages", body).texts)


def test_a_document_of_text_counts_once() -> None:
    """It is text, not also so many bytes of a document."""
    source = {"type": "text", "media_type": "text/plain", "data": "word " * FEW_WORDS}
    turns = [{"role": "user", "content": [{"type": "document", "source": source}]}, {"role": "user", "content": source["data"]}]
    documented, plain = (
        estimate(sketch("anthropic-messages", {"model": "m", "max_tokens": 5, "messages": [turn]})) for turn in turns
    )

    assert documented == plain


@pytest.mark.parametrize(
    ("dialect", "fields", "param"),
    [
        ("openai-chat", {"max_tokens": 100.0}, "max_output"),
        ("openai-chat", {"max_completion_tokens": 1e2, "seed": 7.0, "top_logprobs": 2.0}, "max_output"),
        (
            "anthropic-messages",
            {"max_tokens": 100.0, "top_k": 5.0, "thinking": {"type": "enabled", "budget_tokens": 2048.0}},
            "max_output",
        ),
    ],
)
def test_a_whole_number_may_be_spelled_with_a_point(dialect: str, fields: dict[str, Any], param: str) -> None:
    """JSON has one kind of number; providers take it, and it reaches them as it was spelled."""
    body = msgspec.json.encode({"model": "m", "messages": [], **fields})
    ask = DIALECTS[dialect].ask(body)

    assert getattr(ask.sketch, param) == 100
    assert b"100.0" in DIALECTS[dialect].relay(ask, "m")
