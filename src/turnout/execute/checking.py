"""A held answer, as checks read it."""

from turnout.checks.answer import Answer, answer_of
from turnout.dialects.collect import read_answer
from turnout.dialects.dialect import Ask, Dialect


def held_answer(ask: Ask, front: Dialect, delivered: bytes) -> Answer:
    """What an attempt delivered in the client's dialect, whole or as a stream, and the schema that the request asked it to fit."""
    wanted = front.to_hub(ask).response_format
    schema = bytes(wanted.schema).decode() if wanted is not None and wanted.schema is not None else None
    return answer_of(read_answer(front, delivered, stream=ask.sketch.stream), schema)
