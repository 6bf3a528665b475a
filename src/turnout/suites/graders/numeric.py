r"""The last number of a text, exactly, in the many ways that people and models write one. Pure.

``1,234.5``, ``1.234,5`` and ``1'234.5`` have thousands separators; ``1,5`` has a decimal comma and ``1,500`` has not. ``3/4``, ``1 1/2``, ``½`` and
``\frac{3}{4}`` are fractions, ``2.5e-3`` and ``2.5 x 10^-3`` are powers of ten. ``25%`` may be meant as 25 and as 0.25, ``3 million`` as 3 and as
3,000,000: either will do. A digit that belongs to a word (``CO2``) or is an exponent (``m^2``) is no number.
"""

import re
import unicodedata
from fractions import Fraction

from turnout.types.suite import Numeric

LONGEST = 64 * 2**10
"""Characters of the text that are read, its end: the number that counts is the last."""
LARGEST = 400
"""Digits, and powers of ten: far beyond what a float holds, and still quick."""

_SCALES = {
    "%": Fraction(1, 100), "percent": Fraction(1, 100), "per cent": Fraction(1, 100),
    "thousand": Fraction(10**3), "million": Fraction(10**6), "billion": Fraction(10**9), "trillion": Fraction(10**12),
}  # fmt: skip
_WHOLE = r"[1-9][0-9]{0,2}(?:,[0-9]{3})++(?:\.[0-9]++)?(?![0-9])|[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}+(?:,[0-9]++)?(?![0-9])|[1-9][0-9]{0,2}(?:\.[0-9]{3})++,[0-9]++"
_SPACED = "[1-9][0-9]{0,2}(?:['’_\u00a0\u2009\u202f][0-9]{3})++(?:[.,][0-9]++)?(?![0-9])"  # noqa: RUF001  how the Swiss write it
_COMMA = r"(?<![0-9],)[0-9]++,[0-9]++(?!,?[0-9])"
_PLAIN = r"[0-9]++(?:\.[0-9]++)?|\.[0-9]++"
_NUMBER = re.compile(
    r"(?<![\w^])(?<!\^\{)(?P<sign>[-−–+]?)(?:[$€£¥]\s?)?(?P<minus>[-−–]?)"  # noqa: RUF001  signs that look alike
    rf"(?:(?P<mixed>[0-9]++)[ ](?=[0-9]++/[0-9]))?(?P<digits>{_WHOLE}|{_SPACED}|{_COMMA}|{_PLAIN})"
    r"(?:\s?/\s?(?P<under>[0-9]++)(?![/\d.]))?"
    r"(?:\^\{?(?P<raised>[-−+]?[0-9]{1,3})\}?)?"  # noqa: RUF001  same
    r"(?:[eE](?P<power>[-+]?[0-9]{1,4})(?!\w)|\s?[x×*·]\s?10\s?(?:\^|\*\*)\s?\{?(?P<ten>[-−+]?[0-9]{1,4})\}?)?"  # noqa: RUF001  same
    r"(?:\s?(?P<scale>%|percent\b|per cent\b|thousand\b|million\b|billion\b|trillion\b))?",
    re.IGNORECASE,
)
_LATEX = re.compile(r"\\[dt]?frac\s?\{\s?([0-9]{1,20})\s?\}\s?\{\s?([0-9]{1,20})\s?\}")
_SPELLED = (("{,}", ","), (r"\,", ""), (r"\!", ""), (r"\%", "%"), (r"\$", "$"), (r"\times", "x"), (r"\cdot", "x"))


def numeric(rule: Numeric, text: str) -> str | None:
    """What the last number is, if it is not close enough."""
    found = last_number(text)
    if not found:
        return "there is no number in it"
    value = _exact(rule.value)
    allowed = max(_exact(rule.absolute), _exact(rule.relative) * abs(value))
    if any(abs(number - value) <= allowed or _rounds_to(number, rule.value) for number in found):
        return None
    return f"the last number is {_shown(found[0])}, not {rule.value:g}"


def last_number(text: str) -> tuple[Fraction, ...]:
    """What it may mean, as written first; empty: there is none."""
    text = text[-LONGEST:]
    for spelled, plain in _SPELLED:
        text = text.replace(spelled, plain)
    text = _LATEX.sub(r" \1/\2 ", _vulgar(text))
    last = None
    for match in _NUMBER.finditer(text):
        last = match
    return _readings(last) if last is not None else ()


def _readings(match: re.Match[str]) -> tuple[Fraction, ...]:
    power, raised = _whole(match["power"] or match["ten"] or "0"), _whole(match["raised"] or "1")
    digits = _point(match["digits"])
    if max(len(digits) * abs(raised), len(match["under"] or ""), len(match["mixed"] or ""), abs(power)) > LARGEST:
        return ()
    if raised < 0 and not Fraction(digits):
        return ()
    value = Fraction(digits) ** raised * Fraction(10) ** power
    if match["under"]:
        if not int(match["under"]):
            return ()
        value /= int(match["under"])
    if match["mixed"]:
        value += int(match["mixed"])
    if (match["sign"] or match["minus"] or "+") != "+":
        value = -value
    scale = _SCALES.get((match["scale"] or "").lower())
    return (value,) if scale is None else (value, value * scale)


def _whole(written: str) -> int:
    return int(written.replace("−", "-"))  # noqa: RUF001  a minus sign


def _point(written: str) -> str:
    """Digits with a point where the fraction begins: of two separators the last is the decimal one."""
    plain = re.sub("['’_\u00a0\u2009\u202f]", "", written)  # noqa: RUF001  as above
    commas, points = plain.count(","), plain.count(".")
    if commas and points:
        thousands = "," if plain.rfind(".") > plain.rfind(",") else "."
        return plain.replace(thousands, "").replace(",", ".")
    if points > 1:
        return plain.replace(".", "")
    if commas > 1 or (commas and len(plain) - plain.find(",") == 4 and plain.find(",") <= 3 and plain[0] != "0"):
        return plain.replace(",", "")
    return plain.replace(",", ".")


def _vulgar(text: str) -> str:
    """``1½`` as ``1 1/2``."""
    if text.isascii():
        return text
    return "".join(map(_spelled_out, text))


def _spelled_out(each: str) -> str:
    if not unicodedata.decomposition(each).startswith("<fraction>"):
        return each
    return " " + unicodedata.normalize("NFKC", each).replace("\u2044", "/")


def _exact(value: float) -> Fraction:
    """The decimal number that was written, not the binary one beside it."""
    return Fraction(repr(value))


def _rounds_to(number: Fraction, value: float) -> bool:
    """1/3 is no decimal number; as a float it is what was written."""
    try:
        return float(number) == value
    except OverflowError:
        return False


def _shown(number: Fraction) -> str:
    try:
        return f"{float(number):g}"
    except OverflowError:
        return "very large"
