"""What a log says of one call, and a row that says nothing usable."""

from typing import Literal

import msgspec

from turnout.types.money import PicoDollars
from turnout.types.reply import Usage
from turnout.types.traits import Sketch

Kind = Literal["chat", "embedding", "image", "audio", "other"]
Ending = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "other"]


class Call(msgspec.Struct, frozen=True):
    """One call to a model. None: the log does not say.

    ``at`` is unix seconds, ``model`` and ``provider`` as the log names them. ``use_case`` is the first thing that tells what the call
    was for (a tag, an observation's name), ``caller`` who asked. ``stated`` is the cost the log itself states; ``cached`` an answer
    given again by a gateway's cache. ``error`` is a class of errors, by name (:mod:`turnout.errors`), or ``failed``.
    ``sketch`` outlines what was asked, for classification: it holds text, lives as long as the call, and nothing keeps it.
    """

    file: str
    line: int
    model: str
    id: str | None = None
    at: float | None = None
    provider: str | None = None
    kind: Kind = "chat"
    caller: str | None = None
    use_case: str | None = None
    tags: dict[str, str] = {}
    usage: Usage | None = None
    stated: PicoDollars | None = None
    latency_ms: float | None = None
    first_token_ms: float | None = None
    error: str | None = None
    ending: Ending | None = None
    cached: bool = False
    stream: bool | None = None
    batch: bool = False
    sketch: Sketch | None = None


class Dirty(msgspec.Struct, frozen=True):
    """A row that is in no figure. ``excerpt`` names fields and shows numbers, never content."""

    file: str
    line: int
    why: str
    excerpt: str
