"""Counting tokens without a tokenizer: an estimate that prices use, an upper bound that limits use.

A request is counted before it is known who will serve it, so this is no one model's tokenizer. Characters fall into classes
by their UTF-8 lead byte; each class has two rates. They were fitted to what four vocabularies of 32k to 200k entries make
of prose, code, JSON and 25 languages; ``bench/classify.py`` prints how they hold against the usage real providers recorded.
What no figure here can foresee: pages, search results and prompts that a provider adds on its own side (server-side tools).
"""

from string import ascii_lowercase, ascii_uppercase, digits
from typing import NamedTuple

import msgspec

from turnout.types.traits import Sketch


class Count(msgspec.Struct, frozen=True, gc=False):
    """Tokens of a request: as prices expect them, and as many as limits must allow for."""

    expected: int
    most: int


class Rate(NamedTuple):
    """Tokens per unit: expected, and at most."""

    expected: float
    most: float


def _lead(first: int, last: int) -> bytes:
    return bytes(range(first, last + 1))


CONTINUATION = _lead(0x80, 0xBF)
ASCII = (
    (ascii_lowercase.encode(), Rate(0.215, 0.34)),
    (b" ", Rate(0.05, 0.1)),
    (ascii_uppercase.encode(), Rate(0.3, 0.8)),
    (digits.encode(), Rate(0.56, 1.0)),
    (b"\n\r\t", Rate(0.9, 1.2)),
)
BEYOND_ASCII = (
    (_lead(0xC2, 0xCD), Rate(1.6, 3.0)),  # accented Latin: dear, as it betrays a language whose plain letters are dearer too
    (_lead(0xCE, 0xCF), Rate(0.6, 1.4)),  # Greek
    (_lead(0xD0, 0xD3), Rate(0.42, 0.75)),  # Cyrillic
    (_lead(0xD4, 0xDF), Rate(0.65, 2.2)),  # Armenian, Hebrew, Arabic
    (_lead(0xE0, 0xE1), Rate(0.9, 2.2)),  # Indic, Thai, Georgian
    (_lead(0xE2, 0xE2), Rate(1.0, 3.0)),  # dashes, quotes, symbols
    (_lead(0xE3, 0xE9), Rate(0.85, 1.4)),  # kana, Chinese
    (_lead(0xEA, 0xED), Rate(0.85, 1.7)),  # Hangul
    (_lead(0xEE, 0xEF), Rate(1.0, 2.5)),  # full-width forms
    (_lead(0xF0, 0xFF), Rate(2.2, 4.0)),  # emoji, rare scripts
)
PUNCTUATION = Rate(0.56, 1.0)

# Keys, hashes and base64 hold no word that a vocabulary could know: in runs this long a character costs so much more.
RUN = b"a" * 24
AS_RUNS = bytes(ord("a") if byte < 0x80 and chr(byte).isalnum() else ord(" ") for byte in range(256))
IN_RUN = Rate(0.35, 0.5)

# What wraps the text. Chat templates and vendors' hidden prompts make the bounds wide: they matter for small requests only.
REQUEST = Rate(4, 400)
TURN = Rate(4, 8)
TOOLS = Rate(20, 1000)
TOOLS_OF_CLAUDE = Rate(450, 1000)  # describes the use of tools in a prompt of its own; most others send the definitions alone
TOOL_BYTE = Rate(0.18, 0.6)
IMAGE = Rate(700, 5000)
AUDIO_BYTE = Rate(1 / 1000, 1 / 100)
DOCUMENT_BYTE = Rate(1 / 12, 1 / 3)
DOCUMENT = Rate(2000, 30_000)  # named by URL or id: its size is not known here
DOCUMENTS_MOST = 300_000  # no vendor reads more pages than that from one request
UNREAD_BYTE = 0.5  # at most, between prose and numbers: a provider may read to its model what this program does not know


