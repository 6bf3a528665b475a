"""What was signed tells a chain that was shortened or written anew."""

import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tests.unit.audit.test_chain import AT, chain
from turnout.audit.chain import CHECKPOINT, ORIGIN, Entry, append
from turnout.audit.checkpoint import (
    KEY_FILE,
    Checkpoint,
    from_text,
    is_public_key,
    keep,
    kept,
    public_text,
    sign,
    signing_key,
    verify,
    written,
)
from turnout.errors import Unusable


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signed")


def signed(home: Path, head: Entry, origin: str = "o-1") -> Checkpoint:
    return sign(signing_key(home), origin, head, AT)


def named(home: Path, entries: Sequence[Entry], *checkpoints: Checkpoint) -> list[tuple[str, str]]:
    keys = (public_text(signing_key(home)),)
    return [(finding.what, finding.where) for finding in verify(entries, checkpoints, keys)]


def test_a_chain_that_went_on_still_holds(home: Path) -> None:
    """Checkpoints of its past, and of its head."""
    whole = chain()
    assert named(home, whole, signed(home, whole[2]), signed(home, whole[4])) == []


def test_a_shortened_chain_is_caught(home: Path) -> None:
    """It is whole by itself."""
    whole = chain()
    assert named(home, whole[:3], signed(home, whole[4])) == [("truncated", "checkpoint of entry 5")]
    assert named(home, [], signed(home, whole[4])) == [("truncated", "checkpoint of entry 5")]


def test_a_chain_computed_anew_is_caught(home: Path) -> None:
    """All hashes right, one entry another."""
    whole = chain()
    forged = [*whole[:2], append(whole[1], AT, "policy", "mallory", {})]
    for entry in whole[3:]:
        forged.append(append(forged[-1], entry.at, entry.kind, entry.actor, {"version": 0}))
    assert named(home, forged) == []
    assert named(home, forged, signed(home, whole[3])) == [("rewritten", "checkpoint of entry 4")]


def test_a_chain_of_another_store_is_caught(home: Path) -> None:
    """Also one that begins with the same entries otherwise."""
    other = [append(None, AT, ORIGIN, "turnout", {"origin": "o-2"})]
    assert named(home, other, signed(home, chain()[0])) == [("other_origin", "checkpoint of entry 1")]


def test_a_checkpoint_of_another_key_is_caught(home: Path, tmp_path: Path) -> None:
    """Whoever can write the chain can sign it too, with a key of his own."""
    whole = chain()
    assert named(home, whole, signed(tmp_path, whole[4])) == [("foreign_key", "checkpoint of entry 5")]


@pytest.mark.parametrize("field", ["origin", "seq", "head", "at", "signature"])
def test_a_changed_checkpoint_is_caught(home: Path, field: str) -> None:
    """Whatever of it."""
    made = signed(home, chain()[4])
    value = getattr(made, field)
    other = value[::-1] if isinstance(value, str) else value - 1
    assert ("bad_signature", msgspec.structs.replace(made, **{field: other}).name) in named(
        home, chain(), msgspec.structs.replace(made, **{field: other})
    )


def test_checkpoints_within_the_chain_are_verified(home: Path, tmp_path: Path) -> None:
    """A chain that begins with one is as good as its signature."""
    whole = chain()
    good = append(whole[4], AT, CHECKPOINT, "cli", msgspec.structs.asdict(signed(home, whole[4])))
    assert named(home, [*whole, good]) == []
    assert named(home, [good, append(good, AT, "policy", "cli", {})], signed(home, whole[4])) == []
    bad = append(whole[4], AT, CHECKPOINT, "cli", msgspec.structs.asdict(signed(tmp_path, whole[4])))
    assert named(home, [bad]) == [("foreign_key", "entry 6")]
    old = append(whole[4], AT, CHECKPOINT, "cli", msgspec.structs.asdict(signed(home, whole[3])))
    assert named(home, [*whole, old]) == [("rewritten", "entry 6")]
    none = append(whole[4], AT, CHECKPOINT, "cli", {"origin": "o-1"})
    assert named(home, [*whole, none]) == [("bad_signature", "entry 6")]


def test_what_is_older_than_the_chain_is_said_to_be(home: Path) -> None:
    """After the retention's cut it can be compared with nothing."""
    whole = chain()
    good = append(whole[4], AT, CHECKPOINT, "cli", msgspec.structs.asdict(signed(home, whole[4])))
    assert named(home, [good], signed(home, whole[1])) == [("not_comparable", "checkpoint of entry 2")]


def test_the_key_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    """A second look finds the same one."""
    first = public_text(signing_key(tmp_path / "data"))
    assert public_text(signing_key(tmp_path / "data")) == first
    assert stat.S_IMODE((tmp_path / "data" / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == [KEY_FILE]
    assert is_public_key(first)
    assert not is_public_key("ed25519:short")
    assert not is_public_key("rsa:" + first[8:])


def test_a_key_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    """Nothing is put in its place: it may be a backup away."""
    (tmp_path / KEY_FILE).write_text("x")
    with pytest.raises(Unusable, match="not an Ed25519 key"):
        signing_key(tmp_path)


def test_a_checkpoint_is_a_file_that_people_can_keep(tmp_path: Path) -> None:
    """It comes back as it was."""
    made = signed(tmp_path, chain()[4])
    path = keep(made, tmp_path)
    assert kept(tmp_path) == (path,)
    assert from_text(path.read_bytes()) == from_text(written(made)) == made
    with pytest.raises(msgspec.DecodeError):
        from_text(b"{}")
