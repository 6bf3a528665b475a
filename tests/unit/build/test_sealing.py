"""The key of content, as a worker finds it."""

from datetime import date
from pathlib import Path

import pytest

from tests.support.fake_transport import FakeTransport
from turnout.build.content_keys import opening_keys
from turnout.build.snapshots import Means, snapshot
from turnout.checks.checker import Checker
from turnout.clock import ManualClock
from turnout.content.seal import keyring, new_key
from turnout.decide.compiled import compile_view
from turnout.execute.board import Board
from turnout.serve.worker import Snapshot
from turnout.types.policy import Policy
from turnout.types.view import Base, Overlay

KEY, OTHER = new_key(), new_key()


async def made(env: dict[str, str], *refs: str) -> Snapshot:
    view = compile_view(Base(1, Policy((), (), content_keys=refs), (), {}), Overlay("", date(2026, 11, 23)), "v")
    return snapshot(view, Means(FakeTransport(), Board(), Checker().verify, ManualClock(), env))


async def test_the_first(tmp_path: Path) -> None:
    """The others only open."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    found = await made({"OTHER": OTHER}, f"file:{tmp_path}/key", "env:OTHER")

    assert found.sealing is not None
    assert found.sealing.id == keyring([KEY]).keys[0].id


@pytest.mark.parametrize(("env", "refs"), [({}, ()), ({}, ("env:KEY",)), ({"KEY": "no key"}, ("env:KEY",))])
async def test_none(env: dict[str, str], refs: tuple[str, ...]) -> None:
    """A worker whose key is gone serves on, and keeps nothing."""
    assert (await made(env, *refs)).sealing is None


def test_all_that_can_be_had_open() -> None:
    """One that is gone is no reason to open nothing."""
    keys = opening_keys(Policy((), (), content_keys=("env:GONE", "env:KEY", "env:OTHER")), {"KEY": KEY, "OTHER": OTHER})

    assert [key.id for key in keys.keys] == [key.id for key in keyring([KEY, OTHER]).keys]
