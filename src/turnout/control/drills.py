"""Drills as the control process knows them: it starts those that are due, each in a process of its own, and hands out the reports."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from turnout.clock import Clock
from turnout.control.guard import refusal
from turnout.control.openapi import described
from turnout.control.wire import as_json
from turnout.drill.report import FOLDER, Line, Report, find, kept
from turnout.drill.schedule import Scheduled, due, last_started, next_slot, note_started, scheduled
from turnout.types.drill import Drill
from turnout.types.money import usd

LOOK_EVERY = 30.0
"""Seconds between looks at the schedule."""
LOG = "last.log"
"""What the latest scheduled drill said."""

Say = Callable[[str], None]
Start = Callable[[Scheduled], Awaitable[int]]
"""Runs it to its end, and returns its exit code."""

ENDINGS = {0: "passed", 1: "did not pass; `turnout drill list` says why"}


async def keep_drilling(data_dir: Path, clock: Clock, say: Say, start: Start | None = None) -> None:
    """Start what is due, one after the other, until cancelled; that ends the one that runs."""
    told = ""
    while True:
        try:
            await start_due(data_dir, clock, say, start or partial(in_its_own_process, data_dir))
            told = ""
        except (OSError, msgspec.DecodeError) as error:
            if str(error) != told:  # it is tried again all the time, and told once
                say(f"the schedule of drills cannot be used: {error}")
            told = str(error)
        await asyncio.sleep(LOOK_EVERY)


async def start_due(data_dir: Path, clock: Clock, say: Say, start: Start) -> None:
    """One look. That a drill was started is noted before it is: one that breaks is not begun again and again."""
    for entry in due(scheduled(data_dir), last_started(data_dir), clock.now()):
        note_started(data_dir, entry.id, clock.now())
        say(f"drill {entry.id} begins")
        code = await start(entry)
        say(f"drill {entry.id} {ENDINGS.get(code, f'could not be run; {data_dir / FOLDER / LOG} says why')}")


def command(entry: Scheduled, data_dir: Path) -> tuple[str, ...]:
    """The command line that runs it."""
    return (
        sys.executable, "-m", "turnout", "drill", "run", entry.drill.kind, "--data-dir", str(data_dir), "--for", f"{entry.seconds:g}s",
        "--rate", f"{entry.rate:g}", *(("--config", entry.config) if entry.config else ()), *_options(entry.drill),
    )  # fmt: skip


def _options(drill: Drill) -> Iterator[str]:
    yield from ("--provider", drill.provider, "--model", drill.model, "--on", drill.on, "--factor", f"{drill.factor:g}")
    if drill.on != "simulated":
        yield from ("--share", f"{drill.share:g}")
    if drill.kind == "partial_failure":
        yield from ("--fail", f"{drill.rate:g}")
    if drill.region is not None:
        yield from ("--region", drill.region)
    if drill.variant is not None:
        yield from ("--look", drill.variant)
    if drill.budget is not None:
        yield from ("--budget", f"{usd(drill.budget):.12f}")


async def in_its_own_process(data_dir: Path, entry: Scheduled) -> int:
    """Until it is over. Its load is its own process', and so is its death."""
    with (data_dir / FOLDER / LOG).open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *command(entry, data_dir), stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()


def drill_routes(data_dir: Path, clock: Clock) -> tuple[Route, ...]:
    """Read only: a drill is started where one can see what it does."""

    @described(
        "the drills so far and those scheduled", answers={"drills": tuple[Line, ...], "scheduled": tuple[dict[str, Any], ...]}
    )
    def listing(_: Request) -> Response:
        now = clock.now()
        coming = [{"id": entry.id, "every": entry.every, "next": next_slot(entry, now)} for entry in scheduled(data_dir)]
        return as_json({"drills": kept(data_dir), "scheduled": coming})

    @described("a drill's figures", answers=Report)
    def one(request: Request) -> Response:
        found = find(data_dir, request.path_params["id"])
        return as_json(found) if found is not None else refusal(404, "not_found", "no such drill; GET /api/drills lists them")

    @described("a drill's report as a page for people", media=("text/html",))
    def page(request: Request) -> Response:
        found = find(data_dir, request.path_params["id"])  # a name that has a report leads nowhere else
        if found is None:
            return refusal(404, "not_found", "no such drill; GET /api/drills lists them")
        return FileResponse(data_dir / FOLDER / request.path_params["id"] / "report.html", media_type="text/html")

    return (
        Route("/api/drills", listing),
        Route("/api/drills/{id}", one),
        Route("/api/drills/{id}/report.html", page),
    )
