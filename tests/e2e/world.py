"""What the tests of this folder share: the policy's routes and keys, and how to reach the running processes."""

import asyncio
import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI

from turnout.sim.policy import ROUTES as SIM_ROUTES

BRIEF = "{connect: 1s, first_token: 600ms, first_token_reasoning: 600ms, idle: 600ms, total: 600ms}"
"""Timeouts short enough to wait for."""

UNMOVED = """
health: {consecutive: 1000000, samples: 1000000, quarantine: 1ms, check: none}
quota: {shadow: true}
"""
"""All tests share one gateway: what one does to a provider must not be what the next one meets. Health has worlds of its own."""

ROUTES = SIM_ROUTES.replace(
    "  default:",
    f"""\
  openai-first:
    static: sim-openai/small
    fallback: [sim-anthropic/swift]
    attempts: 2
    timeouts: {BRIEF}
  anthropic-first:
    static: sim-anthropic/swift
    fallback: [sim-openai/small]
    attempts: 2
    timeouts: {BRIEF}
  blind:
    models: [sim-local/tiny, sim-local/coder]
    objective: cost
  frugal:
    static: sim-openai/large
    budget_usd: 0.000001
  hurried:
    static: sim-openai/small
    deadline: 200ms
    timeouts: {{connect: 1s, first_token: 5s, idle: 5s, total: 5s}}
  audited:
    static: sim-openai/medium
    journal: required
  shared:
    split: {{sim-openai/medium: 50, sim-anthropic/steady: 50}}
  quick:
    objective: latency
    needs: {{quality: 5}}
    models: [sim-openai/small, sim-anthropic/swift, sim-openai/medium]
    fallback: [sim-openai/medium]
  kept-openai: {{static: sim-openai/medium, cache: {{}}}}
  kept-anthropic: {{static: sim-anthropic/steady, cache: {{}}}}
  kept-briefly: {{static: sim-openai/medium, cache: {{ttl: 300ms, stale: 1h}}}}
  kept-alike: {{static: sim-openai/medium, cache: {{match: similar}}}}
  kept-audited: {{static: sim-openai/medium, cache: {{}}, journal: required}}
  default:""",
)


class Key(msgspec.Struct, frozen=True):
    secret: str
    settings: dict[str, Any] = {}


KEYS = {
    "app": Key("tk-the-application"),
    "audit": Key("tk-the-auditors", {"tags": {"requires_audit": "true"}}),
    "limited": Key("tk-support-only", {"routes": ["support"]}),
    "other": Key("tk-another-tenant"),
}
APP, OTHER = KEYS["app"].secret, KEYS["other"].secret


class Raw(msgspec.Struct, frozen=True):
    """An HTTP answer as it came; ``seconds`` from the request's last byte to the answer's last."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float = 0.0

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def _sdk(name: str, is_async: bool, url: str, key: str, retries: int) -> Any:  # noqa: FBT001 - private, one line each
    if name == "openai":
        return (AsyncOpenAI if is_async else OpenAI)(base_url=f"{url}/v1", api_key=key, max_retries=retries, timeout=10)
    return (AsyncAnthropic if is_async else Anthropic)(base_url=url, api_key=key, max_retries=retries, timeout=10)


class World:
    """The running processes. ``api`` and the others are URLs without a slash at their end."""

    def __init__(self, api: str, control: str, sim: str, data_dir: Path) -> None:
        self.api = api
        self.control = control
        self.sim = sim
        self.data_dir = data_dir
        self.runner = asyncio.Runner()
        self._sdks: dict[tuple[Any, ...], Any] = {}

    # The official SDKs, as an application makes them: only the URL is ours. Made once each: it takes them 50 ms.

    def sdk(self, name: str, key: str = APP, retries: int = 0) -> Any:
        return self._made((name, key, retries), lambda: _sdk(name, False, self.api, key, retries))

    def async_sdk(self, name: str) -> Any:
        """To be used in :attr:`runner` only."""
        return self._made((name, "async"), lambda: _sdk(name, True, self.api, APP, 0))

    def provider_sdk(self, name: str) -> Any:
        """Straight to the simulated provider that speaks this SDK's dialect."""
        return self._made((name, "provider"), lambda: _sdk(name, False, f"{self.sim}/sim-{name}", "x", 0))

    def _made(self, which: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        if which not in self._sdks:
            self._sdks[which] = make()
        return self._sdks[which]

    def close(self) -> None:
        """Close every client."""
        for which, client in self._sdks.items():
            closing = client.close()
            if "async" in which:
                self.runner.run(closing)
        self.runner.close()

    # Plain HTTP.

    def call(self, method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Raw:
        place = urlsplit(url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
        try:
            connection.request(method, f"{place.path}?{place.query}" if place.query else place.path, body, headers or {})
            sent = time.perf_counter()
            answer = connection.getresponse()
            content = answer.read()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Raw(answer.status, named, content, time.perf_counter() - sent)
        finally:
            connection.close()

    def post(self, path: str, body: Any, key: str | None = APP, **headers: str) -> Raw:
        """To the data plane; ``headers`` with underscores for hyphens."""
        named = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.call("POST", self.api + path, data, {name: value for name, value in named.items() if value})

    def get(self, path: str, key: str | None = APP, **headers: str) -> Raw:
        named = {"authorization": f"Bearer {key}"} if key else {}
        return self.call("GET", self.api + path, None, named | {name.replace("_", "-"): headers[name] for name in headers})

    # The simulated providers.

    def inject(self, *rules: dict[str, Any]) -> None:
        """Put these faults in force, instead of those before."""
        self.call("POST", f"{self.sim}/sim/faults", json.dumps(rules).encode())

    def forget(self) -> None:
        """The providers forget all they were asked: counters, invoice, prompt caches, faults."""
        self.call("POST", f"{self.sim}/sim/reset", b"")

    def stats(self) -> Any:
        """The providers' own count and invoice."""
        return self.call("GET", f"{self.sim}/sim/stats").json

    def asked(self) -> dict[str, int]:
        """How often each model was called since :meth:`forget`."""
        return {name: model["requests"] for name, model in self.stats()["models"].items() if model["requests"]}

    # The control plane.

    def control_get(self, path: str) -> Raw:
        token = (self.data_dir / "admin-token").read_text().strip()
        return self.call("GET", self.control + path, None, {"authorization": f"Bearer {token}"})

    def record(self, request_id: str) -> Any:
        """A request as the ledger has it, once it is there and final."""
        until = time.monotonic() + 10
        while True:
            found = self.control_get(f"/api/requests/{request_id}")
            if found.status == 200 and found.json["outcome"] != "begun":
                return found.json
            assert time.monotonic() < until, f"{request_id} did not reach the ledger: {found}"
            time.sleep(0.05)
