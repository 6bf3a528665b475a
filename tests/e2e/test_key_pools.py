"""Several credentials of one provider: they share the load, one that is refused is spared, and limits hold over several workers."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.own import Own, own
from tests.e2e.world import Raw
from turnout.sim.policy import Ports

ASK = {"model": "pooled", "messages": [{"role": "user", "content": "Hello."}]}
ANSWER = json.dumps({
    "id": "1", "object": "chat.completion", "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}).encode()  # fmt: skip
REFUSAL = b'{"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}'
POLICY = """\
server: {{port: {api}}}
control: {{port: {control}}}
providers:
  pool: {{dialect: openai-chat, base_url: "http://127.0.0.1:{sim}/v1", proxy: none, keys: [{keys}]}}
models:
  pool/m: {{context: 100000, max_output: 4000, price: {{input: 1, output: 1}}, quality: {{default: 8}}}}
routes:
  pooled: {{static: pool/m}}
  default: {{static: pool/m}}
health: {{check: none}}
"""


class Desk(ThreadingHTTPServer):
    """A provider that knows its callers by their credential. ``refused`` get 429 and are told to come back after ``retry_after``."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()
        self.refused: set[str] = set()
        self.retry_after: int | None = None
        self.takes = 0.0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Desk

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        who = self.headers["authorization"].removeprefix("Bearer ")
        self.server.asked[who] += 1
        time.sleep(self.server.takes)
        refused = who in self.server.refused
        body = REFUSAL if refused else ANSWER
        self.send_response(429 if refused else 200)
        if refused and self.server.retry_after is not None:
            self.send_header("retry-after", str(self.server.retry_after))
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOL_A", "a")
    monkeypatch.setenv("POOL_B", "b")


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def pooled(directory: Path, desk: Desk, keys: str, *words: Any, more: str = "") -> Iterator[Own]:
    def policy(ports: Ports) -> str:
        return POLICY.format(api=ports.api, control=ports.control, sim=ports.sim, keys=keys) + more

    with own(directory, f"http://127.0.0.1:{desk.server_port}", policy, *words) as running:
        yield running


def ask_many(house: Own, number: int, at_once: int = 8) -> list[Raw]:
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda _: house.post("/v1/chat/completions", ASK), range(number)))


def test_two_credentials_share_the_load(tmp_path: Path, desk: Desk) -> None:
    """Each gets its part, none more than two thirds."""
    desk.takes = 0.005
    with pooled(tmp_path, desk, "{env: POOL_A}, {env: POOL_B}") as house:
        said = ask_many(house, 200)

    assert {raw.status for raw in said} == {200}
    assert desk.asked.total() == 200
    assert min(desk.asked["a"], desk.asked["b"]) >= 66


@pytest.mark.parametrize("retry_after", [None, pytest.param(30, marks=pytest.mark.slow)])
def test_what_one_refuses_the_other_answers(tmp_path: Path, desk: Desk, retry_after: Any) -> None:
    """Whoever met the 429 does not hear of it, and soon nobody meets it any more; each is on record."""
    desk.refused, desk.retry_after = {"a"}, retry_after
    with pooled(tmp_path, desk, "{env: POOL_A}, {env: POOL_B}") as house:
        said = [house.post("/v1/chat/completions", ASK) for _ in range(60)]
        records = [house.record(raw.headers["x-turnout-request-id"]) for raw in said]

    assert {raw.status for raw in said} == {200}
    assert max(raw.seconds for raw in said) < 2
    assert 1 <= desk.asked["a"] <= 5
    assert desk.asked["b"] == 60
    assert [each["fault"] for record in records for each in record["attempts"]].count("rate_limited") == desk.asked["a"]
    assert {record["reason"] for record in records} == {"static"}


def test_both_refuse(tmp_path: Path, desk: Desk) -> None:
    """Then the caller is told so, with the time to come back."""
    desk.refused, desk.retry_after = {"a", "b"}, 30
    with pooled(tmp_path, desk, "{env: POOL_A}, {env: POOL_B}", more="quota: {wait: 100ms}\n") as house:
        said = house.post("/v1/chat/completions", ASK)

    assert (said.status, said.json["error"]["code"]) == (429, "rate_limited")
    assert 25 <= int(said.headers["retry-after"]) <= 30


def test_limits_hold_over_workers(tmp_path: Path, desk: Desk) -> None:
    """Requests per minute as the policy says, of two workers together: a bucket's worth and what flows into it meanwhile, and no more."""
    keys = "{env: POOL_A, rpm: 60}, {env: POOL_B, rpm: 120}"
    with pooled(tmp_path, desk, keys, "--workers", 2, more="quota: {wait: 0s, line: 0}\n") as house:
        began = time.monotonic()
        said = ask_many(house, 400)
        minutes = (time.monotonic() - began) / 60
    statuses = Counter(raw.status for raw in said)

    assert set(statuses) == {200, 429}
    assert statuses[200] == desk.asked.total()
    for who, rpm in (("a", 60), ("b", 120)):
        assert 0.9 * rpm <= desk.asked[who] <= rpm * (1 + minutes) + 2
