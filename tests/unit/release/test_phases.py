"""The life of a release as a table: closed, reachable, and as the docs show it."""

from pathlib import Path
from typing import get_args

from turnout.release.phases import TABLE, allows, as_markdown
from turnout.types.release import ENDED, Phase

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "releases.md"
PHASES = get_args(Phase)


def test_every_phase_has_one_row():
    """The table knows all phases that a release may be in, and no other."""
    assert [stage.phase for stage in TABLE] == list(PHASES)


def test_the_table_is_closed():
    """Every way leads to a phase of the table, each at most once from a phase."""
    for stage in TABLE:
        targets = [way.to for way in stage.ways]
        assert set(targets) <= set(PHASES)
        assert len(targets) == len(set(targets))
        assert stage.phase not in targets


def test_every_phase_is_reached_and_leads_to_an_end():
    """From ``detected`` all phases can be reached, and from each of them an end."""
    ways = {stage.phase: {way.to for way in stage.ways} for stage in TABLE}

    assert _reached("detected", ways) == set(PHASES)
    assert all(_reached(phase, ways) & ENDED for phase in PHASES)


def test_nothing_ended_goes_on_by_itself():
    """Only a person moves what is over: out of the lock, or back into it."""
    for phase in ENDED:
        assert not any(allows(phase, to, "controller") for to in PHASES if to != phase)
    moves = {(phase, to) for phase in ENDED for to in PHASES if phase != to and allows(phase, to, "person")}
    assert moves == {("adopted", "rolled_back"), ("adopted", "aborted"), ("rolled_back", "adopted"), ("aborted", "adopted")}


def test_whatever_is_on_traffic_can_be_taken_back():
    """By the controller and by people, from each phase that meets traffic."""
    assert all(allows(phase, "rolled_back", who) for phase in ("mirror", "trial", "bake") for who in ("controller", "person"))


def test_the_docs_show_the_table():
    """The page's table is this one."""
    assert "\n".join(as_markdown()) in PAGE.read_text()


def _reached(start: str, ways: dict) -> set[str]:
    found, todo = set(), [start]
    while todo:
        phase = todo.pop()
        if phase not in found:
            found.add(phase)
            todo += ways[phase]
    return found
