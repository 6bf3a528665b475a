"""The matrix kept up to date: cells in the ledger made anew from traffic, benchmarks that no longer hold forgotten."""

from collections.abc import Collection, Iterable

from turnout.learn.matrix import SOURCES, WINDOW, Estimate, estimates, from_benchmark, from_traffic, holding, matrix, stated
from turnout.store.ledger import Ledger
from turnout.types.matrix import Matrix
from turnout.types.suite import Result
from turnout.types.view import Base

EVERY = 600.0
"""Seconds between two refreshes: one reads the latest 50,000 judged requests, in a third of a second."""


def refresh(ledger: Ledger, base: Base, now: float, suites: Collection[str] | None = None) -> None:
    """Make the live cells anew, and forget the benchmarks that no longer hold; ``suites`` are the hashes of those there are now.

    Any number of times, by whoever holds the lease. Raises sqlalchemy.exc.SQLAlchemyError.
    """
    judged = ledger.cells.judged(now - WINDOW, SOURCES)
    ledger.cells.replace("live", from_traffic(judged, stated(base, now), now))
    benchmarks = [cell for cell in ledger.cells.all() if cell.basis == "benchmark"]
    kept = set(holding(benchmarks, judged, now, suites))
    ledger.cells.forget(cell for cell in benchmarks if cell not in kept)


def benchmarked(ledger: Ledger, base: Base, results: Iterable[Result], suite: str, now: float) -> None:
    """A run has ended: its cells stand in place of an earlier run's. ``suite`` is the hash of what it ran."""
    ledger.cells.put(from_benchmark(results, stated(base, now), suite))


def known(ledger: Ledger, base: Base, now: float) -> tuple[Estimate, ...]:
    """What the cells come to, for people."""
    return estimates(ledger.cells.all(), stated(base, now))


def measured(ledger: Ledger, base: Base, now: float) -> Matrix:
    """What the next view is to carry."""
    return matrix(known(ledger, base, now), {model.id for model in base.models})
