"""What the process that benchmarks and those who have it begun agree on. Apart from the process itself, whose parts are a whole gateway's."""

import msgspec

from turnout.types.suite import BENCH

SUITES = "suites"
"""Where in the data directory the cases of runs are kept."""
LEASE = 60.0
"""Seconds that a run is a process's own after its last word."""


class BenchSpec(msgspec.Struct, frozen=True):
    """What the process is told, as one JSON argument."""

    data_dir: str
    store: str
    run: str


def lease_of(run_id: str) -> str:
    """What a run's lease is called."""
    return f"{BENCH}{run_id}"
