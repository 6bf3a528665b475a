"""Recorded traffic of 30 providers goes through same-dialect relaying with nothing lost but what we own."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from tests.contract.corpus import Row, data_of, request_of, rows, splits
from turnout.dialects.delivery import deliver
from turnout.dialects.dialect import Ask, Delivery
from turnout.dialects.registry import DIALECTS
from turnout.errors import (
    Broken,
    CallerFault,
    ContentFiltered,
    ContextOverflow,
    Misconfigured,
    ProviderFault,
    RateLimited,
    Unavailable,
)

SANE: dict[int, tuple[type[ProviderFault], ...]] = {
    400: (CallerFault, ContextOverflow, ContentFiltered, Broken, Misconfigured),
    401: (Misconfigured,),
    404: (Misconfigured,),
    429: (RateLimited,),
    500: (Unavailable,),
}


ENDED_BY_AN_ERROR = {
    "pydantic-ai/groq/0035",  # tool_use_failed: the model called no tool where it had to
    "pydantic-ai/openrouter/0018",  # the token limit was reached
}
"""Recorded streams with an error event in them, which is not relayed: it is a fault, so that another model may
answer, or the client gets our own error event in its place."""


def encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def asked(row: Row) -> Ask:
    return DIALECTS[row.dialect].ask(encode(request_of(row)))


def run(delivery: Delivery, chunks: list[bytes]) -> tuple[bytes, ProviderFault | None]:
    out = b""
    try:
        for chunk in chunks:
            out += delivery.feed(chunk)
        return out + delivery.end(), None
    except ProviderFault as fault:
        return out, fault


def hidden(row: Row, event: Any) -> bool:
    """The usage chunk that comes because we ask for it, when the client did not."""
    if row.dialect != "openai-chat" or not isinstance(event, dict):
        return False
    wanted = (request_of(row).get("stream_options") or {}).get("include_usage")
    return not wanted and event.get("choices") == [] and bool(event.get("usage"))


def failing(event: Any) -> bool:
    return isinstance(event, dict) and bool(event.get("error"))


def finishing(event: Any) -> bool:
    if not isinstance(event, dict):
        return False
    return bool((event.get("delta") or {}).get("stop_reason")) or any(c.get("finish_reason") for c in event.get("choices") or ())


def counting(event: Any) -> bool:
    return isinstance(event, dict) and any(
        at.get("usage") for at in (event, event.get("message") or {}, event.get("x_groq") or {})
    )


def streams() -> list[Row]:
    return [row for row in rows() if row.streamed and row.status == 200]


def wholes() -> list[Row]:
    return [row for row in rows() if not row.streamed and row.status == 200]


def test_every_recorded_request_is_accepted_and_relayed_json_equal() -> None:
    """What a provider of the client's own dialect receives is what the client sent, but for the model and the usage switch."""
    counted = Counter()
    for row in rows():
        if row.request is None:
            counted["response only"] += 1
            continue
        sent = request_of(row)
        expected = {**sent, "model": "upstream-model"}
        if row.dialect == "openai-chat" and sent.get("stream"):
            expected["stream_options"] = {**(sent.get("stream_options") or {}), "include_usage": True}

        received = msgspec.json.decode(DIALECTS[row.dialect].relay(asked(row), "upstream-model"))

        assert received == expected, row.id
        assert list(received)[: len(sent)] == list(sent), f"{row.id}: the order of the fields changed"
        counted["relayed"] += 1

    assert counted["relayed"] >= 480
    assert counted.total() == len(rows())


def test_our_own_key_never_reaches_a_provider() -> None:
    """The body key ``turnout`` is ours alone."""
    for row in rows():
        if row.request is not None:
            ask = DIALECTS[row.dialect].ask(encode({**request_of(row), "turnout": {"tags": {"team": "web"}}}))
            assert ask.turnout == {"tags": {"team": "web"}}
            assert b"turnout" not in DIALECTS[row.dialect].relay(ask, "m") or "turnout" in str(row.request)


