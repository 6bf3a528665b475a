"""docs/reference/http.md names what the program has."""

import re
import urllib.request
from pathlib import Path
from typing import get_args

from tests.docs.serving import Served
from tests.docs.snippets import ROOT
from tests.support.control import real_app
from turnout.control.openapi import operations
from turnout.errors import STATUS
from turnout.front.app import App
from turnout.front.guard import Guard
from turnout.front.hints import _BODY_KEYS
from turnout.types.decision import Reason, Rejected

PAGE = (ROOT / "docs/reference/http.md").read_text("utf-8")
NOT_YET = {"explore", "trial"}
"""Reasons that PRODUCT names and nothing gives yet."""


def test_every_path_is_there() -> None:
    """The routes of the data plane."""
    app = App(None, Guard("127.0.0.1"), 1)  # type: ignore[arg-type]  # nothing is called
    assert all(f"`{method} {path}`" in PAGE for method, path in app._routes)


def test_every_error_code_is_there_with_its_status() -> None:
    """A row each: code and status."""
    assert all(f"| `{code}` | {status} |" in PAGE for code, status in STATUS.items())


def test_every_hint_is_there() -> None:
    """Body keys and their headers."""
    assert all(f"`turnout.{key}`" in PAGE for key in _BODY_KEYS)


def test_every_reason_is_there() -> None:
    """Those that an answer can have; and rejections on the page about deciding."""
    deciding = (ROOT / "docs/concepts/deciding.md").read_text("utf-8")
    assert all(f"`{reason}`" in PAGE for reason in set(get_args(Reason)) - NOT_YET)
    assert not any(f"`{reason}`" in PAGE for reason in NOT_YET)
    assert all(f"`{reason}`" in deciding for reason in get_args(Rejected))


def test_every_header_is_there(served: Served) -> None:
    """What an answer carries of ours is on the page."""

    body = b'{"model": "support", "messages": [{"role": "user", "content": "Where is my parcel?"}]}'
    request = urllib.request.Request(f"{served.url}/v1/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        ours = [name for name in answer.headers if name.startswith("x-turnout-")]

    assert len(ours) >= 7
    assert all(f"`{name}`" in PAGE for name in ours)


def test_every_call_of_the_control_plane_is_there(tmp_path: Path) -> None:
    """Each with its method; what a path has in braces is a word in capitals, and pages are one."""
    with real_app(tmp_path) as app:
        all_ = tuple(operations(app.routes))
    paths = ((one.method, re.sub(r"^/api/pages/\w+", "/api/pages/PAGE", one.path)) for one in all_)
    calls = {f"{method} {re.sub(r'{([^}]+)}', lambda name: name[1].upper(), path)}" for method, path in paths}

    assert len(calls) >= 25
    assert [call for call in sorted(calls) if f"`{call}`" not in PAGE and f"`{call}?" not in PAGE] == []
