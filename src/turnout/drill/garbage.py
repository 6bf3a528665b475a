"""Answers that are none: right in their form, as the dialect and the request want it, and useless in what they say."""

from collections.abc import Iterator, Mapping

from turnout.dialects.dialect import Ask, Dialect
from turnout.types.drill import Variant
from turnout.types.models import Feature
from turnout.types.reply import Choice, Ended, Event, Finished, Reply, Started, TextDelta, Usage, UsageReported
from turnout.types.request import Text

GARBLED = "\ufffd\ufffd tze ##0 \u00c3\u00a4\u00e2\u20ac\u2122 lorem \ufffd null undefined \ufffd\ufffd )) 0x1f \u00c2\u00a0 } ;; \ufffd"
WRONG = "The ferry to the northern islands leaves at a quarter past nine, and lunch is served on board."
SAYS: Mapping[Variant, tuple[str, str]] = {
    "garbled": (GARBLED, f'{{"{GARBLED[:12]}": [1, 2'),
    "empty": ("", ""),
    "wrong": (WRONG, f'{{"note": "{WRONG}"}}'),
    "broken": (WRONG, WRONG),
}
"""What is said by look, in prose and where JSON was asked for."""

_JSON = int(Feature.JSON_SCHEMA | Feature.JSON_MODE)
_UNBILLED = Usage()
"""Nobody was called, so nothing is billed: an invented figure would stand in the ledger as a cost."""

BITTEN = b'event: content_block_delta\ndata: {"choices": [{"delta": {"con\n\n'
"""An event whose JSON breaks off; the name is what one dialect needs and the other does not read."""

Headers = list[tuple[bytes, bytes]]


def garbage(dialect: Dialect, path: str, body: bytes, look: Variant) -> tuple[Headers, bytes]:
    """Headers and body of a 200 to this upstream request. ``broken`` has a form that breaks off, the others a proper one."""
    ask = dialect.ask(body, path=path)
    text = SAYS.get(look, SAYS["garbled"])[bool(ask.sketch.features & _JSON)]
    broken = look == "broken"
    if ask.sketch.stream:
        writer = dialect.writer(ask)
        if broken:  # before any content, so that there is still a chance to go elsewhere
            return _of(dialect.stream_type), writer.write(Started("drill", ask.sketch.model)) + BITTEN
        return _of(dialect.stream_type), b"".join(map(writer.write, _events(ask, text)))
    choice = Choice((Text(text),) if text else (), "stop")
    answer = dialect.write_reply(Reply("drill", ask.sketch.model, (choice,) * (ask.sketch.n or 1), _UNBILLED))
    return _of("application/json"), answer[: len(answer) // 2] if broken else answer


def _of(media_type: str) -> Headers:
    return [(b"content-type", media_type.encode())]


def _events(ask: Ask, text: str) -> Iterator[Event]:
    yield Started("drill", ask.sketch.model)
    for index in range(ask.sketch.n or 1):
        if text:
            yield TextDelta(text, index)
        yield Finished("stop", index)
    yield UsageReported(_UNBILLED)
    yield Ended()
