"""Slices on disk are read by the places of their fields."""

import msgspec

from turnout.store.rollups.cells import Cell, Tag


def test_what_an_earlier_version_wrote_is_read() -> None:
    """Names may change, places may not; what came later stands at the end and has a default."""
    older = [10, 9, 1, 0, 0, 0, 0, 2, 1, 3, 4, 500, 700, 600, 50, 1_000, 100, 8, 6.5, 5.75, 12.5]

    cell = msgspec.convert(older, Cell)
    tag = msgspec.convert([10, 1, 4, 500, 8, 6.5, 12.5], Tag)

    assert (cell.requests, cell.ok, cell.cost, cell.tokens_out) == (10, 9, 500, 100)
    assert (cell.graded, cell.verdicts, cell.squares, cell.worth, cell.acceptable) == (8, 6.5, 5.75, 12.5, 0)
    assert (tag.cost, tag.graded, tag.verdicts, tag.worth) == (500, 8, 6.5, 12.5)
