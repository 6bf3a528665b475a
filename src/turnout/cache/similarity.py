"""Whether two questions ask the same thing in other words. Lexical and wary: a wrong answer costs more than a call.

What may differ is form: politeness, articles, "how do I" for "how to", contractions, capitals, punctuation. Every other word counts,
and so does their order; what follows a colon or a line's end is material, which counts as it is spelled. Some words may not differ at any threshold (numbers, names in code, quotations, negations, directions): these are in
a wording's ``strict`` part, which belongs to the bucket that a question is looked for in.
"""

import re
from collections.abc import Iterable
from itertools import pairwise

import msgspec

MOST_TEXT = 2_000
"""Characters. Long texts differ in ways that words do not tell."""
ENOUGH = 8.0
"""Weight of common words beyond which more of them excuse no further difference: a long text forgives no more than a short one."""
PAIR, SOFT = 0.5, 0.1
"""What a pair of neighbours and a word of mere form weigh beside a word."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


SOFT_WORDS = _set("the an is are please kindly hi hello hey thanks")
STRICT_WORDS = _set(
    "not no never none neither nor nobody nothing without except unless only from to before after over under above below until since "
    "in out on off up down with against more most less least min max minimum maximum enable disable enabled disabled allow deny "
    "increase decrease first last start stop open close add remove true false yes"
)
"""Negations, directions and opposites: what makes a question its contrary."""

NAMES_TOO = _set(
    "polish turkey china march may august apple amazon shell gap target bill mark will rose nice reading bath mobile us it"
)
"""Words that are others with a capital letter."""

_MATERIAL = re.compile(r":\s|\n")
_QUOTED = re.compile(
    r"\"[^\"]*\"|`[^`]*`|\u201c[^\u201c\u201d]*\u201d|\xab[^\xab\xbb]*\xbb|(?<!\w)['\u2018][^'\u2018\u2019]*['\u2019](?!\w)"
)
_TOKEN = re.compile(r"\0\d+\0|[^\s\0]+")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_EDGES = ".,;:!?\xbf\xa1\u2026\u3002\uff0c\u3001\uff01\uff1f\uff1b\uff1a"  # the East Asian ones too
_MARK = "="  # no plain word begins with it
_SENTENCE_ENDS = (".", "!", "?", "\u2026")
_QUESTIONS = _set("what which who whom whose when where why how whether")
_ERRANDS = _set("please tell explain write give show help translate summarize summarise describe list suggest recommend")
_IS_AFTER = _QUESTIONS | {"it", "that", "there", "here", "this"}
_SPELLED = {
    "can't": ("can", "not"), "cannot": ("can", "not"), "won't": ("will", "not"), "shan't": ("shall", "not"),
    "i'm": ("i", "am"), "i'd": ("i", "would"), "let's": ("let", "us"), "e-mail": ("email",), "e-mails": ("emails",),
}  # fmt: skip
_ENDINGS = {"n't": "not", "'re": "are", "'ve": "have", "'ll": "will"}
_HOW_TO = (("how", "do", "i"), ("how", "can", "i"), ("how", "could", "i"), ("how", "would", "i"), ("how", "should", "i"))
_OPENINGS = (("i", "would", "like", "to", "know"), ("i", "want", "to", "know"), ("do", "you", "know"), ("tell", "me"))
_CLOSINGS = (("thank", "you"), ("thanks", "in", "advance"), ("many", "thanks"))


class Wording(msgspec.Struct, frozen=True, array_like=True):
    """How a question is worded: its words, which of them are neighbours, and the words of mere form."""

    words: frozenset[str]
    pairs: frozenset[str]
    soft: frozenset[str]

    @property
    def size(self) -> int:
        """How many strings it holds."""
        return len(self.words) + len(self.pairs) + len(self.soft)


def read(text: str) -> tuple[tuple[str, ...], Wording] | None:
    """The strict part, in order, and the rest; None when the text says too little or too much."""
    text = text.strip()
    if not text or len(text) > MOST_TEXT:
        return None
    found = _MATERIAL.search(text)
    errand, material = (text[: found.start()], text[found.start() :]) if found else (text, "")
    words = _plain_form(list(_tokens(errand)))
    telling = [word for word in words if word not in SOFT_WORDS]
    if not telling:
        return None
    strict = (*(word for word in words if word[0] == _MARK or word in STRICT_WORDS), material)
    pairs = frozenset(f"{one} {other}" for one, other in pairwise(telling))
    return strict, Wording(frozenset(_numbered(telling)), pairs, frozenset(words) & SOFT_WORDS)


def likeness(one: Wording, other: Wording) -> float:
    """0..1; 1 when nothing differs. One word exchanged is about 0.7, one word more at the end 0.84."""
    shared = len(one.words & other.words) + PAIR * len(one.pairs & other.pairs)
    apart = len(one.words ^ other.words) + PAIR * len(one.pairs ^ other.pairs) + SOFT * len(one.soft ^ other.soft)
    shared = min(shared, ENOUGH)
    return shared / (shared + apart) if shared else 0.0


def reach(wording: Wording, threshold: float) -> tuple[int, int]:
    """How few and how many words one that is so much like it can have: the others need not even be read."""
    count, room = len(wording.words), int(ENOUGH / max(threshold, 0.01) - ENOUGH)
    return count - room, count + room


def nearest(wording: Wording, others: Iterable[tuple[bytes, Wording]], threshold: float) -> tuple[bytes, float] | None:
    """Which of ``others`` is most like it, at ``threshold`` at least, and how much. Of equals the first."""
    least, most = reach(wording, threshold)
    best, highest = None, threshold
    for key, other in others:
        if not least <= len(other.words) <= most:
            continue
        alike = likeness(wording, other)
        if alike > highest or (alike == highest and best is None):
            best, highest = key, alike
            if alike == 1.0:
                break
    return None if best is None else (best, highest)


def _tokens(text: str) -> Iterable[str]:
    """Plain words in lower case and full spelling; all else as it is spelled, marked."""
    quoted: list[str] = []

    def keep(found: re.Match[str]) -> str:
        quoted.append(found[0][1:-1])
        return f" \0{len(quoted) - 1}\0 "

    begins = True
    for token in _TOKEN.findall(_QUOTED.sub(keep, text.replace("\0", " "))):
        if token[0] == "\0":
            yield f'{_MARK}"{quoted[int(token[1:-1])]}"'
            begins = False
            continue
        bare = token.strip(_EDGES).replace("\u2019", "'")
        if _is_plain(bare, begins=begins):
            yield from _spelled(bare.lower())
        elif bare:
            yield _MARK + bare
        begins = token.endswith(_SENTENCE_ENDS)


def _numbered(words: list[str]) -> Iterable[str]:
    """Each with its number where it is not the first of its kind: how often something is said may be what is asked."""
    seen: dict[str, int] = {}
    for word in words:
        seen[word] = count = seen.get(word, 0) + 1
        yield word if count == 1 else f"{word} {count}"


def _is_plain(word: str, *, begins: bool) -> bool:
    """Capitals within a word, or one alone, are a name's (GmbH, plan A); at a sentence's beginning they say nothing."""
    if not _WORD.fullmatch(word):
        return False
    if word == word.lower():
        return True
    if len(word) == 1 or word.lower() in NAMES_TOO:
        return begins or word == "I"
    return word[1:] == word[1:].lower()


def _spelled(word: str) -> tuple[str, ...]:
    """Contractions, in full."""
    if "'" not in word and "-" not in word and word != "cannot":
        return (word,)
    if word in _SPELLED:
        return _SPELLED[word]
    for ending, full in _ENDINGS.items():
        if word.endswith(ending):
            return (word.removesuffix(ending), full)
    stem = word.removesuffix("'s")
    return (stem, "is") if stem != word and stem in _IS_AFTER else (word,)


def _plain_form(words: list[str]) -> list[str]:
    """Without what people say around a question, and with one way to ask how."""
    changed = True
    while changed and len(words) > 1:
        changed = False
        if words[0] in SOFT_WORDS - {"is", "are", "the", "an"}:
            words, changed = words[1:], True
        elif words[0] in {"can", "could", "would", "will"} and words[1] == "you" and len(words) > 2 and words[2] in _ERRANDS:
            words, changed = words[2:], True
        for opening in _OPENINGS:
            if tuple(words[: len(opening)]) == opening and len(words) > len(opening) and words[len(opening)] in _QUESTIONS:
                words, changed = words[len(opening) :], True
    for closing in _CLOSINGS:
        if tuple(words[-len(closing) :]) == closing:
            words = words[: -len(closing)]
    for asking in _HOW_TO:
        if tuple(words[:3]) == asking:
            words = ["how", "to", *words[3:]]
    return words
