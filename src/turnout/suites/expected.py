"""A right answer without a grader -> the grader that is meant. Pure.

A number is met by the answer's last number; a short text (or one of several) by that text, whatever its case and the punctuation around it; a
longer text by its words.
"""

import re
from typing import Any

from turnout.suites.graders.numeric import last_number
from turnout.suites.inputs import BadInput
from turnout.types.suite import Exact, Graded, Numeric, Similar

SHORT = 80
"""Characters up to which a text on one line is to be given as it is."""
DIGITS = 15
"""Beyond which a float would not tell numbers apart: an account number is a text."""

_NUMBER = re.compile(r"[-+−]?[$€£¥]?-?(?:0|[1-9][0-9]*(?:[,'][0-9]{3})*)?(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?\s?%?")  # noqa: RUF001  signs that look alike


def expected_graders(written: Any, key: str) -> tuple[Graded, ...]:
    """Raises BadInput."""
    if isinstance(written, bool):
        return (Graded(Exact((str(written).lower(),), normal=True)),)
    if isinstance(written, int | float) and len(re.sub(r"\D", "", repr(written))) <= DIGITS:
        return (Graded(Numeric(float(written))),)
    if isinstance(written, int | float):
        written = str(written)
    if isinstance(written, str) and written.strip():
        return (Graded(_of_text(written)),)
    if isinstance(written, list) and written and all(isinstance(each, str) and each.strip() for each in written):
        if len(written) == 1:
            return (Graded(_of_text(written[0])),)
        if all(map(_is_short, written)):
            return (Graded(Exact(tuple(written), normal=True)),)
    raise BadInput(key, "must be a text, a number, or a list of short texts", "write `graders` for what is neither")


def _of_text(text: str) -> Exact | Numeric | Similar:
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped) and sum(map(str.isdigit, stripped)) <= DIGITS:
        numbers = last_number(stripped)
        if numbers:
            return Numeric(float(numbers[0]))
    return Exact((text,), normal=True) if _is_short(text) else Similar(text)


def _is_short(text: str) -> bool:
    return len(text.strip()) <= SHORT and "\n" not in text.strip()
