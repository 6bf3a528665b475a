"""One look at a bounded window of the text: what was found, how strongly, and the word that shows it.

Two automata share the work. Words of ASCII are sought as words, between spaces, in a copy of the text that has spaces for whatever
is no letter or digit of ASCII: inside other words, which is most of a text, that automaton rests. Everything else, fragments of
structure above all, is sought in the text as it is; where all of that is ASCII, by a third that knows the fragments alone. All count
in bytes, and both texts are of one length.
"""

from collections.abc import Callable
from functools import cache
from operator import itemgetter
from typing import NamedTuple

import msgspec
from ahocorasick_rs import BytesAhoCorasick, Implementation

from turnout.decide.classify.words import FEATURES, LENGTHS, OPERATORS, STRUCTURE, TASKS, TRAITS
from turnout.decide.tokens import utf8
from turnout.types.traits import Sketch

HEAD, TAIL, SYSTEM = 2000, 1000, 1000  # characters of the last user message's start and end, and of the system prompt's start
SYSTEM_SHARE = 0.6  # a system prompt says what an application does, the user's words what this request does
OPENING = 40  # an order or question opens a message more often than not:
OPENING_BONUS = 1.5

FREE, WORD, STEM, SUM = range(4)  # where a pattern may lie: anywhere; between boundaries; after one; between digits
Hit = tuple[int, int, int]  # pattern, start, end
Find = Callable[[bytes, bool], list[Hit]]  # text, overlapping -> hits in the order of their ends
ZERO = ord("0")
NO_SPACES = "\u2e80"  # from here on: scripts that do not put spaces between words
SPACED = bytes(byte if byte < 0x80 and chr(byte).isalnum() else ord(" ") for byte in range(256))


class Found(msgspec.Struct, frozen=True, gc=False):
    """Strengths by what they speak for, and the strongest source of each."""

    scores: dict[str, float]
    sources: dict[str, str]


class Pattern(NamedTuple):
    """``system``, ``opening``, ``body`` pair what the pattern speaks for with its strength there; ``source`` is how a trait names it.

    ``spaced`` says that it is sought between spaces, ``exact`` that it has spaces or punctuation of its own, to be looked at again.
    """

    text: bytes
    place: int
    spaced: bool
    exact: bool
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
    data = utf8(text)
    foreign = not text.isascii()
    if foreign:
        opens, opened = len(utf8(text[:opens])), len(utf8(text[:opened]))
    find_words, find_fragments, find_others, first_other, patterns = _compiled()
    hits = find_words(b" " + data.translate(SPACED), True)  # the space before a word falls on the word's place in ``data``
    if others := (find_others if foreign else find_fragments)(data, True):
        hits += [(index + first_other, start, end) for index, start, end in others]
        hits.sort(key=itemgetter(2))
    scores: dict[str, float] = {}
    sources: dict[str, str] = {}
    strongest: dict[str, float] = {}
    seen: set[int] = set()
    for index, start, _ in hits:
        if index in seen:
            continue
        pattern, place, _, exact, in_system, in_opening, in_body, source = patterns[index]
        if exact and not data.startswith(pattern, start):
            continue
        if (foreign or place == SUM) and not _in_place(place, data, start, start + len(pattern)):
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


def _in_place(place: int, data: bytes, start: int, end: int) -> bool:
    """Whether the characters before and after are such as the pattern needs, in any script. A character has at most four bytes."""
    if place == FREE:
        return True
    if place == SUM and data[start - 1] < ZERO:  # as a rule: what looks like an operator is a list or emphasis
        return False
    before = data[max(0, start - 4) : start].decode("utf-8", "ignore")[-1:]
    if place == SUM:
        return before.isdigit() and data[end : end + 4].decode("utf-8", "ignore")[:1].isdigit()
    return not before.isalnum() and (place == STEM or not data[end : end + 4].decode("utf-8", "ignore")[:1].isalnum())


@cache
def _compiled() -> tuple[Find, Find, Find, int, tuple[Pattern, ...]]:
    """Built once, when the first request needs it."""
    words = [pattern for pattern in _patterns() if pattern.spaced]
    fragments = [pattern for pattern in _patterns() if not pattern.spaced and pattern.text.isascii()]
    others = fragments + [pattern for pattern in _patterns() if not pattern.text.isascii()]
    ends = {WORD: b" ", STEM: b""}
    find_words = _finder([b" " + word.text.translate(SPACED) + ends[word.place] for word in words])
    find_fragments = _finder([fragment.text for fragment in fragments], Implementation.DFA)
    return find_words, find_fragments, _finder([other.text for other in others]), len(words), (*words, *others)


def _finder(patterns: list[bytes], kind: Implementation = Implementation.ContiguousNFA) -> Find:
    # Of many patterns as quick as a DFA when it runs alone, and a fifth of its size: a larger table pushes everything else out of the cache.
    return BytesAhoCorasick(patterns, implementation=kind).find_matches_as_indexes


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
            text.encode(),
            place,
            spaced := place in (WORD, STEM) and text.isascii(),
            spaced and not text.isalnum(),
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
