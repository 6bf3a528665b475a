"""An exported chain can be verified without the store it came from."""

from pathlib import Path

import msgspec
import pytest

from tests.unit.audit.test_chain import AT, chain
from turnout.audit.chain import Entry
from turnout.audit.checkpoint import public_text, sign, signing_key
from turnout.audit.exported import Export, Header, NotAnExport, lines


def exported(entries: list[Entry], home: Path, after: Entry | None = None) -> list[bytes]:
    last = entries[-1]
    follows = None if after is None else (after.seq, after.hash)
    return list(lines(Header("audit-1", "o-1", public_text(signing_key(home)), follows, (last.seq, last.hash)), entries))


def named(text: list[bytes], *checkpoints) -> list[tuple[str, str]]:
    return [(finding.what, finding.where) for finding in Export(text).findings(checkpoints, ())]


def test_a_whole_one_and_a_part_hold(tmp_path: Path) -> None:
    """A part says which entry it goes on from."""
    whole = chain()
    signed = sign(signing_key(tmp_path), "o-1", whole[3], AT)
    assert named(exported(whole, tmp_path), signed) == []
    assert named(exported(whole[2:], tmp_path, whole[1]), signed) == []


@pytest.mark.parametrize("line", range(1, 6))
def test_a_changed_line_is_named(tmp_path: Path, line: int) -> None:
    """By its entry, or by its place where it can be read no more."""
    text = exported(chain(), tmp_path)
    actor = b'"actor":"turnout"' if line == 1 else b'"actor":"cli"'
    assert actor in text[line]
    changed = [*text[:line], text[line].replace(actor, b'"actor":"me"'), *text[line + 1 :]]
    assert ("changed", f"entry {line}") in named(changed)
    torn = [*text[:line], text[line][:-5], *text[line + 1 :]]
    assert ("unreadable", f"line {line + 1}") in named(torn)


def test_a_cut_file_is_noticed(tmp_path: Path) -> None:
    """Its first line says how it ends."""
    assert named(exported(chain(), tmp_path)[:-1]) == [("truncated", "the file")]
    assert named(exported(chain(), tmp_path)[:1]) == [("truncated", "the file")]


def test_lines_in_another_order_are_noticed(tmp_path: Path) -> None:
    """Nothing sorts them before they are looked at."""
    text = exported(chain(), tmp_path)
    assert ("out_of_order", "entry 3") in named([*text[:3], text[4], text[3], text[5]])


def test_another_store_under_this_ones_name_is_noticed(tmp_path: Path) -> None:
    """The chain's own beginning says whose it is."""
    text = exported(chain(), tmp_path)
    assert ("other_origin", "entry 1") in named([text[0].replace(b"o-1", b"o-2"), *text[1:]])


@pytest.mark.parametrize("text", [[], [b"{}\n"], [b"hello\n"], [msgspec.json.encode({"turnout": "audit-2"})]])
def test_what_is_no_export_is_refused(text: list[bytes]) -> None:
    """In words that say what was expected."""
    with pytest.raises(NotAnExport, match="first line"):
        Export(text)
