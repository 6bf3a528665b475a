"""``turnout replay``: recompute recorded decisions from traits, view and seed, and say whether they are the same."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from turnout.cli.explain import show

if TYPE_CHECKING:
    from turnout.config.settings import Settings
    from turnout.replay import Retold

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


def replay(
    request_id: Annotated[str | None, typer.Argument(help="The x-turnout-request-id of an answer; without it, many.")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="The latest so many.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=_TIMES, help="Those from then on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=_TIMES, help="Those up to before then, UTC.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Of these a random choice of so many.")] = None,
    config: Annotated[Path | None, typer.Option(help="Policy file that names the data directory.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory itself.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the decision, or what became of many, as JSON.")] = False,
) -> None:
    """One recorded decision, or many (--last, --since, --until, --sample), computed again.

    Exit code 0 if all are identical to what was recorded, 1 if one differs or cannot be recomputed, or there is none; 2 on wrong usage.
    """
    many = any(option is not None for option in (last, since, until, sample))
    if (request_id is None) != many:
        raise typer.BadParameter("name one request, or say which: --last N, --since, --until, --sample N")
    of = _settings(config, data_dir)
    if request_id is not None:
        _one(request_id, of, as_json)
    else:
        _many(of, _unix(since), _unix(until), last, sample, as_json)


def _settings(config: Path | None, data_dir: Path | None) -> "Settings":
    from turnout.cli.problems import reported
    from turnout.config.load import places_of

    if config is None and data_dir is None and Path("turnout.yaml").exists():
        config = Path("turnout.yaml")
    with reported():
        return places_of(config, {} if data_dir is None else {"data_dir": data_dir})


def _unix(moment: datetime | None) -> float | None:
    return None if moment is None else moment.replace(tzinfo=UTC).timestamp()


def _one(request_id: str, of: "Settings", as_json: bool) -> None:
    from turnout.build.ledger import ledger_place
    from turnout.build.spec import Places
    from turnout.cli.problems import reported
    from turnout.front.explain import shown
    from turnout.replay import NotReplayable, recompute

    with reported():
        place = ledger_place(of.data_dir, of.store.url)
    try:
        replayed = recompute(request_id, place, of.data_dir / Places.views)
    except NotReplayable as reason:
        print(reason, file=sys.stderr)
        raise typer.Exit(1) from None
    decision = shown(replayed.decision, replayed.traits)
    if as_json:
        print(
            json.dumps(
                {"identical": replayed.identical, "recorded": replayed.recorded, "recomputed": replayed.digest, **decision},
                indent=2,
            )
        )
    else:
        show(decision)
        print("identical" if replayed.identical else f"differs: {replayed.difference}")
    if not replayed.identical:
        raise typer.Exit(1)


def _many(of: "Settings", since: float | None, until: float | None, last: int | None, sample: int | None, as_json: bool) -> None:
    from turnout.build.spec import Places
    from turnout.cli.opened import ledger
    from turnout.replay import chosen, retell
    from turnout.view import ViewStore

    counts: Counter[str] = Counter()
    odd: list[Retold] = []
    with ledger(of) as opened:
        ids = chosen(opened, since, until, last, sample)
        for one in _watched(retell(opened, ViewStore(of.data_dir / Places.views), ids), len(ids)):
            counts[one.result] += 1
            if one.result in {"differs", "impossible"}:
                odd.append(one)
    if as_json:
        said = {name: counts[name] for name in ("identical", "differs", "impossible", "undecided")}
        print(msgspec.json.format(msgspec.json.encode({"requests": counts.total(), **said, "named": odd})).decode())
    else:
        _tell(counts, odd)
    if odd or not counts["identical"]:
        raise typer.Exit(1)


def _watched(found: "Iterable[Retold]", total: int) -> "Iterator[Retold]":
    """With a bar on standard error; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with ExitStack() as stack:
        if console.is_terminal:
            bar = stack.enter_context(Progress(console=console, transient=True))
            found = bar.track(found, total=total, description="deciding again")
        yield from found


def _tell(counts: Counter[str], odd: "list[Retold]") -> None:
    for one in odd:
        how = "differs" if one.result == "differs" else "cannot be replayed"
        print(f"{one.id}  {datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M:%S}  {how}: {one.why}")
    if not counts:
        print("no requests in that time: nothing was replayed", file=sys.stderr)
        return
    more = [(counts["undecided"], "refused before anything was decided"), (counts["impossible"], "cannot be replayed")]
    said = [f"{counts['identical']:,} identical", f"{counts['differs']:,} differ"] + [f"{n:,} {words}" for n, words in more if n]
    print(f"{counts.total():,} requests: {', '.join(said)}")
