"""Pages made by a program are what the program makes today."""

import pytest
from tools import build_docs, conformance

from tests.docs.snippets import ROOT


@pytest.mark.parametrize("path", build_docs.pages(), ids=lambda path: path.name)
def test_a_reference_page_is_current(path) -> None:
    """``python tools/build_docs.py`` after a change of a command, a metric or what a dialect carries."""
    assert path.read_text("utf-8") == build_docs.pages()[path]


def test_the_conformance_page_is_current() -> None:
    """``python tools/conformance.py`` after a change of a dialect."""
    if not conformance.CORPUS.exists():
        pytest.skip("the recorded traffic (../shared/corpus) is not here")
    assert conformance.PAGE.read_text("utf-8") == conformance.page(conformance.measure())


def test_the_spines_lines_are_about_right() -> None:
    """The page's figures are rounded, and may drift by a tenth before it has to be made anew."""
    page = build_docs.ONE_REQUEST.read_text("utf-8")
    for name in build_docs.SPINE:
        row = next(line for line in page.splitlines() if line.startswith(f"| [`{name}`]"))
        stated, counted = int(row.split("|")[2]), build_docs.lines(build_docs.SOURCE / name)
        assert abs(stated - counted) <= max(15, counted / 10), f"{name} has {counted} lines; run python tools/build_docs.py"


def test_every_option_is_documented() -> None:
    """Each option of each command says what it means."""
    assert "| None |" not in (ROOT / "docs/reference/cli.md").read_text("utf-8")
    assert "|  |\n" not in (ROOT / "docs/reference/cli.md").read_text("utf-8")
