"""Fenced code blocks of a Markdown text."""

import re

import msgspec

_FENCE = re.compile(r"([ \t]*+)(`{3,}+|~{3,}+)[ \t]*+([^\s`]*+)[^`]*+")


class Block(msgspec.Struct, frozen=True):
    """``label`` in lower case, empty when there is none; ``code`` without the indent of its fence."""

    label: str
    code: str


def blocks(text: str) -> list[Block]:
    """The blocks in order. One that is never closed runs to the end: an answer that was cut is checked as far as it goes."""
    found: list[Block] = []
    opened: re.Match[str] | None = None
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        fence = _FENCE.fullmatch(line) if "```" in line or "~~~" in line else None
        if opened is None:
            opened = fence
        elif fence is not None and not fence[3] and fence[2].startswith(opened[2]):
            found.append(_block(opened, lines))
            opened, lines = None, []
        else:
            lines.append(line)
    return [*found, _block(opened, lines)] if opened is not None else found


def _block(fence: re.Match[str], lines: list[str]) -> Block:
    return Block(fence[3].lower(), "".join(line.removeprefix(fence[1]) for line in lines))
