"""Which phase may follow which, and at whose word: the whole life of a release as a table (ADR 10)."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from turnout.types.release import Phase

Who = Literal["controller", "person"]


class Way(msgspec.Struct, frozen=True):
    """Where a release may go from a phase, at whose word, and what for."""

    to: Phase
    by: frozenset[Who]
    why: str


class Stage(msgspec.Struct, frozen=True):
    """What a phase is, and the ways out of it. No ways: the release is over for good."""

    phase: Phase
    meaning: str
    ways: tuple[Way, ...] = ()


_ITSELF: frozenset[Who] = frozenset({"controller"})
_PERSON: frozenset[Who] = frozenset({"person"})
_EITHER: frozenset[Who] = _ITSELF | _PERSON

_REFUSED = Way("rejected", _PERSON, "somebody rejects it")
_ROUTE_GONE = Way("aborted", _EITHER, "the route is gone")
_HARM = Way("rolled_back", _EITHER, "harm on a guardrail, the model is ejected, or somebody takes it back")
_PUT_BACK = Way("adopted", _PERSON, "somebody puts it back into the lock, or goes back to a version in which it was adopted")
_EDITED = Way("aborted", _EITHER, "somebody edits the route or the lock file")

TABLE: tuple[Stage, ...] = (
    Stage(
        "detected",
        "an event on a route it may mean something to",
        (
            Way("screened", _ITSELF, "it could serve the route, and its price is confirmed"),
            Way("rejected", _EITHER, "it cannot serve the route, or somebody rejects it"),
            _ROUTE_GONE,
        ),
    ),
    Stage(
        "screened",
        "it waits for its benchmark, or is in it",
        (
            Way("benchmarked", _ITSELF, "the benchmark is done"),
            Way("proposed", _ITSELF, "what it replaces retires soon: no benchmark is waited for"),
            _REFUSED,
            _ROUTE_GONE,
        ),
    ),
    Stage(
        "benchmarked",
        "it is measured; what it should become is worked out",
        (
            Way("proposed", _ITSELF, "it is worth a role"),
            Way("rejected", _EITHER, "it is worth none, or somebody rejects it"),
            _ROUTE_GONE,
        ),
    ),
    Stage(
        "proposed",
        "it waits for people's approval, or for the route to be free",
        (
            Way("mirror", _ITSELF, "approved, and the spec asks for a mirror"),
            Way("trial", _ITSELF, "approved"),
            Way("adopted", _ITSELF, "approved as a fallback or for a new use, which have no trial"),
            Way("rejected", _EITHER, "another release has put the model in front already, or somebody rejects it"),
            _ROUTE_GONE,
        ),
    ),
    Stage(
        "mirror",
        "it gets copies; nobody gets its answers",
        (Way("trial", _ITSELF, "its time is over and no harm was seen"), _HARM, _EDITED),
    ),
    Stage(
        "trial",
        "it has a share of the traffic, widened by stages",
        (
            Way("bake", _ITSELF, "all stages are done and non-inferiority is shown"),
            Way("inconclusive", _ITSELF, "its longest time is over and nothing is proven"),
            _HARM,
            _EDITED,
        ),
    ),
    Stage(
        "bake",
        "it has all traffic but the holdback",
        (
            Way("adopted", _ITSELF, "its time is over and no harm was seen"),
            Way(
                "trial",
                _EITHER,
                "its answers look worse than the control's did, and too few go to the control to say; or somebody takes back some of its share, or has it begin anew",
            ),
            _HARM,
            _EDITED,
        ),
    ),
    Stage(
        "adopted",
        "it is part of the policy",
        (
            Way("rolled_back", _PERSON, "somebody takes it back"),
            Way("aborted", _PERSON, "somebody rewrites what the route chooses from"),
        ),
    ),
    Stage("rejected", "it was not worth a trial, or somebody said no"),
    Stage("rolled_back", "it did harm, or somebody took it back; it is left alone for a while", (_PUT_BACK,)),
    Stage("inconclusive", "its time ran out before anything was proven"),
    Stage("aborted", "people changed what it stood on", (_PUT_BACK,)),
)

_BY_PHASE = {stage.phase: stage for stage in TABLE}


def allows(before: Phase, after: Phase, who: Who) -> bool:
    """Whether a release may go that way at that word. To stay where it is needs no leave."""
    return before == after or any(way.to == after and who in way.by for way in _BY_PHASE[before].ways)


def as_markdown() -> Iterator[str]:
    """The table as docs show it, line by line: what the phases are, and the ways between them."""
    yield "| phase | what it is |"
    yield "| --- | --- |"
    yield from (f"| `{stage.phase}` | {stage.meaning} |" for stage in TABLE)
    yield ""
    yield "| from | to | at whose word | when |"
    yield "| --- | --- | --- | --- |"
    for stage in TABLE:
        yield from (f"| `{stage.phase}` | `{way.to}` | {' or '.join(sorted(way.by))} | {way.why} |" for way in stage.ways)
