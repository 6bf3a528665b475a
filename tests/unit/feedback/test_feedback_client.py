"""The helper for applications: it sends, and neither slows nor breaks whoever uses it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from turnout import client
from turnout.client import FeedbackError, Turnout
from turnout.feedback.read import Speaker, read_item


class Server(ThreadingHTTPServer):
    """Notes what it is sent. ``answers`` are the statuses of its next answers, then 202; ``open`` holds them back."""

    daemon_threads = True

    def __init__(self) -> None:
        self.calls: list[tuple[str, str | None, list[dict[str, Any]]]] = []
        self.answers: list[int] = []
        self.open = threading.Event()
        self.open.set()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def said(self) -> list[dict[str, Any]]:
        return [item for _, _, items in self.calls for item in items]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.open.wait(5)
        items = json.loads(self.rfile.read(int(self.headers["content-length"])))["feedback"]
        status = self.server.answers.pop(0) if self.server.answers else 202
        if any(item["kind"] == "label" and item["name"] == "wrong" for item in items):
            status = 400
        if status == 202:
            self.server.calls.append((self.path, self.headers["authorization"], items))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield opened
        opened.open.set()
        opened.shutdown()
        thread.join()


def test_each_method_sends_its_kind(server: Server):
    """With when it was said, and the key."""
    with Turnout(server.url, "tk-web") as turnout:
        turnout.thumb("r", up=True, note="quick")
        turnout.thumb(session="s", up=False, at=5.0)
        turnout.stars("r", stars=4)
        turnout.nps("r", score=9)
        turnout.label("r", name="good")
        turnout.accepted("r")
        turnout.edited("r", kept=0.8)
        turnout.edited("r")
        turnout.rejected("r")
        turnout.outcome("solved", 1, "r")
        turnout.value("order", 49.0, session="s")
    said = server.said

    assert all(item.pop("at") > 0 for item in said)
    assert said == [
        {"kind": "thumb", "request_id": "r", "value": 1, "note": "quick"},
        {"kind": "thumb", "session": "s", "value": -1},
        {"kind": "stars", "request_id": "r", "value": 4},
        {"kind": "nps", "request_id": "r", "value": 9},
        {"kind": "label", "request_id": "r", "name": "good"},
        {"kind": "accepted", "request_id": "r"},
        {"kind": "edited", "request_id": "r", "value": 0.8},
        {"kind": "edited", "request_id": "r"},
        {"kind": "rejected", "request_id": "r"},
        {"kind": "outcome", "request_id": "r", "name": "solved", "value": 1},
        {"kind": "value", "session": "s", "name": "order", "value": 49.0},
    ]
    assert {(path, key) for path, key, _ in server.calls} == {("/v1/feedback", "Bearer tk-web")}


def test_what_is_sent_is_what_the_data_plane_reads(server: Server):
    """Each kind, through its own reader."""
    with Turnout(server.url + "/v1") as turnout:
        turnout.thumb("r", up=False)
        turnout.edited("r", kept=0.5)
        turnout.value("order", 49.0, session="s")
    read = [read_item(item, Speaker("user", None, item["at"])) for item in server.said]

    assert [(opinion.kind, opinion.verdict) for opinion in read] == [("thumb", 0.0), ("edited", 0.5), ("value", None)]


def test_one_that_is_refused_takes_no_other_with_it(server: Server):
    """It is dropped, and counted."""
    server.open.clear()
    turnout = Turnout(server.url)
    for name in ("good", "wrong", "bad"):
        turnout.label("r", name=name)
    server.open.set()
    turnout.close()

    assert [item["name"] for item in server.said] == ["good", "bad"]
    assert turnout.dropped == 1


def test_it_tries_again_when_it_may(server: Server, monkeypatch: pytest.MonkeyPatch):
    """A 503 or no answer is no last word."""
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.01)
    server.answers = [503, 500]
    turnout = Turnout(server.url)
    turnout.accepted("r")

    assert turnout.flush()
    assert len(server.said) == 1
    assert turnout.dropped == 0


def test_nobody_there_breaks_nothing():
    """It is tried, and dropped in the end."""
    turnout = Turnout("http://127.0.0.1:9", timeout=0.2)
    turnout.thumb("r", up=True)
    turnout.close()
    turnout.thumb("r", up=True)

    assert turnout.dropped == 2


def test_what_cannot_be_sent_breaks_nothing(server: Server):
    """Neither what JSON has no word for nor what is no number."""
    with Turnout(server.url) as turnout:
        turnout.send(kind="thumb", request_id=object())
        turnout.value("order", float("nan"), "r")
        turnout.accepted("r")
        assert turnout.flush()

    assert len(server.said) == 1
    assert turnout.dropped == 2


def test_the_queue_is_bounded(server: Server):
    """What is too much is dropped at once."""
    server.open.clear()
    turnout = Turnout(server.url, capacity=5)
    for _ in range(200):
        turnout.accepted("r")
    assert 200 - 2 * 5 <= turnout.dropped <= 195  # five may be on their way besides
    server.open.set()
    turnout.close()

    assert len(server.said) == 200 - turnout.dropped


def test_a_strict_one_says_what_went_wrong(server: Server):
    """At once, and in the caller's own thread."""
    turnout = Turnout(server.url, strict=True)
    turnout.accepted("r")
    assert len(server.said) == 1

    server.answers = [503]
    with pytest.raises(FeedbackError, match="answers 503") as raised:
        turnout.accepted("r")
    assert (raised.value.status, raised.value.retry) == (503, True)
    with pytest.raises(FeedbackError, match="does not answer"):
        Turnout("http://127.0.0.1:9", strict=True, timeout=0.2).accepted("r")


def test_an_address_that_is_none_is_refused():
    """When it is given, not when it is used."""
    with pytest.raises(ValueError, match="is not an address"):
        Turnout("localhost")
