"""``turnout audit``: show the chain of what changed, verify it, sign it, and hand it on."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer

from turnout.cli.actor import actor
from turnout.cli.audit_import import import_
from turnout.cli.opened import ConfigOption, DataOption, ledger, settings
from turnout.clock import SystemClock

if TYPE_CHECKING:
    from turnout.audit.chain import Entry, Finding
    from turnout.audit.checkpoint import Checkpoint
    from turnout.cli.audit_view import Verdict
    from turnout.store.ledger import Ledger

app = typer.Typer(help="The audit trail: show it, verify it, export it, sign a checkpoint.", no_args_is_help=True)
app.command("import")(import_)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SinceOption = Annotated[str | None, typer.Option(help="From this day on, UTC: 2026-11-01.")]
UntilOption = Annotated[str | None, typer.Option(help="Up to before this day, UTC.")]
OutOption = Annotated[Path | None, typer.Option(help="Write there instead of standard output.")]


@app.command()
def show(
    seq: Annotated[int | None, typer.Argument(min=1, help="One entry, in full.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only entries of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many of the latest.")] = 20,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """What changed, latest first. Exit code 1 if there is no such entry, 2 if there is no such kind."""
    from turnout.audit.kinds import KINDS

    if kind is not None and kind not in KINDS:
        raise typer.BadParameter(f"{kind} is none of {', '.join(KINDS)}", param_hint="--kind")
    with ledger(settings(config, data_dir)) as opened:
        one = opened.audit.get(seq) if seq is not None else None
        found = opened.audit.page(limit, kind=kind) if seq is None else () if one is None else (one,)
    if not found and seq is not None:
        print(f"there is no entry {seq}", file=sys.stderr)
        raise typer.Exit(1)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    if seq is not None:
        _in_full(found[0])
        return
    for entry in found:
        said = entry.payload if len(entry.payload) <= 100 else f"{entry.payload[:99]}…"
        print(f"{entry.seq:6}  {_moment(entry.at)}  {entry.kind:11} {entry.actor:20} {said}")
    if not found:
        print("no entry yet" if kind is None else f"no entry of the kind {kind} yet")


@app.command()
def verify(
    checkpoint: Annotated[list[Path] | None, typer.Option(help="A checkpoint that was kept elsewhere; may be repeated.")] = None,
    public_key: Annotated[
        list[str] | None, typer.Option(help="The key that may have signed, `ed25519:...`; may be repeated.")
    ] = None,
    export_: Annotated[Path | None, typer.Option("--export", help="Verify this exported file; no ledger is needed.")] = None,
    rows: Annotated[bool, typer.Option(help="Look at each recorded request too, not at the chain only.")] = True,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for what was changed, removed, added or written anew. Exit code 0 if nothing was, 1 if something was, 2 on wrong usage."""
    from turnout.audit.checkpoint import is_public_key
    from turnout.cli.audit_view import tell

    keys = tuple(public_key or ())
    for key in keys:
        if not is_public_key(key):
            _misused(f"{key} is no public key: `turnout audit checkpoint` prints it, as ed25519:...")
    held = tuple(_read_checkpoint(path) for path in checkpoint or ())
    if export_ is not None:
        verdict = _of_file(export_, held, keys)
    else:
        verdict = _of_ledger(config, data_dir, held, keys, rows=rows, quiet=as_json)
    tell(verdict, as_json=as_json)
    if not verdict.ok:
        raise typer.Exit(1)


