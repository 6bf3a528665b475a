"""A refresh that is wrong, through the real watch of a running ``turnout serve``: kept apart and told, and nothing is routed differently."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.e2e_load.running import serving, until, upstream
from tests.support.catalogs import dev_model, lite_model, litellm, models_dev
from tests.support.releasing import House, Traffic, lasting

PRICES = {"claude-haiku-4-5": 1.0, "claude-sonnet-5": 3.0, "claude-opus-5": 5.0, "claude-sonnet-5-5": 3.5, "claude-opus-5-5": 6.0}
"""USD per million input tokens; output is five times that."""
CHEAPEST = "anthropic/claude-haiku-4-5"
Page = bytes | threading.Event
"""What a source answers with; an event: nothing until it is set, and then it hangs up."""


class World:
    """Sources on loopback and who is told of alerts, in one server. Pages by path."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.alerts: list[Any] = []
        self.asked = 0
        world = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                world.asked += 1
                page = world.pages[self.path]
                if isinstance(page, threading.Event):
                    page.wait(30)
                    return
                self.send_response(200)
                self.send_header("content-length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def do_POST(self) -> None:
                world.alerts.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def say(self, prices: dict[str, float]) -> None:
        """Both sources agree on these prices."""
        dev = {f"anthropic/{name}": dev_model(cost=_cost(usd), release_date="2026-01-15") for name, usd in prices.items()}
        lite = {
            name: lite_model("anthropic", **{f"{way}_cost_per_token": usd / 1e6 for way, usd in _cost(usd).items()})
            for name, usd in prices.items()
        }
        self.pages = {"/dev": models_dev(dev), "/lite": litellm(lite)}

    def told(self, kind: str) -> list[Any]:
        """The alerts of a kind that came."""
        return [alert["data"] for alert in list(self.alerts) if alert["data"]["kind"] == kind]

    def close(self) -> None:
        for page in self.pages.values():
            if isinstance(page, threading.Event):
                page.set()
        self._server.shutdown()
        self._server.server_close()


def _cost(usd: float) -> dict[str, float]:
    return {"input": usd, "output": 5 * usd}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    made.say(PRICES)
    yield made
    made.close()


@pytest.fixture(scope="module")
def home(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running house whose one route takes the cheapest, by the catalog's prices; it has looked at both sources once, by itself."""
    folder = tmp_path_factory.mktemp("poison")
    (folder / "key").write_text("none is wanted")
    with upstream() as port:
        policy = {
            "providers": {
                "anthropic": {
                    "dialect": "openai-chat",
                    "base_url": f"http://127.0.0.1:{port}/v1",
                    "api_key": f"file:{folder / 'key'}",
                    "proxy": "none",
                }
            },
            "routes": {"default": {"objective": "cost", "models": [f"anthropic/{name}" for name in PRICES]}},
            "release": {"sources": [f"{world.url}/dev", f"{world.url}/lite"], "refresh": "1h"},
            "alerts": {"webhooks": [{"name": "us", "url": f"{world.url}/alerts"}]},
        }
        with serving(folder, policy) as turnout:
            found = House(folder, port, turnout)
            until(lambda: world.asked >= 2 and (turnout.data_dir / "catalog" / "accepted").exists(), "a first look")
            yield found


def look(home: House) -> Any:
    status, found = home.call("POST", "/api/catalog/refresh", {})
    assert status == 200, found
    return found


def serves(home: House) -> set[str]:
    """The models that answer the next requests."""
    with Traffic(home.turnout.port, 200, "default") as traffic:
        until(lambda: len(traffic.answered) >= 20, "answers")
    assert traffic.refused == []
    return set(traffic.answered.values())


def prices_in_force(home: House) -> dict[str, float]:
    """Of input, by the view that workers read."""
    models = home.base().models
    return {
        facts.id.partition("/")[2]: facts.prices[-1].tiers[0].input / 1e6
        for facts in models
        if facts.id.partition("/")[2] in PRICES
    }


@pytest.fixture
def settled(home: House, world: World) -> Iterator[str]:
    """The base in force after a good look; whatever a test says of the world, it is well again afterwards."""
    world.say(PRICES)
    look(home)
    until(lambda: prices_in_force(home) == PRICES, "the prices are in force")
    until(lambda: serves(home) == {CHEAPEST}, "the cheapest serves")
    world.alerts.clear()
    yield home.overlay().base
    world.say(PRICES)
    assert look(home)["suspicion"] == []


def unmoved(home: House, base: str) -> None:
    """Neither the view nor who answers is another one. A reading of the policy would have come by now: it takes 0.2 s."""
    assert serves(home) == {CHEAPEST}
    assert home.overlay().base == base


@pytest.mark.parametrize(
    ("prices", "why"),
    [
        (dict.fromkeys(PRICES, 0.0), "fell from"),
        ({**PRICES, "claude-opus-5": 0.05}, "went from"),
        ({**PRICES, CHEAPEST.partition("/")[2]: 100.0}, "went from"),
        ({"claude-haiku-4-5": 1.0, "claude-sonnet-5": 3.0}, "models are listed no more"),
    ],
    ids=["all-zero", "a-hundredth", "a-hundredfold", "models-gone"],
)
def test_a_poisoned_refresh_is_kept_apart(home: House, world: World, settled: str, prices: dict[str, float], why: str) -> None:
    """Every event of it is quarantined, an alert is written and delivered, and requests go where they went."""
    world.say(prices)
    found = look(home)

    assert any(why in each for each in found["suspicion"]), found
    assert found["events"]
    assert {event["state"] for event in found["events"]} == {"quarantined"}
    unmoved(home, settled)
    (alert,) = until(lambda: world.told("catalog_quarantined"), "an alert is delivered")
    assert alert["severity"] == "critical"
    written = home.get("/api/alerts")["alerts"]
    assert [each["kind"] for each in written if each["at"] >= found["events"][0]["at"]] == ["catalog_quarantined"]


def test_no_catalog_at_all_is_no_news(home: House, world: World, settled: str) -> None:
    """A page of HTML from one and a source that is gone: the last good copies speak, with their ages, and nothing is taken."""
    world.pages["/dev"] = b"<!doctype html><html><body>Just a moment...</body></html>"
    world.pages["/lite"] = gone = threading.Event()
    gone.set()
    found = look(home)

    assert set(found["errors"]) == {f"{world.url}/dev", f"{world.url}/lite"}
    assert (found["events"], found["suspicion"], found["changed"]) == ([], [], False)
    assert all(age > 0 for age in found["ages"].values())
    unmoved(home, settled)
    assert world.told("catalog_quarantined") == []


def test_a_source_that_hangs_holds_up_nobody(home: House, world: World, settled: str) -> None:
    """Requests are answered and people are served while a look waits for it; then what was known of it still holds."""
    world.pages["/dev"] = hangs = threading.Event()
    came: list[Any] = []
    waiting = threading.Thread(target=lambda: came.append(look(home)))
    waiting.start()
    asked = world.asked
    until(lambda: world.asked > asked, "the look has begun")
    unmoved(home, settled)
    assert home.get("/api/catalog/events") is not None
    assert came == []
    hangs.set()
    waiting.join(20)

    (found,) = came
    assert set(found["errors"]) == {f"{world.url}/dev"}
    assert (found["events"], found["changed"]) == ([], False)
    unmoved(home, settled)


def test_poison_that_comes_again_is_told_again(home: House, world: World, settled: str) -> None:
    """The source was well in between, which ended it: what it says then waits for a person once more, and people hear of it."""
    states = []
    for prices in ({**PRICES, "claude-opus-5": 0.5}, PRICES, {**PRICES, "claude-opus-5": 0.5}):
        world.say(prices)
        look(home)
        lasting(0.6)  # what is kept apart within one second is one alert
        (event,) = [each for each in home.get("/api/catalog/events")["events"] if "0.5" in str(each["after"])]
        states.append(event["state"])

    assert states == ["quarantined", "dismissed", "quarantined"]
    until(lambda: len(world.told("catalog_quarantined")) == 2, "both alerts are delivered")
    unmoved(home, settled)


def test_a_person_may_take_it(home: House, world: World, settled: str) -> None:
    """What was kept apart and is right after all: with somebody's word on the event its price holds, and the route follows it."""
    world.say({**PRICES, "claude-opus-5": 0.05})
    (event,) = look(home)["events"]
    unmoved(home, settled)
    status, found = home.call("POST", f"/api/catalog/events/{event['id']}/accept", {"note": "on their price page", "by": "ann"})

    assert (status, [one["state"] for one in found["events"]]) == (200, ["accepted"])
    until(lambda: serves(home) == {"anthropic/claude-opus-5"}, "the route follows")
    assert home.overlay().base != settled
    assert look(home)["suspicion"] == []
    # back again is a change as suspicious, and takes a person's word too
    world.say(PRICES)
    (back,) = look(home)["events"]
    assert home.call("POST", f"/api/catalog/events/{back['id']}/accept", {})[0] == 200
    until(lambda: serves(home) == {CHEAPEST}, "the route is back")
