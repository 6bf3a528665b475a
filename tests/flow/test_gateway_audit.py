"""``journal: required``: the record is durable before the first byte of the answer, or there is no answer."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_transport import Answer, FakeTransport
from tests.support.gateway import ASK, Answered, ask, house, start
from turnout.types.record import Record

AUDITED = """\
routes:
  finance: {when: {tags: {requires_audit: "true"}}, static: sim-openai/large, journal: required}
  default: {static: sim-openai/large}
"""
HEADERS = {"x_turnout_tags": "requires_audit=true"}
WHOLE = json.dumps({
    "id": "1", "object": "chat.completion", "model": "large",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
}).encode()  # fmt: skip
EVENTS = [
    b'data: {"id":"1","model":"large","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n',
    b'data: {"id":"1","model":"large","choices":[{"index":0,"delta":{"content":"Paris."},"finish_reason":null}]}\n\n',
    b'data: {"id":"1","model":"large","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
    b'data: {"id":"1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}\n\n',
    b"data: [DONE]\n\n",
]
streams = pytest.mark.parametrize("stream", [False, True])


def provider(stream: Any) -> FakeTransport:
    return FakeTransport(Answer(*EVENTS) if stream else Answer(WHOLE))


async def settled() -> None:
    """Let everything happen that can."""
    for _ in range(50):
        await asyncio.sleep(0)


@streams
async def test_nothing_is_answered_before_the_record_is_durable(stream: Any, tmp_path: Path) -> None:
    """A whole answer's record is complete; a stream's says ``begun`` and is replaced after its end."""
    built = house(tmp_path, provider(stream), routes=AUDITED)
    built.journal.open.clear()
    task, answered = start(built.app, "/v1/chat/completions", {**ASK, "stream": stream}, **HEADERS)
    await settled()

    assert answered == Answered()
    assert not task.done()

    built.journal.open.set()
    await task
    assert answered.status == 200
    assert answered.headers["x-turnout-route"] == "finance"
    assert b"Paris." in answered.body
    [durable], [final] = built.journal.durable, built.journal.records
    assert durable.id == final.id == answered.headers["x-turnout-request-id"]
    assert (durable.outcome, len(durable.attempts)) == (("begun", 0) if stream else ("ok", 1))
    assert (durable.edition, final.edition) == (0, 1)
    assert (final.outcome, final.model, final.status) == ("ok", "sim-openai/large", 200)
    assert final.cost == (9 * 10 + 4 * 40) * 10**6


@streams
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_without_a_record_there_is_no_answer(path: str, stream: Any, tmp_path: Path) -> None:
    """503 in the client's dialect, not a word of what the model said; what it cost is still recorded once the disk is back."""
    built = house(tmp_path, provider(stream), routes=AUDITED)
    built.journal.disk = OSError(28, "No space left on device")
    answered = await ask(built.app, path, {**ASK, "max_tokens": 50, "stream": stream}, **HEADERS)

    assert answered.status == 503
    assert b"Paris" not in answered.body
    assert answered.json["error"]["type"] == ("server_error" if path.endswith("completions") else "overloaded_error")
    assert [(record.outcome, record.code) for record in built.journal.records] == [("failed", "overloaded")]
    if not stream:
        assert built.journal.records[0].cost == (9 * 10 + 4 * 40) * 10**6


TOO_MUCH = {"max_tokens": 1_000_000}
errors = pytest.mark.parametrize(
    ("answer", "more", "status", "outcome"), [(Answer(status=401), {}, 502, "failed"), (None, TOO_MUCH, 422, "rejected")]
)


@errors
async def test_no_error_is_told_before_its_record_is_durable(
    answer: Answer | None, more: Any, status: int, outcome: str, tmp_path: Path
) -> None:
    """An audited route's errors are its answers too: of its providers, and of its own refusing."""
    built = house(tmp_path, FakeTransport(*([answer] if answer else [])), routes=AUDITED)
    built.journal.open.clear()
    task, answered = start(built.app, "/v1/chat/completions", {**ASK, **more}, **HEADERS)
    await settled()

    assert answered == Answered()

    built.journal.open.set()
    await task
    [durable], [final] = built.journal.durable, built.journal.records
    assert answered.status == durable.status == final.status == status
    assert durable.outcome == final.outcome == outcome
    assert (durable.edition, final.edition) == (0, 1)


@errors
async def test_an_error_without_a_record_is_another_error(
    answer: Answer | None, more: Any, status: int, outcome: str, tmp_path: Path
) -> None:
    """503, and the record says that this is what the client got; on other routes the error stays."""
    for headers, expected in ((HEADERS, 503), ({}, status)):
        built = house(tmp_path, FakeTransport(*([answer] if answer else [])), routes=AUDITED)
        built.journal.disk = OSError(28, "No space left on device")
        answered = await ask(built.app, "/v1/chat/completions", {**ASK, **more}, **headers)
        [final] = built.journal.records

        assert answered.status == final.status == expected
        assert final.outcome == outcome
        assert len(final.attempts) == (1 if answer else 0)


@streams
async def test_a_disk_that_takes_too_long_never_mixes_error_and_answer(stream: Any, tmp_path: Path) -> None:
    """The deadline passes while the record is written: the client gets an error and no answer, and the last record says so."""
    built = house(tmp_path, provider(stream), routes=AUDITED.replace("journal", "deadline: 50ms, journal"))
    stuck = asyncio.Event()
    append_durably = built.journal.append_durably

    async def first_sticks(record: Record) -> None:
        if not built.journal.durable:
            built.journal.durable.append(record)
            await stuck.wait()
        await append_durably(record)

    built.journal.append_durably = first_sticks  # type: ignore[method-assign]
    answered = await ask(built.app, "/v1/chat/completions", {**ASK, "stream": stream}, **HEADERS)
    [final] = built.journal.records

    assert answered.status == final.status == 504
    assert answered.ended
    assert b"Paris" not in answered.body
    assert [record.edition for record in built.journal.durable] == [0, 1]
    assert (final.edition, final.outcome, final.model) == (2, "failed", None)


@streams
async def test_other_routes_wait_for_no_disk(stream: Any, tmp_path: Path) -> None:
    """Nor fail with it."""
    built = house(tmp_path, provider(stream), routes=AUDITED)
    built.journal.disk = OSError(28, "No space left on device")
    answered = await ask(built.app, "/v1/chat/completions", {**ASK, "stream": stream})

    assert (answered.status, answered.headers["x-turnout-route"]) == (200, "default")
    assert (built.journal.durable, [record.edition for record in built.journal.records]) == ([], [0])


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        ({"model": "nothing"}, {}, "model_not_found"),
        ({"model": "sim-openai/small", "max_tokens": 1_000_000}, {}, "no_candidate"),
        ({}, {"x_turnout_tags": "quality=splendid"}, "invalid_request"),
    ],
)
async def test_a_refusal_is_recorded_too(body: dict[str, Any], headers: dict[str, str], code: str, tmp_path: Path) -> None:
    """With what is known of the request by then."""
    built = house(tmp_path, FakeTransport())
    answered = await ask(built.app, "/v1/chat/completions", {**ASK, **body}, **headers)
    [record] = built.journal.records

    assert (record.id, record.status) == (answered.headers["x-turnout-request-id"], answered.status)
    assert (record.outcome, record.code, record.cost, record.attempts) == ("rejected", code, 0, ())