def test_every_recorded_stream_comes_out_event_by_event() -> None:
    """However its bytes are cut, the client receives each event, and finish and usage are seen. An error inside is raised instead."""
    ended = set()
    for row in streams():
        dialect, ask = DIALECTS[row.dialect], asked(row)
        ask = ask if ask.sketch.stream else dialect.ask(encode({**request_of(row), "stream": True}))
        said = data_of(row.answer)
        until = next((place for place, event in enumerate(said) if failing(event)), len(said))
        if until < len(said):
            ended.add(row.id)
        expected = [event for event in said[:until] if not hidden(row, event)]
        for name, chunks in splits(row.answer, row.id):
            delivery = deliver(dialect, dialect, ask)

            out, fault = run(delivery, chunks)

            where = f"{row.id}, cut {name}"
            assert data_of(out) == expected, where
            assert (fault is not None) == (until < len(said)), where
            if fault is None:
                assert delivery.seen.content, where
                assert (delivery.seen.finish is not None) == any(map(finishing, said)), where
                assert (delivery.seen.usage is not None) == any(map(counting, said)), where
                if len(expected) == len(said):
                    assert out == row.answer, f"{where}: not the same bytes"
    assert ended == ENDED_BY_AN_ERROR


def test_a_stream_cut_anywhere_is_noticed() -> None:
    """A stream that stops before its own end is broken, never a short answer."""
    for row in streams():
        dialect = DIALECTS[row.dialect]
        ask = dialect.ask(encode({**request_of(row), "stream": True}))
        cut = row.answer[: len(row.answer) // 2]
        if b'"finish_reason":"' in cut.replace(b": ", b":"):
            continue  # an end without [DONE] is an end to some vendors

        _, fault = run(deliver(dialect, dialect, ask), [cut])

        assert fault is not None, row.id


def test_every_recorded_whole_answer_comes_out_as_it_was() -> None:
    """The bytes are the provider's own; usage and finish are seen. What is no answer of the dialect is broken, not passed on."""
    not_answers = []
    for row in wholes():
        dialect, ask = DIALECTS[row.dialect], asked(row)
        for name, chunks in splits(row.answer, row.id):
            delivery = deliver(dialect, dialect, ask)

            out, fault = run(delivery, chunks)

            answer = msgspec.json.decode(row.answer)
            if not isinstance(answer, dict):  # a fixture that lists several answers in one body
                assert isinstance(fault, Broken), row.id
                not_answers.append(row.id)
                break
            assert (out, fault) == (row.answer, None), f"{row.id}, cut {name}"
            assert delivery.seen.content, row.id
            assert (delivery.seen.usage is not None) == bool(answer.get("usage")), row.id
    assert len(not_answers) <= 1, not_answers


def test_recorded_errors_are_classified_by_whose_fault_they_are() -> None:
    """An error answer becomes one fault, with the provider's words and status."""
    count = 0
    for row in rows():
        if row.status < 400:
            continue
        fault = DIALECTS[row.dialect].read_error(row.status, row.headers, row.answer)

        assert isinstance(fault, SANE[row.status]), f"{row.id}: {fault!r}"
        assert fault.status == row.status
        assert fault.message, row.id
        assert not fault.message.startswith("{"), row.id
        count += 1

    assert count >= 20


@pytest.mark.parametrize(
    ("words", "kind"),
    [("too long", ContextOverflow), ("maximum context length", ContextOverflow), ("Tool call validation failed", Broken)],
)
def test_recorded_400s_with_a_known_meaning_are_not_the_callers_fault(words: str, kind: type[ProviderFault]) -> None:
    """A 400 says in words what it is: an overflow may go to a larger model, a broken tool call to another one."""
    found = [row for row in rows() if row.status == 400 and words.encode() in row.answer]

    assert found
    assert {type(DIALECTS[row.dialect].read_error(400, {}, row.answer)) for row in found} == {kind}
