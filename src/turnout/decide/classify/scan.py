"""One look at a bounded window of the text: what was found, how strongly, and the word that shows it.

Two automata share the work. Most patterns are words and are sought as words, between spaces, in a copy of the text that has spaces
for whatever is no letter or digit: inside other words, which is most of a text, that automaton rests. Fragments of structure and
scripts without spaces are sought in the text as it is. Both count in bytes, and both texts are of one length.
"""

import re
from collections.abc import Callable
from functools import cache
from operator import itemgetter
from typing import NamedTuple

import msgspec
from ahocorasick_rs import BytesAhoCorasick, Implementation

from turnout.decide.classify.words import FEATURES, LENGTHS, OPERATORS, STRUCTURE, TASKS, TRAITS
from turnout.types.traits import Sketch

HEAD, TAIL, SYSTEM = 2000, 1000, 1000  # characters of the last user message's start and end, and of the system prompt's start
SYSTEM_SHARE = 0.6  # a system prompt says what an application does, the user's words what this request does
OPENING = 40  # an order or question opens a message more often than not:
OPENING_BONUS = 1.5

FREE, WORD, STEM, SUM = range(4)  # where a pattern may lie: anywhere; between boundaries; after one; between digits
Hit = tuple[int, int, int]  # pattern, start, end
Find = Callable[[bytes, bool], list[Hit]]  # text, overlapping -> hits in the order of their ends
NO_SPACES = "\u2e80"  # from here on: scripts that do not put spaces between words
SPACED = bytes(byte if byte >= 0x80 or chr(byte).isalnum() else ord(" ") for byte in range(256))
SYMBOLS = re.compile(r"[^\w\x00-\x7f]+")  # beyond ASCII


class Found(msgspec.Struct, frozen=True, gc=False):
    """Strengths by what they speak for, and the strongest source of each."""

    scores: dict[str, float]
    sources: dict[str, str]


class Pattern(NamedTuple):
    """``system``, ``opening``, ``body`` pair what the pattern speaks for with its strength there; ``source`` is how a trait names it.

    ``letters`` are what must stand in the text as it is, where spaces do not tell enough.
    """

    text: str
    place: int
    letters: bytes
    system: tuple[tuple[str, float], ...]
    opening: tuple[tuple[str, float], ...]
    body: tuple[tuple[str, float], ...]
    source: str


def scan(sketch: Sketch) -> Found:
    """Look at the end of the conversation and the start of the system prompt."""
    user, system = sketch.last_user, sketch.system[:SYSTEM]
    if len(user) > HEAD + TAIL:
        user = f"{user[:HEAD]}\n{user[-TAIL:]}"
    text = f"\n{system}\n{user}\n".lower()
    opens = len(system) + 2  # where the user's words begin; off by a few when lowering changed a length: no harm
    opened = opens + OPENING
    data = words = _bytes(text)
    if not text.isascii():
        words = _without_symbols(text)
        opens, opened = len(_bytes(text[:opens])), len(_bytes(text[:opened]))
    find_words, find_fragments, first_fragment, patterns = _compiled()
    hits = find_words(b" " + words.translate(SPACED), True)  # the space before a word falls on the word's place in ``data``
    if fragments := find_fragments(data, True):
        hits += [(index + first_fragment, start, end) for index, start, end in fragments]
        hits.sort(key=itemgetter(2))
    scores: dict[str, float] = {}
    sources: dict[str, str] = {}
    strongest: dict[str, float] = {}
    seen: set[int] = set()
    for index, start, end in hits:
        if index in seen:
            continue
        _, place, letters, in_system, in_opening, in_body, source = patterns[index]
        if letters and not (data.startswith(letters, start) and (place != SUM or _between_digits(data, start, end))):
            continue
        seen.add(index)
        for what, strength in in_body if start >= opened else in_opening if start >= opens else in_system:
            if what in scores:
                scores[what] += strength
                if strength > strongest[what]:
                    strongest[what] = strength
                    sources[what] = source
            else:
                scores[what] = strongest[what] = strength
                sources[what] = source
    return Found(scores, sources)


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")  # a lone surrogate, which JSON can spell and UTF-8 cannot


def _without_symbols(text: str) -> bytes:
    """Spaces for what is neither ASCII nor a letter or digit, as many as it has bytes."""
    return SYMBOLS.sub(lambda symbols: " " * len(_bytes(symbols[0])), text).encode()


def _between_digits(data: bytes, start: int, end: int) -> bool:
    """Of any script: a character has at most four bytes."""
    if data[start - 1] < ord("0"):  # as a rule: lists, emphasis
        return False
    before = data[max(0, start - 4) : start].decode(errors="ignore")
    return before[-1:].isdigit() and data[end : end + 4].decode(errors="ignore")[:1].isdigit()


@cache
def _compiled() -> tuple[Find, Find, int, tuple[Pattern, ...]]:
    """Built once, when the first request needs it."""
    words = [pattern for pattern in _patterns() if pattern.place in (WORD, STEM)]
    fragments = [pattern for pattern in _patterns() if pattern.place in (FREE, SUM)]
    between = [f" {word.text} " if word.place == WORD else f" {word.text}" for word in words]
    find_words = _finder([_without_symbols(text).translate(SPACED) for text in between])
    find_fragments = _finder([fragment.text.encode() for fragment in fragments])
    return find_words, find_fragments, len(words), (*words, *fragments)


def _finder(patterns: list[bytes]) -> Find:
    # As quick as a DFA when it runs alone, and a fifth of its size: a larger table pushes everything else out of the cache.
    return BytesAhoCorasick(patterns, implementation=Implementation.ContiguousNFA).find_matches_as_indexes


def _patterns() -> tuple[Pattern, ...]:
    says: dict[tuple[str, int], dict[str, float]] = {}
    sources: dict[tuple[str, int], str] = {}

    def add(text: str, place: int, what: str, strength: float, source: str) -> None:
        meanings = says.setdefault((text, place), {})
        meanings[what] = max(strength, meanings.get(what, 0.0))
        sources.setdefault((text, place), source)

    for what, by_strength in _tables():
        for strength, phrases in by_strength.items():
            for phrase in filter(None, (part.strip() for part in phrases.replace("\n", " ").split(","))):
                text = phrase.removesuffix("*")
                place = FREE if text >= NO_SPACES else STEM if phrase != text else WORD
                add(text, place, what, strength, f"words:{text}")
    for name, (what, strength, fragments) in STRUCTURE.items():
        for fragment in fragments:
            add(fragment, FREE, what, strength, f"structure:{name}")
    for operator in OPERATORS:
        add(operator, SUM, "math", 3, "structure:arithmetic")
    return tuple(
        Pattern(
            text,
            place,
            b"" if text.isalnum() or place == FREE else text.encode(),
            _by(SYSTEM_SHARE, meanings),
            _by(OPENING_BONUS, meanings),
            tuple(meanings.items()),
            sources[text, place],
        )
        for (text, place), meanings in says.items()
    )


def _by(factor: float, meanings: dict[str, float]) -> tuple[tuple[str, float], ...]:
    """Where a phrase stands matters for what is asked; a need holds wherever it is stated."""
    return tuple((what, strength if "=" in what else strength * factor) for what, strength in meanings.items())


def _tables() -> list[tuple[str, dict[float, str]]]:
    """Every table as (what it speaks for, phrases by strength)."""
    tables = [*TASKS.items(), *FEATURES.items()]
    tables += [(f"{trait}={value}", by) for trait, values in TRAITS.items() for value, by in values.items()]
    tables += [(f"length={value}", {1: phrases}) for value, phrases in LENGTHS.items()]
    return tables
