"""Wrong usage is told in a sentence, with exit code 2 where the command line is at fault and 1 where the world is; never by a traceback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from turnout.cli.main import COMMANDS, _app

RUN = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})
NOBODY = "http://127.0.0.1:1"


def said(arguments: list[str], code: int, **given: str | bytes) -> str:
    """What is printed; nothing but an exit may have come out of it."""
    result = RUN.invoke(_app(COMMANDS), arguments, **given)

    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    return result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["models", "--max-price", "nan"], "Invalid value for '--max-price'"),
        (["models", "--max-price", "inf"], "Invalid value for '--max-price'"),
        (["models", "--max-price", "-1"], "Invalid value for '--max-price'"),
        (["serve", "--port", "99999"], "Invalid value for '--port'"),
        (["serve", "--control-port", "-1"], "Invalid value for '--control-port'"),
        (["sim", "--port", "70000"], "Invalid value for '--port'"),
        (["sim", "--time-scale", "nan"], "Invalid value for '--time-scale'"),
        (["demo", "--seconds", "-1"], "Invalid value for '--seconds'"),
        (["demo", "--seconds", "nan"], "Invalid value for '--seconds'"),
        (["demo", "--rate", "inf"], "Invalid value for '--rate'"),
        (["explain", "hi", "--url", "notaurl"], "notaurl/v1/explain is not the URL of a gateway; write http://HOST:PORT"),
        (["explain", "hi", "--url", "file://localhost/etc/hostname"], "is not the URL of a gateway"),
        (["explain", "hi", "--url", "http://[::1"], "is not the URL of a gateway"),
        (["explain", "hi", "--url", NOBODY, "--key", "a\nb"], "--key: a key is one line of printable ASCII"),
        (["explain", "hi", "--url", NOBODY, "--key", "schlüssel"], "--key: a key is one line of printable ASCII"),
        (["explain"], "name a prompt"),
    ],
)
def test_a_value_that_cannot_be_meant_is_wrong_usage(arguments: list[str], sentence: str) -> None:
    """Exit code 2, and which option it was."""
    assert sentence in said(arguments, 2)


def test_a_decision_of_no_ledger_says_where_to_look(tmp_path: Path) -> None:
    """Exit code 1, and which options name another."""
    told = said(["replay", "019dabc01234-0123456789abcdef", "--data-dir", str(tmp_path)], 1)
    assert f"there is no ledger at {tmp_path / 'ledger.db'}; name its data directory with --data-dir" in told
    assert "--config" in told


@pytest.mark.parametrize("key", [b"\xff\xfe\n", "schlüssel\n".encode(), b"a\x07b\n"])
def test_what_no_header_carries_is_no_key(key: bytes) -> None:
    """A hash of it would never match anything."""
    assert "a key is one line of printable ASCII" in said(["keys", "hash"], 2, input=key)


@pytest.mark.parametrize("url", [NOBODY, "http://127.0.0.1:99999", "http://no such host"])
def test_a_gateway_that_is_not_there_is_asked_after(url: str) -> None:
    """Exit code 1 or 2, as it is the address or the world that is wrong."""
    result = RUN.invoke(_app(COMMANDS), ["explain", "hi", "--url", url])

    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert url in result.stderr


class Other(BaseHTTPRequestHandler):
    """Some server, which keeps the tags it was sent. Its answer is the path's first word."""

    tags: str | None = None

    def do_POST(self) -> None:
        Other.tags = self.headers["x-turnout-tags"]
        word = self.path.split("/")[1]
        status, body = ANSWERS[word]
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


DECISION = {"route": "r", "reason": "best", "traits": {}, "candidates": [], "rejections": [], "plan": []}
ANSWERS = {
    "page": (200, b"<html>"),
    "list": (200, b"[]"),
    "lost": (404, b"not here"),
    "refusal": (400, b'{"error": {"message": "no such tag"}}'),
    "gateway": (200, json.dumps(DECISION).encode()),
}


@pytest.fixture(scope="module")
def other() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Other)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("page", "not as a gateway does"), ("list", "not as a gateway does"), ("lost", "answers 404"), ("refusal", "no such tag")],
)
def test_what_is_no_decision_is_said_to_be_none(path: str, sentence: str, other: str) -> None:
    """Another server may be on that port, or the gateway may refuse."""
    assert sentence in said(["explain", "hi", "--url", f"{other}/{path}"], 1)


def test_tags_may_be_typed_in_any_script(other: str) -> None:
    """A header is ASCII: what is not is percent-encoded, what was encoded by hand stays."""
    result = RUN.invoke(_app(COMMANDS), ["explain", "hi", "--url", f"{other}/gateway", "--tags", "a=漢,b=x%2Cy,c=d e"])

    assert result.exit_code == 0, result.output
    assert Other.tags == "a=%E6%BC%A2,b=x%2Cy,c=d e"
