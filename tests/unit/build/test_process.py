"""What child processes do beside serving."""

import asyncio

import pytest

from turnout.build import process
from turnout.build.process import chore


async def test_a_chore_that_breaks_is_told_and_begun_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody waits for a chore: what is not said here is never said, and what is not begun again has ended for good."""
    monkeypatch.setattr(process, "BEGUN_AGAIN_AFTER", 0)
    begun, well = [], asyncio.Event()

    async def work() -> None:
        begun.append(len(begun))
        if len(begun) == 1:
            raise ValueError("a bug")
        well.set()
        await asyncio.Event().wait()

    task = chore("control", work)
    async with asyncio.timeout(5):
        await well.wait()
    task.cancel()

    said = capsys.readouterr().err
    assert begun == [0, 1]
    assert "turnout: control: a chore broke" in said
    assert "ValueError: a bug" in said
    with pytest.raises(asyncio.CancelledError):
        await task
