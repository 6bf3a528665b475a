"""A policy version in plain words, for those whose requests it serves: who is affected, what changes, since when, how to go back."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from turnout.audit.diff import Change, sentences

MOST = 40
"""Sentences of one kind in a note; the diff has them all."""
_STANDS_ON = ("provider", "model", "price", "setting")


class About(msgspec.Struct, frozen=True):
    """Which version, since when (unix seconds), by whom and why. ``previous`` is the one in force before; None: there was none."""

    version: int
    at: float
    actor: str
    note: str = ""
    restores: int | None = None
    previous: int | None = None


def note(about: About, changes: Sequence[Change]) -> str:
    """The text, as lines."""
    return "\n".join((*_head(about), "", *_affected(changes), *_shared(changes), "", *_way_back(about)))


def _head(about: About) -> Iterator[str]:
    yield f"Policy {about.version} is in force since {datetime.fromtimestamp(about.at, UTC):%Y-%m-%d %H:%M:%S} UTC, put there by {about.actor}."
    if about.restores is not None:
        yield f"It brings back version {about.restores}."
    if about.note:
        yield f"Why: {about.note}"


def _affected(changes: Sequence[Change]) -> Iterator[str]:
    routes = [change for change in changes if change.thing == "route"]
    yield "Who is affected:" if routes else "No route was changed by itself."
    for change, text in zip(routes[:MOST], sentences(routes[:MOST]), strict=True):
        owner = f"owner: {change.owner}" if change.owner else "no owner is named"
        yield f"- {text} ({owner})"
    yield from _more(routes)


def _shared(changes: Sequence[Change]) -> Iterator[str]:
    """What several routes, or callers, stand on."""
    shared = [change for change in changes if change.thing in _STANDS_ON]
    keys = [change for change in changes if change.thing == "key"]
    if shared:
        yield "What all routes that use these share:"
        yield from (f"- {text}" for text in sentences(shared[:MOST]))
        yield from _more(shared)
    if keys:
        yield "Which callers are affected:"
        yield from (f"- {text}" for text in sentences(keys[:MOST]))
        yield from _more(keys)


def _more(changes: Sequence[Change]) -> Iterator[str]:
    if len(changes) > MOST:
        yield f"- and {len(changes) - MOST} more; the diff has them all"


def _way_back(about: About) -> Iterator[str]:
    if about.previous is None:
        yield "It is the first version: there is none to go back to."
    else:
        yield (
            f'How to go back: turnout policy rollback {about.previous} --note "why". '
            "It takes effect within seconds, without a restart; requests under way end as they began."
        )