@app.command()
def checkpoint(
    out: Annotated[
        Path | None, typer.Option(help="Write it there too: a place that nobody who can write the ledger can write.")
    ] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Sign how far the chain goes and what its head is. Keep the file, and the public key, elsewhere."""
    from turnout.audit.checkpoint import written
    from turnout.cli.problems import reported
    from turnout.control.audit_keeper import make_checkpoint
    from turnout.errors import Unusable

    where = settings(config, data_dir)
    with ledger(where) as opened, reported():
        try:
            made = make_checkpoint(opened.audit, where.data_dir, SystemClock().now(), actor())
            if out is not None:
                out.write_text(written(made))
        except OSError as error:
            raise Unusable(f"the checkpoint cannot be written: {error}") from error
    print(written(made), end="")
    print(f"entry {made.seq} is signed; public key {made.key}", file=sys.stderr)


@app.command()
def export(
    since: SinceOption = None,
    until: UntilOption = None,
    decisions: Annotated[bool, typer.Option("--decisions", help="The decision log instead: a line for each request.")] = False,
    out: OutOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """The chain as lines of JSON, which `turnout audit verify --export FILE` takes; or the decisions, without content."""
    from turnout.audit.kinds import EXPORTED

    begins, ends = _day(since, "--since", float("-inf")), _day(until, "--until", float("inf"))
    where = settings(config, data_dir)
    with ledger(where) as opened:
        with _written(out) as file:
            lines = (
                _decisions(opened, where.data_dir, begins, ends) if decisions else _chain(opened, where.data_dir, begins, ends)
            )
            count = _write(file, lines)
        opened.audit.add(
            EXPORTED,
            actor(),
            {"what": "decisions" if decisions else "chain", "since": since, "until": until, "lines": count},
            SystemClock().now(),
        )
    print(f"{count} lines", file=sys.stderr)


@app.command()
def inventory(
    month: Annotated[str | None, typer.Option(help="2026-11; default: the present one.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which model served which route in a month, under which policy version, and who put that in force."""
    from turnout.cli.audit_view import table
    from turnout.reports import inventory as report

    now = SystemClock().now()
    text = month or f"{datetime.fromtimestamp(now, UTC):%Y-%m}"
    try:
        begins, ends = report.month(text)
    except ValueError:
        _misused(f"--month {text}: write it as 2026-11")
    with ledger(settings(config, data_dir)) as opened:
        found = report.inventory(opened, begins, ends, now)
    if as_csv:
        print(report.as_csv(found), end="")
    elif as_json:
        print(msgspec.json.format(msgspec.json.encode(report.as_dict(found))).decode())
    else:
        table(found, text)


def _of_ledger(
    config: Path | None, data_dir: Path | None, given: "tuple[Checkpoint, ...]", keys: tuple[str, ...], *, rows: bool, quiet: bool
) -> "Verdict":
    from turnout.audit.checkpoint import KEY_FILE, public_text, signing_key
    from turnout.audit.checkpoint import verify as verify_signed
    from turnout.cli.audit_view import Verdict
    from turnout.cli.problems import reported
    from turnout.control.audit_keeper import held_checkpoints
    from turnout.store.proof import Proof

    where = settings(config, data_dir)
    found: list[Finding] = []
    held = (*given, *held_checkpoints(where.data_dir, found))
    with ledger(where) as opened:
        if not keys and (where.data_dir / KEY_FILE).exists():  # verifying makes none
            with reported():
                keys = (public_text(signing_key(where.data_dir)),)
        found += verify_signed(opened.audit.entries(), held, keys)
        entries = opened.audit.count()
        if not rows:
            return Verdict(tuple(found), entries, len(held))
        proof = Proof(opened.audit)
        with _progress(proof.total(), quiet=quiet) as advance:
            found += proof.findings(advance)
    return Verdict(tuple(found), entries, len(held), proof.requests, proof.unproven, proof.hours, proof.late, proof.open)


def _of_file(path: Path, held: "tuple[Checkpoint, ...]", keys: tuple[str, ...]) -> "Verdict":
    from turnout.audit.exported import Export, NotAnExport
    from turnout.cli.audit_view import Verdict

    try:
        with path.open("rb") as file:
            export = Export(file)
            found = tuple(export.findings(held, keys))
    except (OSError, NotAnExport) as reason:
        _misused(f"{path}: {reason}")
    if not keys:
        print(f"the file's own key was believed, {export.header.public_key}; name yours with --public-key", file=sys.stderr)
    return Verdict(found, export.entries, len(held))


def _chain(opened: "Ledger", data_dir: Path, since: float, until: float) -> Iterator[bytes]:
    from turnout.audit.checkpoint import public_text, signing_key
    from turnout.audit.exported import Header, lines
    from turnout.cli.problems import reported

    begins, ends = opened.audit.span(since, until)
    before = opened.audit.get(begins.seq - 1) if begins else None
    with reported():
        key = public_text(signing_key(data_dir))
    header = Header(
        "audit-1",
        opened.audit.origin() or "",
        key,
        (before.seq, before.hash) if before else None,
        (ends.seq, ends.hash) if ends else None,
    )
    after, last = (begins.seq - 1, ends.seq) if begins and ends else (0, 0)
    return lines(header, opened.audit.entries(after=after, last=last))


def _decisions(opened: "Ledger", data_dir: Path, since: float, until: float) -> Iterator[bytes]:
    from turnout.build.spec import Places
    from turnout.reports.decision_log import decision_log
    from turnout.view import ViewStore

    views = ViewStore(data_dir / Places.views)

    def decider(view: str) -> int | None:
        try:
            return views.overlay(view).decider
        except (OSError, ValueError, msgspec.MsgspecError):
            return None

    return decision_log(opened.audit, since, until, opened.audit.origin() or "", decider)


@contextmanager
def _written(out: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or the file, which is there only once it is whole."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    temporary = out.with_name(f"{out.name}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(out)
    except OSError as error:
        print(f"{out} cannot be written: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _write(file: IO[bytes], lines: Iterable[bytes]) -> int:
    count = 0
    for line in lines:
        file.write(line + b"\n")
        count += 1
    return count


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=quiet or not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("requests", total=total)
        yield lambda more: bar.update(task, advance=more)


def _read_checkpoint(path: Path) -> "Checkpoint":
    from turnout.audit.checkpoint import from_text

    try:
        return from_text(path.read_bytes())
    except (OSError, ValueError, msgspec.DecodeError) as error:
        _misused(f"{path} is no checkpoint: {error}")


def _in_full(entry: "Entry") -> None:
    print(f"entry   {entry.seq}\nat      {_moment(entry.at)} UTC\nkind    {entry.kind}\nactor   {entry.actor}")
    try:
        said = msgspec.json.format(entry.payload, indent=2)
    except msgspec.DecodeError:
        said = entry.payload
    print(f"says    {said}\nafter   {entry.prev}\nhash    {entry.hash}")


def _day(text: str | None, option: str, otherwise: float) -> float:
    if text is None:
        return otherwise
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        _misused(f"{option} {text}: write a day as 2026-11-23")


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def _misused(what: str) -> NoReturn:
    print(what, file=sys.stderr)
    raise typer.Exit(2)
