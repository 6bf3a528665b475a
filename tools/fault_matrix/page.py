"""The published page: outcomes as tables for people, and back again, so that a difference can be named by its cell."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import get_args

from tools.fault_matrix.cells import Asked, Behind, Key
from tools.fault_matrix.faults import PHASES, USUAL, Fault
from tools.fault_matrix.judge import Outcome
from tools.fault_matrix.sound import DIALECTS, Dialect
from tools.fault_matrix.table import SECTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "fault-matrix.md"

Pair = tuple[Dialect, Dialect]
PAIRS: tuple[Pair, ...] = tuple((front, back) for front in DIALECTS for back in DIALECTS)
_SETS: Mapping[str, frozenset[Pair]] = {
    "all": frozenset(PAIRS),
    "same dialect": frozenset(pair for pair in PAIRS if pair[0] == pair[1]),
    "translated": frozenset(pair for pair in PAIRS if pair[0] != pair[1]),
    **{f"to a client of {dialect}": frozenset(pair for pair in PAIRS if pair[0] == dialect) for dialect in DIALECTS},
    **{f"from a provider of {dialect}": frozenset(pair for pair in PAIRS if pair[1] == dialect) for dialect in DIALECTS},
    **{f"{back} to {front}": frozenset({(front, back)}) for front, back in PAIRS},
}
_ASKED: Mapping[str, tuple[Asked, ...]] = {"both": get_args(Asked), **{asked: (asked,) for asked in get_args(Asked)}}
_HEAD = (
    "fault",
    "when",
    "asked for",
    "dialects",
    "word",
    "limit",
    "client gets",
    "attempts",
    "client gets, alone",
    "attempts, alone",
)

PROSE = """\
# Fault matrix

What becomes of a request when its provider fails: {faults} faults, in every phase of an answer in which they can strike, for each pair of
dialects, streamed and whole, with a healthy fallback behind the failing provider and with nobody behind it. That is {cells:,} cells, and none is
an assumption: `python -m tools.fault_matrix` starts `turnout serve`, puts a scripted provider on a raw socket behind it, asks every cell
over HTTP, and compares what the client got, what the ledger says and what the provider counted with this page. The tests do the same.
`--write` makes the page anew; do not edit it.

## How to read it

*When* the fault strikes:

{phases}

A whole answer has no first content apart from its body, and is over with its last byte: *first content* and *after the end* are phases of
streams only. Where a fault is missing in another phase, the line above its table says why.

- *Asked for*: a `stream`, a `whole` answer, or `both` alike.
- *Dialects*: `all` four pairs alike, `same dialect` (bytes are relayed), `translated`, or the pairs by name, from the provider to the client.
- *Word*: the fault of the first attempt, as the ledger, the metrics and `on:` have it ([execution](../concepts/execution.md)); `-` is no fault.
- *Limit*: which time ended the first attempt: `connect`, `first token`, `idle`, `total`, the request's `deadline`; `-` is none: it was at once.
- *Client gets*: `its answer` is the failing provider's own, whole. `fallback` is the other model's, whole, as if nothing had been. `cut` is what
  came of the provider's text, then the dialect's error event and no end mark: the official SDKs raise on it. Otherwise the status and the error
  code of an error answer, always with `x-should-retry: false`, so that an SDK's retries do not multiply ours.
- *Attempts*: what each upstream call cost, in order. `free`: nothing is billed for it. `known`: the price of the tokens that it reported, once.
  `free or unknown`: unknown if the request had been sent when the connection ended, else free.
  `unknown`: the provider may have billed something and did not say; the request's cost is then unknown, never zero.
- *Alone*: the same with nobody behind it. A fault that may pass is tried once more there, since `attempts` is 2 in all cells.

In every cell, beyond what its row says: the ledger has the status, outcome, error code, model and number of attempts that the client was told;
the provider got exactly as many requests as the ledger has attempts; a request's cost is the sum of its attempts'; no text of two models is ever
mixed; nothing follows an error or an end mark.

