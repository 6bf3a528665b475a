"""``turnout feedback import`` and the API behind it: into the ledger at hand, or through the control process that has it."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from click.testing import Result
from typer.testing import CliRunner

from tests.support.asgi import call
from tests.support.records import NOW, record
from turnout.build.data_dir import held
from turnout.cli.feedback import app
from turnout.clock import ManualClock
from turnout.control.app import control_app
from turnout.control.feedback_api import LARGEST, feedback_routes
from turnout.store.ledger import Ledger

CLOCK = ManualClock(NOW + 1_000)
RUN = CliRunner(env={"COLUMNS": "200", "TERM": "dumb", "TURNOUT_ADMIN_TOKEN": "admin"})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """With two requests of the key ``web``."""
    opened = Ledger(tmp_path / "ledger.db")
    opened.ingest([record(0), record(1)], "s", 1)
    yield opened
    opened.close()


def control(ledger: Ledger):
    return control_app(ledger, "admin", [], clock=CLOCK, more=feedback_routes(ledger.feedback, CLOCK))


@contextmanager
def served(ledger: Ledger) -> Iterator[int]:
    """A control plane on a port of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(control(ledger), ws="none", lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def imported(text: str, directory: Path, *options: str, name: str = "said.csv") -> Result:
    (directory / name).write_text(text)
    return RUN.invoke(app, ["import", str(directory / name), *options])


SAID = """kind,request_id,value,at
thumb,req-0,up,1790000500
thumb,req-1,sideways,1790000500
thumb,req-9,down,1790000500
stars,,4,1790000500
"""


def verdict(ledger: Ledger, request_id: str) -> list[tuple[str, float | None, str]]:
    return [(kept.state, kept.feedback.verdict, kept.feedback.source) for kept in ledger.feedback.of_request(request_id)]


def test_a_file_goes_into_the_ledger_that_nobody_serves(tmp_path: Path, ledger: Ledger):
    """Bad lines are told by number and reason; the rest goes in."""
    result = imported(SAID, tmp_path, "--data-dir", str(tmp_path))

    assert result.exit_code == 1
    assert 'said.csv:3: value: thumb: a thumb is "up" or "down"' in result.stderr
    assert "said.csv:5: request_id: say either which request" in result.stderr
    assert result.stdout == (
        "1 joined to their requests, 1 waiting for them, 0 about others' requests, 0 known already, 2 bad lines\n"
    )
    assert verdict(ledger, "req-0") == [("joined", 1.0, "import")]


def test_what_became_of_a_file_as_json(tmp_path: Path, ledger: Ledger):
    """The counts, and each bad line with its number and reason; nothing else is printed, and the exit code is as without."""
    result = imported(SAID, tmp_path, "--data-dir", str(tmp_path), "--json")

    told = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (1, "")
    assert {name: told[name] for name in ("joined", "waiting", "foreign", "known", "bad_lines")} == {
        "joined": 1,
        "waiting": 1,
        "foreign": 0,
        "known": 0,
        "bad_lines": 2,
    }
    assert [line["line"] for line in told["bad"]] == [3, 5]
    assert told["bad"][0]["why"].startswith("value: thumb")
    assert verdict(ledger, "req-0") == [("joined", 1.0, "import")]

    again = imported(
        SAID.replace("sideways", "down").replace("stars,,", "stars,req-1,"), tmp_path, "--data-dir", str(tmp_path), "--json"
    )
    assert (again.exit_code, json.loads(again.stdout)["bad"]) == (0, [])


def test_a_file_goes_through_the_control_process_that_serves(tmp_path: Path, ledger: Ledger):
    """Whoever holds the data directory is asked; a second time changes nothing."""
    lines = "".join(json.dumps({"kind": "stars", "value": 5, "request_id": f"req-{n}", "at": NOW}) + "\n" for n in range(1_500))
    with served(ledger) as port, held(tmp_path):
        (tmp_path / "turnout.yaml").write_text(f"control: {{port: {port}}}\ndata_dir: {tmp_path}\n")
        config = ("--config", str(tmp_path / "turnout.yaml"))
        first, again = (imported(lines + "{\n", tmp_path, *config, name="said.jsonl") for _ in range(2))

    assert first.stdout.startswith("2 joined to their requests, 1,498 waiting for them")
    assert first.exit_code == 1
    assert first.stderr.startswith("said.jsonl:1501: not JSON")
    assert "1,500 known already" in again.stdout
    assert verdict(ledger, "req-1") == [("joined", 1.0, "import")]


def test_bad_lines_found_by_the_control_process_are_told_by_number(tmp_path: Path, ledger: Ledger):
    """As those found here are."""
    with served(ledger) as port:
        result = imported(SAID, tmp_path, "--data-dir", str(tmp_path), "--url", f"http://127.0.0.1:{port}")

    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == ["said.csv:3", "said.csv:5"]


def test_what_stops_an_import_is_told(tmp_path: Path, ledger: Ledger):
    """What, where, and what to do; exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        nobody = unused.getsockname()[1]
    empty = tmp_path / "empty"
    for options, told in [
        (("--data-dir", str(empty)), "there is no ledger"),
        (("--data-dir", str(tmp_path), "--url", f"http://127.0.0.1:{nobody}"), "does not answer"),
        (("--data-dir", str(tmp_path), "--url", "ftp://x"), "not the address of a control plane"),
    ]:
        result = imported(SAID, tmp_path, *options)
        assert (result.exit_code, told in result.stderr) == (1, True), result.output
    assert "the first line must name the columns" in imported("a,b\n", tmp_path, "--data-dir", str(tmp_path)).stderr
    with served(ledger) as port:
        (tmp_path / "said.csv").write_text(SAID)
        refused = CliRunner(env={"TURNOUT_ADMIN_TOKEN": "wrong"}).invoke(
            app, ["import", str(tmp_path / "said.csv"), "--url", f"http://127.0.0.1:{port}", "--data-dir", str(tmp_path)]
        )
    assert "says 401" in refused.stderr


async def test_the_api_takes_what_can_be_read(ledger: Ledger):
    """And says which could not, by place; what was said of a request can be asked for."""
    body = json.dumps({"feedback": [{"kind": "nps", "value": 10, "request_id": "req-0"}, {"kind": "nps"}]}).encode()
    sent = {"body": body, "content_type": "application/json", "authorization": "Bearer admin"}
    answer = await call(control(ledger), "/api/feedback", method="POST", **sent)
    shown = await call(control(ledger), "/api/requests/req-0/feedback", authorization="Bearer admin")

    assert answer.json == {
        "joined": 1, "waiting": 0, "foreign": 0, "known": 0,
        "refused": [{"item": 1, "message": "request_id: say either which request it is about, or which session"}],
    }  # fmt: skip
    assert [(kept["state"], kept["feedback"]["value"]) for kept in shown.json["feedback"]] == [("joined", 10.0)]


async def test_the_api_refuses_what_it_cannot_read(ledger: Ledger):
    """Without the token, too."""
    plane, sent = control(ledger), {"method": "POST", "content_type": "application/json"}

    assert (await call(plane, "/api/feedback", body=b"{}", **sent)).status == 401
    sent["authorization"] = "Bearer admin"
    assert (await call(plane, "/api/feedback", body=b"{", **sent)).status == 400
    assert (await call(plane, "/api/feedback", body=b" " * (LARGEST + 1), **sent)).status == 413


def test_a_hundred_thousand_lines_take_seconds(tmp_path: Path, ledger: Ledger):
    """A twentieth of them here, in a twentieth of half a minute."""
    lines = "kind,request_id,value,at\n" + "".join(f"thumb,req-{n},up,1790000500\n" for n in range(5_000))
    began = time.perf_counter()
    result = imported(lines, tmp_path, "--data-dir", str(tmp_path))

    assert result.exit_code == 0, result.output
    assert time.perf_counter() - began < 30 / 20 * 2  # twice, for a machine that does other things
