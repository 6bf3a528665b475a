"""``make bench``: all figures as a table and as JSON (bench/results/)."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import decision, gateway, ledger, streams

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    figures: dict[str, dict[str, float | str]] = {}
    for bench in (decision, gateway, streams, ledger):
        figures |= bench.measure()
    if os.environ.get("BENCH_PEERS") == "1":
        from bench import peers

        for name, values in peers.measure().items():
            figures.setdefault(name, {}).update(values)
    systems = list(dict.fromkeys(system for values in figures.values() for system in values))
    table = Table("figure", *systems, title=f"Turnout bench, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name, values in figures.items():
        table.add_row(name, *(_shown(values.get(system, "")) for system in systems))
    Console(width=140).print(table)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps({"python": platform.python_version(), "cores": os.cpu_count(), "figures": figures}, indent=2))
    print(f"also in {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def _shown(value: float | str) -> str:
    """A figure, or why there is none."""
    return value if isinstance(value, str) else f"{value:.2f}"


if __name__ == "__main__":
    main()
