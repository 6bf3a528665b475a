"""Measured quality: what is known of a model at a task, and how well (PRODUCT M1, R3)."""

from typing import Literal

import msgspec

from turnout.types.money import PicoDollars
from turnout.types.traits import Band

Basis = Literal["benchmark", "live"]
BANDS: dict[str, Band] = {"simple": "simple", "moderate": "moderate", "high": "high"}


class Cell(msgspec.Struct, frozen=True):
    """What was measured of ``model`` at ``task`` in one complexity band (None: over all).

    ``quality`` is the share of good answers, 0..1, with its 95 % interval ``low`` to ``high``, prior included; ``n`` counts what was
    measured, ``good`` its sum. ``at`` is unix seconds of the latest. ``suite`` is the hash of the benchmark's cases, None for live ones.
    ``cost_solved`` is what a good answer costs on average, None when some cost is unknown or none was good; ``p50_ms`` the median time.
    """

    model: str
    task: str
    band: Band | None
    basis: Basis
    quality: float
    low: float
    high: float
    n: int
    good: float
    at: float
    suite: str | None = None
    cost_solved: PicoDollars | None = None
    p50_ms: float | None = None


class Matrix(msgspec.Struct, frozen=True):
    """What a view carries of all cells: quality 0..10 by model and topic, where it is known well enough to decide on.

    A topic is a task, or ``task|band`` (:func:`topic`).
    """

    quality: dict[str, dict[str, float]] = {}


UNMEASURED = Matrix()


def topic(task: str, band: Band | None) -> str:
    """How a view names a cell's row."""
    return task if band is None else f"{task}|{band}"


def parted(name: str) -> tuple[str, Band | None]:
    """A topic's task and band."""
    task, _, band = name.rpartition("|")
    return (task, BANDS[band]) if task and band in BANDS else (name, None)
