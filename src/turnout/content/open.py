"""What is kept of one request: closed for the journal, opened for who has the key."""

import msgspec

from turnout.content.seal import CannotOpen, ContentKey, Keyring
from turnout.types.content import Content, Keeping


class Opened(msgspec.Struct, frozen=True, array_like=True):
    """One request's content. ``request`` is its body in the dialect ``front``, ``answer`` what its client got, in the same.

    ``answer`` is empty when nothing was sent; ``stream`` says that it is a stream's bytes, which ``dialects.collect.read_answer``
    makes a whole answer of. ``model`` is who answered, ``error`` what the client was told instead. Of bodies too large, the
    beginning is kept: ``request_cut`` and ``answer_cut`` are the bytes that were left out.
    """

    front: str
    request: bytes
    answer: bytes
    stream: bool
    model: str | None = None
    error: str | None = None
    request_cut: int = 0
    answer_cut: int = 0

    @property
    def request_text(self) -> str:
        """As people read it; what was left out is said at the end."""
        return _text(self.request, self.request_cut)

    @property
    def answer_text(self) -> str:
        return _text(self.answer, self.answer_cut)


_DECODER = msgspec.msgpack.Decoder(Opened)


def close(request_id: str, at: float, keeping: Keeping, opened: Opened, key: ContentKey) -> Content:
    """Sealed. ``at`` is unix seconds of the request's arrival."""
    return Content(request_id, at, keeping, key.id, key.seal(request_id, msgspec.msgpack.encode(opened)))


def open_content(content: Content, keys: Keyring) -> Opened:
    """Raises CannotOpen: its key is not there, or the blob is torn, damaged, or another request's."""
    plain = keys.named(content.key).open(content.request_id, content.sealed)
    try:
        return _DECODER.decode(plain)
    except msgspec.MsgspecError:
        raise CannotOpen(f"the content of request {content.request_id} was written by another version") from None


def _text(body: bytes, left_out: int) -> str:
    text = body.decode("utf-8", "replace")
    return f"{text}\n[{left_out:,} bytes were left out]" if left_out else text