def estimate(sketch: Sketch) -> Count:
    """Input tokens of the request: texts, the wrapping of turns and tools, images, audio and documents."""
    expected, most = _text("\n".join(sketch.texts))
    expected = expected + REQUEST.expected + TURN.expected * sketch.turns
    most = most + REQUEST.most + TURN.most * sketch.turns
    if sketch.tool_bytes:
        tools = TOOLS_OF_CLAUDE if "claude" in sketch.model else TOOLS
        expected = expected + tools.expected + TOOL_BYTE.expected * sketch.tool_bytes
        most = most + tools.most + TOOL_BYTE.most * sketch.tool_bytes
    if sketch.images or sketch.audio_bytes:
        expected = expected + IMAGE.expected * sketch.images + AUDIO_BYTE.expected * sketch.audio_bytes
        most = most + IMAGE.most * sketch.images + AUDIO_BYTE.most * sketch.audio_bytes
    if sketch.document_bytes or sketch.unsized_documents:
        size, unsized = sketch.document_bytes, sketch.unsized_documents
        expected += min(DOCUMENT_BYTE.expected * size + DOCUMENT.expected * unsized, DOCUMENTS_MOST)
        most += min(DOCUMENT_BYTE.most * size + DOCUMENT.most * unsized + DOCUMENT.expected, DOCUMENTS_MOST)
    if sketch.unread_bytes:
        most += UNREAD_BYTE * sketch.unread_bytes
    return Count(round(expected), round(most) + 1)


def utf8(text: str) -> bytes:
    """The bytes that are counted and searched. A lone surrogate, which no body can spell but a str of Python's can, is a character too."""
    return text.encode(errors="surrogatepass")


def _text(text: str) -> tuple[float, float]:
    """Strips one class of characters after the other; what each pass removes is that class's count. All at C speed."""
    data = utf8(text)
    expected = most = 0.0
    rest, left = data, len(data)
    for members, (dear, dearest) in ASCII:
        rest = rest.translate(None, members)
        before, left = left, len(rest)
        count = before - left
        expected += dear * count
        most += dearest * count
    if not rest.isascii():
        rest = rest.translate(None, CONTINUATION)
        left = len(rest)
        for members, (dear, dearest) in BEYOND_ASCII:
            rest = rest.translate(None, members)
            before, left = left, len(rest)
            count = before - left
            expected += dear * count
            most += dearest * count
    expected += PUNCTUATION.expected * len(rest)
    most += PUNCTUATION.most * len(rest)
    runs = data.translate(AS_RUNS)
    if RUN in runs:
        count = sum(len(run) for run in runs.split() if len(run) >= len(RUN))
        expected += IN_RUN.expected * count
        most += IN_RUN.most * count
    return expected, most


# Tokens of a typical answer by task; where the answer mirrors its input, tokens per input token of the user's message.
ANSWER = {
    "agentic": 120,
    "analysis": 700,
    "classification": 12,
    "code_generation": 600,
    "conversation": 50,
    "creative_writing": 450,
    "customer_support": 150,
    "extraction": 120,
    "math": 300,
    "qa": 180,
    "summarization": 160,
    "translation": 40,
}
ANSWER_OF_UNKNOWN = 300
MIRRORED = {"extraction": 0.3, "translation": 1.1}
LENGTHS = {"one": 0.08, "brief": 0.4, "detailed": 2.0}
ANSWER_LEAST = 5


def expect_output(task: str | None, sketch: Sketch, length: str | None) -> int:
    """Tokens one answer will probably take; never more than the caller's own limit. ``length`` is a key of LENGTHS or None.

    Thinking is not in it: how much a model thinks is a fact of that model.
    """
    tokens = float(ANSWER.get(task, ANSWER_OF_UNKNOWN) if task else ANSWER_OF_UNKNOWN)
    if task in MIRRORED:
        tokens += MIRRORED[task] * _text(sketch.last_user)[0]
    tokens = max(ANSWER_LEAST, tokens * LENGTHS.get(length or "", 1.0))
    return round(tokens if sketch.max_output is None else min(tokens, max(1, sketch.max_output)))
