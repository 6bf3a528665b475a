"""The operator's own checks: what they say counts, what they break is a failure."""

import pytest

from turnout.checks.answer import Answer, Failed
from turnout.checks.hooks import load_hook
from turnout.checks.verify import verify
from turnout.types.checks import Hook


@pytest.mark.parametrize(("function", "text", "detail"), [
    ("passes", "a", None),
    ("short", "a", None),
    ("short", "a" * 10, "it said no"),
    ("reasons", "hello", None),
    ("reasons", "you fool", "too rude"),
    ("breaks", "secret", "it raised KeyError"),
    ("leaves", "a", "it raised SystemExit"),
    ("counts", "a", "it returned int, not a bool, a reason or None"),
    ("missing", "a", "it raised AttributeError"),
])  # fmt: skip
def test_what_a_hook_says(function: str, text: str, detail: str | None) -> None:
    """None and True pass; False, a reason, anything else and an exception do not; the answer is not told by it."""
    name = f"tests.unit.checks.hooks:{function}"

    assert verify((Hook(name),), Answer(text)) == (detail and Failed(f"hook:{name}", detail))


def test_a_hook_is_loaded_by_its_name() -> None:
    """Dots reach into classes."""
    assert load_hook("pathlib:Path.is_file") is not None
    with pytest.raises(ValueError, match=r"package\.module:function"):
        load_hook("pathlib.Path")
