"""Alerts on their way: a real receiver that fails, answers late, or takes them; the same told once; nothing lost."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from turnout.clock import ManualClock
from turnout.control.alerting import Alarm
from turnout.store.ledger import Ledger
from turnout.store.rollups.cells import Cell, Key, Slice
from turnout.types.alert import Alert, Alerting, Webhook
from turnout.types.money import pico_from_usd

ALERT = Alert("a-1", 1_700_000_000.0, "adopted", "warning", "adopted", "it is", "a", "/releases/r")


class Receiver:
    """Answers with ``status`` and keeps what it got."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[dict[str, str], Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
                self.send_response(receiver.status)
                self.send_header("location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?token=do-not-tell"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


class House:
    def __init__(self, store: str, rules: Alerting, env: dict[str, str]) -> None:
        self.clock, self.said = ManualClock(), list[str]()
        self.ledger = Ledger(store)
        self.alarm = Alarm(self.ledger.alerts, lambda: rules, self.clock, env, "http://d", self.said.append)


def _house(store: str, receiver: Receiver, **more: Any) -> House:
    hooks = (Webhook("ops", "env:HOOK", "env:SECRET"), Webhook("chat", receiver.url, format="slack", severity="critical"))
    return House(store, Alerting(hooks, **more), {"HOOK": receiver.url, "SECRET": "s3cret"})


def test_an_alert_is_sent_once_to_whom_it_concerns_and_signed(store_url: str, receiver: Receiver) -> None:
    """The chat wants critical ones only."""
    house = _house(store_url, receiver)
    house.alarm.tell(ALERT)
    house.alarm.tell(msgspec.structs.replace(ALERT, id="a-2", at=ALERT.at + 60))
    house.alarm.send()
    house.alarm.send()

    ((headers, body),) = receiver.got
    assert headers["webhook-signature"].startswith("v1,")
    assert body["data"]["link"] == "http://d/releases/r"
    assert [alert.id for alert in house.ledger.alerts.list()] == ["a-1"]
    house.ledger.close()


def test_a_receiver_that_fails_is_tried_again_later_and_given_up_in_the_end(store_url: str, receiver: Receiver) -> None:
    """Twice as long each time; a channel that has it does not get it again; nothing of its URL is told."""
    house = _house(store_url, receiver)
    receiver.status = 503
    house.alarm.tell(msgspec.structs.replace(ALERT, severity="critical"))
    house.alarm.send()
    assert len(receiver.got) == 2
    house.alarm.send()
    assert len(receiver.got) == 2, "not at once"
    receiver.status = 200
    house.clock.advance(11)
    house.alarm.send()
    house.alarm.send()
    assert len(receiver.got) == 4
    assert not any("do-not-tell" in line or "s3cret" in line for line in house.said)
    house.ledger.close()


@pytest.mark.parametrize("url", ["http://[::1/x", "http://127.0.0.1:port/x", "http://127.0.0.1/a b", "ftp://127.0.0.1/x"])
def test_a_receiver_that_cannot_be_holds_up_no_other(tmp_path: Path, receiver: Receiver, url: str) -> None:
    """Whoever stands behind it is told all the same, and nothing of the odd URL is."""
    rules = Alerting((Webhook("odd", f"{url}?token=do-not-tell"), Webhook("good", receiver.url)))
    house = House(f"sqlite:///{tmp_path / 'ledger.db'}", rules, {})
    for n in range(3):
        house.alarm.tell(msgspec.structs.replace(ALERT, id=f"a-{n}", key=f"k-{n}"))
    house.alarm.send()

    assert len(receiver.got) == 3
    assert not any("do-not-tell" in line for line in house.said)
    house.ledger.close()


def test_it_is_given_up_after_a_while(store_url: str, receiver: Receiver) -> None:
    """And said so."""
    house = _house(store_url, receiver)
    receiver.status = 500
    house.alarm.tell(ALERT)
    for _ in range(12):
        house.alarm.send()
        house.clock.advance(4_000)
    assert len(receiver.got) == 8
    assert house.said[-1].endswith("given up")
    house.ledger.close()


def test_a_receiver_that_fails_is_logged_once_an_hour_and_when_it_works_again(tmp_path: Path, receiver: Receiver) -> None:
    """Every retry of every alert would bury the log; how often it failed is counted all the same."""
    house = _house(f"sqlite:///{tmp_path / 'ledger.db'}", receiver)
    receiver.status = 503
    for n in range(3):
        house.alarm.tell(msgspec.structs.replace(ALERT, id=f"a-{n}", key=f"k-{n}"))
    house.alarm.send()
    house.clock.advance(20)
    house.alarm.send()
    (title, failed, *others) = house.said
    assert title.startswith(f"alert ({ALERT.severity}): {ALERT.title}")
    assert failed == "alert 'a-0' could not be sent to ops: it answered 503"
    assert others == [title, title]
    told = len(house.said)
    house.clock.advance(3_600)
    house.alarm.send()
    assert house.said[-1].endswith("it answered 503 (7 failures by now)")
    receiver.status = 200
    house.clock.advance(3_600)
    house.alarm.send()
    assert house.said[told + 1 :] == ["alerts are sent to ops again, after 9 failures"]
    house.ledger.close()


@pytest.mark.parametrize("status", [404, 410, 302])
def test_a_receiver_that_will_never_take_it_is_left_alone(store_url: str, receiver: Receiver, status: int) -> None:
    """A redirect is no answer: the body goes to nobody else."""
    house = _house(store_url, receiver)
    receiver.status = status
    house.alarm.tell(ALERT)
    house.alarm.send()
    house.clock.advance(20)
    house.alarm.send()
    assert len(receiver.got) == (2 if status == 302 else 1)
    house.ledger.close()


def test_a_secret_that_is_not_there_is_said_and_tried_again(tmp_path: Path, receiver: Receiver) -> None:
    """Nothing is sent unsigned."""
    house = _house(f"sqlite:///{tmp_path / 'ledger.db'}", receiver)
    house.alarm._secrets = lambda ref: None
    house.alarm.tell(ALERT)
    house.alarm.send()
    assert receiver.got == []
    assert any("env:SECRET is not set" in line for line in house.said)
    house.ledger.close()


def test_a_days_spending_past_its_limit_is_told_once(tmp_path: Path, receiver: Receiver) -> None:
    """In all, and by route."""
    house = _house(
        f"sqlite:///{tmp_path / 'ledger.db'}", receiver, spend=pico_from_usd(10), spend_by_route={"support": pico_from_usd(20)}
    )
    cells = [
        (Key("support", "m", None, None, 1), Cell(cost=pico_from_usd(8))),
        (Key("code", "m", None, None, 1), Cell(cost=pico_from_usd(4))),
    ]

    def slices(since: int, until: int, period: int) -> tuple[Slice, ...]:
        return (Slice(period, since, float(until), cells, [], []),)

    house.alarm.watch_spend(slices)
    house.alarm.watch_spend(slices)
    assert [alert.title.split(" spent")[0] for alert in house.ledger.alerts.list()] == ["all routes"]
    cells[0][1].cost = pico_from_usd(25)
    house.alarm.watch_spend(lambda since, until, period: (Slice(period, since, 0.0, [*cells], [], []),))
    assert {alert.title.split(" spent")[0] for alert in house.ledger.alerts.list()} == {"all routes", "route support"}
    house.ledger.close()
