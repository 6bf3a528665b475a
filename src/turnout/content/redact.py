"""A text without what identifies people or opens doors. Pure.

What has a shape is found: addresses, numbers, keys. Names of people and places have none, and stay.

One look finds the places worth a closer one (``@``, ``token``, a cluster of digits), and each rule looks closely at its own only: all
patterns over all of a text would take twenty times as long.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from ahocorasick_rs import AhoCorasick

from turnout.content.rules import CLUSTER, LONG_WORD, RULES, SIGNS, WORD, Rule

PIECE = 16 * 1024
"""Characters looked at in one go: a search holds the interpreter, and other threads have their turn between two."""
BEYOND = 64
"""Characters in which a sign may end that begins in the piece."""

Place = tuple[int, int]
Span = tuple[int, int, int]
"""From, to, and the place of its rule among the rules."""

_AUTOMATON = AhoCorasick(SIGNS)
_BLANKED = bytes(each if chr(each).isascii() and (chr(each).isalnum() or chr(each) in "_-") else 32 for each in range(256))
_DIGITS = re.compile(r"[0-9](?:[^0-9]{0,6}[0-9]){3,}")


def redact(text: str, rest: Callable[[], None] | None = None) -> str:
    """The text with ``[email]`` and the like in it. Doing it twice changes nothing more. ``rest`` is called after each ``PIECE``."""
    while spans := _joined(chain.from_iterable(_pieces(text, rest))):
        pieces, at = list[str](), 0
        for start, end, rule in spans:
            pieces += (text[at:start], RULES[rule].word)
            at = end
        text = "".join((*pieces, text[at:]))  # and again: what was taken out may have hidden what stands beside it
    return text


def _pieces(text: str, rest: Callable[[], None] | None) -> Iterator[Iterator[Span]]:
    for begin in range(0, len(text), PIECE):
        if begin and rest is not None:
            rest()
        yield _found(text, begin)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """In order; those that overlap are one."""
    joined: list[Span] = []
    for start, end, rule in sorted(spans):
        if joined and start < joined[-1][1]:
            last = joined[-1]
            joined[-1] = (last[0], max(last[1], end), min(last[2], rule))
        else:
            joined.append((start, end, rule))
    return joined


def _found(text: str, begin: int) -> Iterator[Span]:
    """In the piece that begins there, and a little around it."""
    places = _places(text, begin)
    if not places:
        return
    for order, rule in enumerate(RULES):
        for low, high in _windows(rule, places):
            for match in rule.pattern.finditer(text, low, high):
                # At the window's end nobody saw how it goes on.
                whole = match if match.end() < high - 1 else rule.pattern.match(text, match.start())
                part = rule.proof(whole) if whole is not None else None
                if part is not None:
                    yield *part, order


def _places(text: str, begin: int) -> dict[str, list[Place]]:
    """Where the piece has which sign."""
    piece = text[begin : begin + PIECE + BEYOND]
    places: dict[str, list[Place]] = {}
    for sign, start, end in _AUTOMATON.find_matches_as_indexes(piece, overlapping=True):
        places.setdefault(SIGNS[sign], []).append((begin + start, begin + end))
    if clusters := [(begin + match.start(), begin + match.end()) for match in _DIGITS.finditer(piece)]:
        places[CLUSTER] = clusters
    if words := list(_long_words(piece)):
        places[WORD] = [(begin + start, begin + end) for start, end in words]
    return places


def _long_words(piece: str) -> Iterator[Place]:
    """Those of more than one case. Looked for among bytes, where blanks are found four times as fast as by a pattern."""
    at = 0
    for word in piece.encode("ascii", "replace").translate(_BLANKED).split():
        if len(word) >= LONG_WORD and not word.islower() and not word.isupper():
            at = piece.find(word.decode(), at)
            yield at, at + len(word)
            at += len(word)


def _windows(rule: Rule, places: dict[str, list[Place]]) -> list[Place]:
    """Where to look for what the rule finds: around its signs, nowhere twice."""
    windows: list[Place] = []
    for start, end in sorted(place for sign in rule.signs for place in places.get(sign, ())):
        low, high = max(start - rule.before, 0), end + rule.after
        if windows and low <= windows[-1][1]:
            windows[-1] = (windows[-1][0], max(windows[-1][1], high))
        else:
            windows.append((low, high))
    return windows
