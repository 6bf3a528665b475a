"""The control process starts what is due, once, and hands out what there is."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.unit.drill.drilling import DRILL, POLICY, aim, outage, quality
from turnout.clock import ManualClock
from turnout.control.drills import LOG, command, drill_routes, in_its_own_process, keep_drilling, start_due
from turnout.drill.measure import measure
from turnout.drill.page import page
from turnout.drill.report import FOLDER, keep, report
from turnout.drill.schedule import SCHEDULE, Scheduled, reschedule
from turnout.types.drill import Drill
from turnout.types.money import pico_from_usd

NOW = 1_790_000_000.0


def entry(name: str = "m", **changes: Any) -> Scheduled:
    drill = Drill("", "outage", 0, 0, 0, provider="openai", **changes)
    return Scheduled(name, "daily", 1, 0, drill, 60.0, 20.0, "/x/turnout.yaml", 0.0)


def test_started_once(tmp_path: Path) -> None:
    """What is due is started, one after the other, and not again at the next look."""
    reschedule(tmp_path, [entry("a"), entry("b")])
    begun: list[str] = []

    async def start(each: Scheduled) -> int:
        begun.append(each.id)
        return 0

    for _ in range(3):
        asyncio.run(start_due(tmp_path, ManualClock(NOW), lambda _: None, start))
    assert begun == ["a", "b"]
    asyncio.run(start_due(tmp_path, ManualClock(NOW + 86400), lambda _: None, start))
    assert begun == ["a", "b", "a", "b"]


async def test_two_looks_at_once(tmp_path: Path) -> None:
    """What one look has begun is not begun by another, however long it takes."""
    reschedule(tmp_path, [entry()])
    begun: list[str] = []
    over = asyncio.Event()

    async def start(each: Scheduled) -> int:
        begun.append(each.id)
        await over.wait()
        return 0

    looks = [asyncio.create_task(start_due(tmp_path, ManualClock(NOW), lambda _: None, start)) for _ in range(2)]
    await asyncio.sleep(0)
    over.set()
    await asyncio.gather(*looks)
    assert begun == ["m"]


@pytest.mark.parametrize(
    ("code", "word"), [(0, "passed"), (1, "did not pass"), (2, "could not be run"), (-9, "could not be run")]
)
async def test_its_end_is_told(tmp_path: Path, code: int, word: str) -> None:
    """Nobody watched it: whoever reads the log learns how it ended."""
    reschedule(tmp_path, [entry()])
    said: list[str] = []

    async def start(_: Scheduled) -> int:
        return code

    await start_due(tmp_path, ManualClock(NOW), said.append, start)
    assert said[0] == "drill m begins"
    assert word in said[1]


def test_a_process_of_its_own(tmp_path: Path) -> None:
    """It is really run, on the loop that the control process has: of a policy that is gone, a sentence and the exit code are left."""
    reschedule(tmp_path, [entry()])
    said: list[str] = []

    uvloop.run(start_due(tmp_path, ManualClock(NOW), said.append, partial(in_its_own_process, tmp_path)))
    assert "could not be run" in said[1]
    assert "no file /x/turnout.yaml" in (tmp_path / FOLDER / LOG).read_text()


def test_one_that_breaks(tmp_path: Path) -> None:
    """A drill that cannot be started is not tried again before its next day."""
    reschedule(tmp_path, [entry()])

    async def start(_: Scheduled) -> int:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        asyncio.run(start_due(tmp_path, ManualClock(NOW), lambda _: None, start))
    asyncio.run(start_due(tmp_path, ManualClock(NOW), lambda _: None, start))


async def test_broken_schedule(tmp_path: Path) -> None:
    """A schedule that cannot be read is told, and stops nothing else."""
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / SCHEDULE).write_text("{")
    said: list[str] = []

    keeping = asyncio.create_task(keep_drilling(tmp_path, ManualClock(NOW), said.append))
    await asyncio.sleep(0)
    assert not keeping.done()
    keeping.cancel()
    assert "cannot be used" in said[0]


def test_command() -> None:
    """The command line says all that the schedule says, and live only where that does."""
    mirrored = command(entry(on="mirror", share=0.05, budget=pico_from_usd("0.5"), variant="silent"), Path("/d"))

    assert mirrored[1:8] == ("-m", "turnout", "drill", "run", "outage", "--data-dir", "/d")
    assert mirrored[mirrored.index("--budget") + 1].rstrip("0") == "0.5"
    assert mirrored[mirrored.index("--share") + 1] == "0.05"
    assert mirrored[mirrored.index("--look") + 1] == "silent"
    simulated = command(entry(), Path("/d"))
    assert simulated[simulated.index("--on") + 1] == "simulated"
    assert "--share" not in simulated


def test_handed_out(tmp_path: Path) -> None:
    """Listed, as JSON, and as the page; what is not there is not found."""
    written = report(measure(outage(), DRILL, aim, quality), POLICY, "turnout.yaml")
    keep(tmp_path, written, page(written))
    reschedule(tmp_path, [entry()])
    client = TestClient(Starlette(routes=list(drill_routes(tmp_path, ManualClock(NOW)))))

    listed = client.get("/api/drills").json()
    assert [line["id"] for line in listed["drills"]] == [DRILL.id]
    assert listed["scheduled"][0]["next"] > NOW
    assert client.get(f"/api/drills/{DRILL.id}").content == msgspec.json.encode(written)
    assert client.get(f"/api/drills/{DRILL.id}/report.html").text.startswith("<!doctype html>")
    assert client.get("/api/drills/none").status_code == 404
    assert client.get("/api/drills/..%2F..%2Fx/report.html").status_code == 404
    assert client.get("/api/drills/%00").status_code == 404
