"""A bug of ours, or a cancelled task: the client still gets an answer in its own words, the ledger a record, the log a line."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_transport import Answer, FakeTransport
from tests.support.gateway import ASK, House, ask, house, start
from tests.support.peer import Peer
from tests.support.virtual_time import LoopClock, run
from turnout.front.app import ERROR_WITHIN
from turnout.front.outflow import SEND_WITHIN
from turnout.ports import Outgoing

FRONTS = {"/v1/chat/completions": ("server_error", "error"), "/v1/messages": ("overloaded_error", "error")}
SECRET = "the capital of"
ROLE = b'data: {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
HI, BYE = (
    b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n' % word
    for word in (b"hi", b"bye")
)


class Buggy(FakeTransport):
    """Breaks in a way that no one planned for, its words full of content."""

    async def send(self, request: Outgoing, *, connect_timeout: float) -> Any:
        raise ZeroDivisionError(request.body)


def counted(built: House) -> float:
    text = built.gateway.metrics.exposition()[0].decode()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("turnout_internal_errors_total{"))


@pytest.mark.parametrize("path", FRONTS)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_bug_is_answered_recorded_counted_and_logged(
    path: str, stream: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """503 in the client's dialect, not to be retried; a record whose cost is unknown; a line without content."""
    built = house(tmp_path, Buggy())
    answered = await ask(built.app, path, {**ASK, "max_tokens": 50, "stream": stream})
    log = capsys.readouterr().err

    assert (answered.status, answered.json["error"]["type"]) == (503, FRONTS[path][0])
    assert answered.headers["x-should-retry"] == "false"
    assert answered.headers["x-turnout-route"] == "default"
    assert [(record.outcome, record.code, record.cost) for record in built.journal.records] == [("failed", "overloaded", None)]
    assert counted(built) == 1
    assert "ZeroDivisionError" in log
    assert answered.headers["x-turnout-request-id"] in log
    assert log.count("\n") == 1
    assert SECRET not in log
    assert SECRET not in answered.body.decode()


async def test_a_bug_after_the_first_content_ends_the_stream_with_an_error(tmp_path: Path) -> None:
    """What came stays; then the dialect's error event, and the body ends."""
    built = house(tmp_path, FakeTransport(Answer(ROLE, HI, BYE)))

    def explode(piece: bytes) -> None:
        if piece == BYE:
            raise ZeroDivisionError

    answered = await ask(built.app, "/v1/chat/completions", {**ASK, "stream": True}, on_write=explode)

    assert answered.body.startswith(ROLE + HI)
    assert b'"code":"overloaded"' in answered.body.removeprefix(ROLE + HI)
    assert answered.ended
    assert counted(built) == 1


async def test_a_cancelled_request_is_answered_and_recorded(tmp_path: Path) -> None:
    """A task that is cancelled from outside tells its client before it goes."""
    built = house(tmp_path, FakeTransport(Answer(after=3600)))
    task, answered = start(built.app, "/v1/messages", {**ASK, "max_tokens": 50})
    for _ in range(10):
        await asyncio.sleep(0)  # until it waits for its provider
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (answered.status, answered.json["type"]) == (503, "error")
    [record] = built.journal.records
    assert (record.outcome, record.status, [attempt.fault for attempt in record.attempts]) == ("failed", 503, ["cancelled"])


async def test_a_cancelled_stream_ends_with_an_error_and_is_recorded_as_cut(tmp_path: Path) -> None:
    """What the client had got was an answer of one model under 200, and so says the record."""
    built = house(tmp_path, FakeTransport(Answer(ROLE, HI, 3600.0)))
    said_hi = asyncio.Event()

    def notice(piece: bytes) -> None:
        if piece.endswith(HI):
            said_hi.set()

    task, answered = start(built.app, "/v1/chat/completions", {**ASK, "stream": True}, on_write=notice)
    await said_hi.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert answered.body.startswith(ROLE + HI)
    assert answered.body.count(b'"code":"overloaded"') == 1
    assert answered.ended
    [record] = built.journal.records
    assert (record.outcome, record.code, record.status) == ("cut", "overloaded", 200)
    assert record.model == record.attempts[0].model
    assert ([attempt.fault for attempt in record.attempts], record.cost) == (["cancelled"], None)


def test_a_client_that_takes_nothing_is_not_waited_for_with_the_news(tmp_path: Path) -> None:
    """Not longer than that takes; the error of a cut stream has its time too. Then the connection is cut off."""

    async def test(transport: FakeTransport, *, stream: bool) -> float:
        built = house(tmp_path, transport, clock=LoopClock())
        peer = Peer(built.app)
        body = json.dumps({**ASK, "stream": stream}).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        peer.stop_taking()
        began = asyncio.get_running_loop().time()
        await peer.send(head % len(body) + body)
        await peer.answered()
        took = asyncio.get_running_loop().time() - began
        await asyncio.sleep(2 * SEND_WITHIN)
        assert (len(built.journal.records), peer.wire.is_aborted) == (1, True)
        return took

    assert run(test(Buggy(), stream=False)) == pytest.approx(ERROR_WITHIN)
    assert run(test(FakeTransport(Answer(ROLE, HI, 3600.0)), stream=True)) <= SEND_WITHIN
