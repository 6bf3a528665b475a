"""The fenced blocks of every page, and what their info strings ask for: ``bash run``, ``python run sim``, ``yaml policy`` ..."""

import re
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
_FENCE = re.compile(r"^```(\S*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Snippet(msgspec.Struct, frozen=True):
    """``follows`` is the text of the block before it on its page."""

    page: Path
    line: int
    language: str
    words: frozenset[str]
    text: str
    follows: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def snippets() -> list[Snippet]:
    found: list[Snippet] = []
    for page in PAGES:
        text, before = page.read_text("utf-8"), ""
        for match in _FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Snippet(page, line, match[1], frozenset(match[2].split()), match[3], before))
            before = match[3]
    return found


def chosen(language: str, *words: str) -> list[Snippet]:
    """Those of a language whose info string holds all these words."""
    return [each for each in snippets() if each.language == language and each.words.issuperset(words)]
