"""``turnout feedback import FILE``: what people thought of answers, from wherever that is kept."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli.opened import ConfigOption, DataOption, settings
from turnout.errors import Unusable

if TYPE_CHECKING:
    from turnout.config.settings import Settings
    from turnout.feedback.files import Line
    from turnout.feedback.read import Refused
    from turnout.store.feedback import Taken

app = typer.Typer(help="Feedback on answers: import what was collected elsewhere.", no_args_is_help=True)

MOST_TOLD = 100
"""Bad lines that are listed; the others are counted."""
TOKEN = "TURNOUT_ADMIN_TOKEN"  # noqa: S105 - the variable's name

Take = Callable[[list[object]], "tuple[Taken, list[Refused]]"]
"""Puts items into the ledger: what became of them, and which it refused."""


@app.callback()
def feedback() -> None:
    """Feedback on answers: import what was collected elsewhere."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="JSON lines, or CSV with the fields as columns.", metavar="FILE")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
    url: Annotated[
        str | None, typer.Option(help=f"A control plane elsewhere; its token in {TOKEN} or the data directory's admin-token.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts and every bad line as JSON.")] = False,
) -> None:
    """Read feedback into the ledger, joined to its requests. Exit code 1 if there were lines that could not be read; the others went in."""
    from turnout.cli.problems import reported

    with reported():
        where = settings(config, data_dir)
        with _way(where, url) as take:
            bad, taken = _import(file, take)
    _print_json(bad, taken) if as_json else _print(file.name, bad, taken)
    if bad:
        raise typer.Exit(1)


def _print(name: str, bad: list[tuple[int, str]], taken: "Taken") -> None:
    for n, wrong in bad[:MOST_TOLD]:
        print(f"{name}:{n}: {wrong}", file=sys.stderr)
    if len(bad) > MOST_TOLD:
        print(f"and {len(bad) - MOST_TOLD:,} more", file=sys.stderr)
    print(
        f"{taken.joined:,} joined to their requests, {taken.waiting:,} waiting for them, {taken.foreign:,} about others' requests, "
        f"{taken.known:,} known already, {len(bad):,} bad lines"
    )


def _print_json(bad: list[tuple[int, str]], taken: "Taken") -> None:
    from msgspec.structs import asdict

    lines = [{"line": n, "why": wrong} for n, wrong in bad]
    print(json.dumps({**asdict(taken), "bad_lines": len(bad), "bad": lines}, indent=2))


def _import(file: Path, take: Take) -> "tuple[list[tuple[int, str]], Taken]":
    """All of a file, in batches; the bad lines by number. Raises Unusable."""
    from rich.console import Console
    from rich.progress import Progress

    from turnout.feedback.files import NoHeader, format_of, read_lines
    from turnout.feedback.read import MOST
    from turnout.store.feedback import Taken

    bad: list[tuple[int, str]] = []
    taken, console = Taken(), Console(stderr=True)
    try:
        with file.open("rb") as opened, Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            size = os.fstat(opened.fileno()).st_size
            kind = format_of(file.name, opened.read(64))
            opened.seek(0)
            task = progress.add_task(file.name, total=size)
            lines = read_lines(opened, kind)
            while batch := list(islice(lines, MOST)):
                some, wrong = _take_some(batch, take)
                taken += some
                bad += wrong
                progress.update(task, completed=opened.tell())
    except (OSError, NoHeader) as error:
        raise Unusable(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    return bad, taken


def _take_some(batch: "Iterable[Line]", take: Take) -> "tuple[Taken, list[tuple[int, str]]]":
    from turnout.store.feedback import Taken

    fit = [line for line in batch if line.item is not None]
    taken, refused = take([line.item for line in fit]) if fit else (Taken(), [])
    wrong = [(line.n, line.wrong) for line in batch if line.wrong is not None]
    return taken, sorted([*wrong, *((fit[one.item].n, one.message) for one in refused)])


@contextmanager
def _way(where: "Settings", url: str | None) -> Iterator[Take]:
    """Into the ledger itself if nobody serves from the data directory, else through the control process that does. Raises Unusable."""
    from sqlalchemy.exc import SQLAlchemyError

    from turnout.build.data_dir import held
    from turnout.build.spec import Places
    from turnout.clock import SystemClock
    from turnout.feedback.read import Speaker, read_each
    from turnout.store.ledger import Ledger, in_words

    path = where.data_dir / Places.ledger
    if url is not None or ((where.data_dir / Places.lock).exists() and _is_served(where.data_dir)):
        yield _through(url or f"http://{where.control.host}:{where.control.port}", where.data_dir)
        return
    if where.store.url == "sqlite" and not path.exists():
        raise Unusable(f"there is no ledger at {path}; name its data directory with --data-dir, or the policy with --config")
    with held(where.data_dir):
        ledger = Ledger(path if where.store.url == "sqlite" else where.store.url)

        def take(items: list[object]) -> "tuple[Taken, list[Refused]]":
            fit, refused = read_each(items, Speaker("import", None, SystemClock().now()))
            try:
                return ledger.feedback.take(fit.values()), refused
            except SQLAlchemyError as error:
                raise Unusable(f"the ledger does not take it: {in_words(error)}") from error

        try:
            yield take
        finally:
            ledger.close()


def _is_served(data_dir: Path) -> bool:
    """Whether a ``turnout serve`` holds the directory."""
    from turnout.build.data_dir import held

    try:
        with held(data_dir):
            return False
    except Unusable:
        return True


def _through(url: str, data_dir: Path) -> Take:
    """A control plane's API. Raises Unusable."""
    import http.client
    from urllib.parse import urlsplit

    import msgspec

    from turnout.feedback.read import Refused
    from turnout.store.feedback import Taken

    class Answer(Taken, frozen=True):
        refused: tuple[Refused, ...] = ()

    place = urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if place.scheme not in kinds or place.hostname is None:
        raise Unusable(f"{url} is not the address of a control plane; it is like http://127.0.0.1:8081")
    headers = {"content-type": "application/json", "authorization": f"Bearer {_token(data_dir)}"}

    def take(items: list[object]) -> "tuple[Taken, list[Refused]]":
        connection = kinds[place.scheme](place.hostname or "", place.port, timeout=60)
        try:
            connection.request("POST", "/api/feedback", msgspec.json.encode({"feedback": items}), headers)
            response = connection.getresponse()
            status, body = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unusable(
                f"{url} does not answer: {error}; --url names another control plane. What was sent before is kept, and sending all again doubles none"
            ) from None
        finally:
            connection.close()
        if status != 200:
            raise Unusable(f"{url} says {status}: {body[:300].decode(errors='replace')}")
        answer = msgspec.json.decode(body, type=Answer)
        return Taken(answer.joined, answer.waiting, answer.foreign, answer.known), list(answer.refused)

    return take


def _token(data_dir: Path) -> str:
    if told := os.environ.get(TOKEN, "").strip():
        return told
    try:
        return (data_dir / "admin-token").read_text().strip()
    except OSError as error:
        raise Unusable(
            f"no token: set {TOKEN}, or name the data directory ({error.strerror}: {data_dir / 'admin-token'})"
        ) from None
