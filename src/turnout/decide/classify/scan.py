"""One pass of one automaton over a bounded window of the text: what was found, how strongly, and the word that shows it."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from turnout.decide.classify.words import FEATURES, LENGTHS, OPERATORS, STRUCTURE, TASKS, TRAITS
from turnout.types.traits import Sketch

HEAD, TAIL, SYSTEM = 2000, 1000, 1000  # characters of the last user message's start and end, and of the system prompt's start
SYSTEM_SHARE = 0.6  # a system prompt says what an application does, the user's words what this request does
OPENING = 40  # an order or question opens a message more often than not:
OPENING_BONUS = 1.5

FREE, WORD, STEM, SUM = range(4)  # where a pattern may lie: anywhere; between boundaries; after one; between digits
Find = Callable[[str, bool], list[tuple[int, int, int]]]  # text, overlapping -> (pattern, start, end) of each match
NO_SPACES = "\u2e80"  # from here on: scripts that do not put spaces between words


class Found(NamedTuple):
    """Strengths by what they speak for, and the strongest source of each."""

    scores: dict[str, float]
    sources: dict[str, str]


class Pattern(NamedTuple):
    """``system``, ``opening``, ``body`` pair what the pattern speaks for with its strength there; ``source`` is how a trait names it."""

    text: str
    place: int
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
    find, patterns = _compiled()
    try:
        matches = find(text, True)
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell and UTF-8 cannot
        matches = find(text.encode(errors="replace").decode(), True)
    scores: dict[str, float] = {}
    sources: dict[str, str] = {}
    strongest: dict[str, float] = {}
    seen: set[int] = set()
    for index, start, end in matches:
        if index in seen:
            continue
        _, place, in_system, in_opening, in_body, source = patterns[index]
        if place:
            before = text[start - 1]
            if place == SUM:
                if not (before.isdigit() and text[end].isdigit()):
                    continue
            elif before.isalnum() or (place == WORD and text[end].isalnum()):
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


@cache
def _compiled() -> tuple[Find, tuple[Pattern, ...]]:
    """Built once, when the first request needs it."""
    patterns = _patterns()
    automaton = AhoCorasick(
        [pattern.text for pattern in patterns],
        matchkind=MatchKind.Standard,
        # As quick as a DFA when it runs alone, and 3 MB instead of 15: the larger table pushes everything else out of the cache.
        implementation=Implementation.ContiguousNFA,
        store_patterns=False,
    )
    return automaton.find_matches_as_indexes, patterns


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
            text, place, _by(SYSTEM_SHARE, meanings), _by(OPENING_BONUS, meanings), tuple(meanings.items()), sources[text, place]
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
