"""Rows for slices, as the ledger would read them, and what a slice says, in an order that can be compared."""

from typing import Any

import msgspec

from turnout.store.rollups.cells import Slice
from turnout.store.rollups.collect import Asked, Tried

ASKED = Asked(
    at=0.0, route="code", model="a/b", task="chat", caller="web", policy=3, outcome="ok", reason="cheapest", is_copy=False, cost=5,
    baseline=8, saved=None, tokens_in=10, tokens_out=3, verdict=None, worth=None, duration_ms=800.0, first_token_ms=200.0,
    decision_us=40.0, traits=None,
)  # fmt: skip
TRIED = Tried(
    route="code", model="a/b", has_ended=True, fault=None, cost=5, started_ms=1.0, ended_ms=801.0, first_token_ms=201.0, input=8,
    cache_read=2, cache_write=0, output=2, reasoning=1,
)  # fmt: skip


def asked(**changes: Any) -> Asked:
    return ASKED._replace(**changes)


def tagged(**tags: str) -> bytes:
    return msgspec.msgpack.encode({"tags": tags})


def tried(**changes: Any) -> Tried:
    return TRIED._replace(**changes)


def said(one: Slice) -> dict[Any, Any]:
    """All that is in it, by key; sums of fractions without their last digits."""
    rows = [*one.cells, *one.calls, *one.tags]
    return {key: _rounded(msgspec.structs.astuple(row)) for key, row in rows} | {"latest": one.latest}


def _rounded(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        round(value, 6)
        if isinstance(value, float)
        else (value.buckets, round(value.total, 3))
        if hasattr(value, "buckets")
        else value
        for value in values
    )
