"""Which turn of a conversation a request is, without a word of it: what Record.turn holds."""

from collections.abc import Iterable
from hashlib import blake2b

from turnout.types.traits import Sketch

BEGINNING = 0
"""Nothing was said before but instructions."""
_PERSON = b"turnout.turn"


def turn_of(sketch: Sketch, session: str) -> tuple[int, int] | None:
    """Digests (63 bits) of the conversation before the user's last message, and of that message with the instructions.

    None where the request is no new message of the user's (a tool's result is given, an answer is to be continued), and where it holds media,
    which no sketch tells apart. The session is the digests' key: they can be compared within one, and tell nothing between two.
    """
    if sketch.images or sketch.audio_bytes or sketch.document_bytes or sketch.unsized_documents:
        return None
    begin = _last_message(sketch)
    if begin is None:
        return None
    before = BEGINNING if sketch.turns <= 1 else _digest(session, sketch.texts[:begin])
    return before, _digest(session, (sketch.system, sketch.last_user))


def _last_message(sketch: Sketch) -> int | None:
    """Where the texts of the user's last message begin; None unless they are the last of all."""
    begin, left = len(sketch.texts), sketch.last_user
    while left:
        begin -= 1
        if begin < 0 or not left.endswith(sketch.texts[begin]):
            return None
        left = left[: len(left) - len(sketch.texts[begin])].removesuffix("\n")
    return begin if sketch.last_user else None


def _digest(session: str, texts: Iterable[str]) -> int:
    key, said = session.encode(errors="surrogatepass"), "\0".join(texts).encode(errors="surrogatepass")
    return int.from_bytes(blake2b(said, digest_size=8, key=key[:64], person=_PERSON).digest()) >> 1