The cells run with short times: {limits}. The defaults are in [turnout.yaml](config.md).
"""


def write(outcomes: Mapping[Key, Outcome]) -> str:
    """The whole page."""
    limits = ", ".join(
        f"{name.replace('_', ' ')} {seconds:g} s" for name, seconds in zip(USUAL.__struct_fields__, _values(), strict=True)
    )
    phases = "\n".join(f"- *{phase}*: {meaning}." for phase, meaning in PHASES.items())
    parts = [PROSE.format(faults=len({key.fault for key in outcomes}), cells=len(outcomes), phases=phases, limits=limits)]
    for title, prose, faults in SECTIONS:
        lines = "\n".join(_described(faults))
        rows = [row for fault in faults for row in _rows(fault, outcomes)]
        table = "\n".join(f"| {' | '.join(row)} |" for row in (_HEAD, ("---",) * len(_HEAD), *rows))
        parts += [f"## {title}\n", f"{prose}\n", f"{lines}\n", f"{table}\n"]
    return "\n".join(parts)


def read(page: str) -> dict[Key, Outcome]:
    """What a page says of each cell."""
    found: dict[Key, Outcome] = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("| ") or len(cells) != len(_HEAD) or cells[0] in (_HEAD[0], "---"):
            continue
        fault, phases, asked, pairs, word, limit, *ends = cells
        for phase in phases.split(", "):
            for how in _ASKED[asked]:
                for front, back in _SETS[pairs]:
                    for behind, gets, billed in zip(get_args(Behind), ends[::2], ends[1::2], strict=True):
                        found[Key(fault, phase, how, front, back, behind)] = Outcome(word, limit, gets, billed)
    return found


def differences(published: Mapping[Key, Outcome], seen: Mapping[Key, Outcome]) -> list[str]:
    """Each cell that is not as published, in a line."""
    return [
        f"{key}: the page says {_told(published.get(key))}, it is {_told(seen.get(key))}"
        for key in (*seen, *(key for key in published if key not in seen))
        if published.get(key) != seen.get(key)
    ]


def _told(outcome: Outcome | None) -> str:
    if outcome is None:
        return "nothing"
    return f"[{outcome.gets}; {outcome.billed}; fault {outcome.fault}, limit {outcome.limit}]"


def _values() -> Iterator[float]:
    return (getattr(USUAL, name) for name in USUAL.__struct_fields__)


def _described(faults: Iterable[Fault]) -> Iterator[str]:
    """What each does, and why it cannot strike at other times: once, where that is the same for all of them."""
    reasons = {fault.absent for fault in faults}
    for fault in faults:
        reason = f" In no other phase: {fault.absent}." if fault.absent and len(reasons) > 1 else ""
        yield f"- *{fault.name}*: {fault.meaning}.{reason}"
    if len(reasons) == 1:
        yield f"\nIn no other phase: {reasons.pop()}."


Row = tuple[Outcome, Outcome]
"""With a fallback, and alone."""


def _rows(fault: Fault, outcomes: Mapping[Key, Outcome]) -> Iterator[tuple[str, ...]]:
    """One for all phases, pairs and ways to ask that fare alike."""
    merged: dict[tuple[str, str, Row], list[str]] = defaultdict(list)
    for phase in PHASES:
        for asked, pairs, row in _alike(fault, phase, outcomes):
            merged[asked, pairs, row].append(phase)
    for (asked, pairs, (backed, alone)), phases in merged.items():
        assert (backed.fault, backed.limit) == (alone.fault, alone.limit), (
            f"{fault.name}: the first attempt knows who is behind it"
        )
        shared = (fault.name, ", ".join(phases), asked, pairs, backed.fault, backed.limit)
        yield (*shared, backed.gets, backed.billed, alone.gets, alone.billed)


def _alike(fault: Fault, phase: str, outcomes: Mapping[Key, Outcome]) -> Iterator[tuple[str, str, Row]]:
    """The cells of one phase as (asked for, dialects, outcomes), as few as will do."""
    fared: dict[Row, dict[Asked, set[Pair]]] = defaultdict(lambda: defaultdict(set))
    for asked in get_args(Asked):
        for front, back in PAIRS if phase in fault.when(asked) else ():
            backed, alone = (outcomes[Key(fault.name, phase, asked, front, back, behind)] for behind in get_args(Behind))
            fared[backed, alone][asked].add((front, back))
    for row, by_asked in fared.items():
        pairs = list(by_asked.values())
        if len(pairs) == 2 and pairs[0] == pairs[1]:
            yield from (("both", name, row) for name in _names(pairs[0]))
        else:
            yield from ((asked, name, row) for asked, found in by_asked.items() for name in _names(found))


def _names(pairs: Iterable[Pair]) -> list[str]:
    """One name for these pairs, or one for each."""
    wanted = frozenset(pairs)
    for name, known in _SETS.items():
        if known == wanted:
            return [name]
    return [name for name, known in _SETS.items() if len(known) == 1 and known <= wanted]
