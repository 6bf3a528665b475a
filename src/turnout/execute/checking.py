"""A held answer, as checks read it."""

from turnout.checks.answer import Answer, answer_of
from turnout.dialects.collect import read_answer
from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import TurnoutError


def held_answer(ask: Ask, front: Dialect, delivered: bytes) -> Answer:
    """What an attempt delivered in the client's dialect, whole or as a stream, and the schema that the request asked it to fit."""
    return answer_of(read_answer(front, delivered, stream=ask.sketch.stream), _schema(ask, front))


def _schema(ask: Ask, front: Dialect) -> str | None:
    try:
        wanted = front.to_hub(ask).response_format
    except TurnoutError:  # relayed as it is, it need not be one that could be translated
        return None
    return bytes(wanted.schema).decode() if wanted is not None and wanted.schema is not None else None
