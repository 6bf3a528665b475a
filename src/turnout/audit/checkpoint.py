"""A signed word on how far the chain went and what its head was: kept elsewhere, it shows a chain that was shortened or written anew.

The signature is Ed25519, over ``turnout-checkpoint-1``, a newline, and the JSON array ``[origin, seq, head, at]`` without spaces.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from turnout.audit.chain import Entry, Finding, origin_of, read
from turnout.audit.chain import verify as verify_chain
from turnout.audit.kinds import CHECKPOINT
from turnout.errors import Unusable

KEY_FILE = "audit-key"
FOLDER = "checkpoints"
_PREFIX = b"turnout-checkpoint-1\n"
_ALGORITHM = "ed25519:"

FOREIGN_KEY = "foreign_key"
NOTES = frozenset({"not_comparable", "pending"})
"""What is told and is no fault."""


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the chain called ``origin``: its entry ``seq`` had the hash ``head`` at ``at`` (unix seconds). ``key`` is the public one."""

    origin: str
    seq: int
    head: str
    at: float
    key: str
    signature: str

    @property
    def name(self) -> str:
        return f"checkpoint of entry {self.seq}"


def signing_key(data_dir: Path) -> Ed25519PrivateKey:
    """The key in the data directory; made there when there is none, readable by its owner only.

    Raises:
        OSError: the file cannot be read or made.
        Unusable: it holds no such key.
    """
    path = data_dir / KEY_FILE
    if not path.exists():
        _make_key(path)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise Unusable(
            f"{path} is not an Ed25519 key in PEM: put the right one back, or move it away and a new one is made"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Unusable(
            f"{path} is a key of another kind than Ed25519: put the right one back, or move it away and a new one is made"
        )
    return key


def public_text(key: Ed25519PrivateKey) -> str:
    """The public key as it is printed and given back: ``ed25519:`` and base64 (URL-safe)."""
    return _ALGORITHM + urlsafe_b64encode(key.public_key().public_bytes_raw()).decode()


def is_public_key(text: str) -> bool:
    return _public(text) is not None


def sign(key: Ed25519PrivateKey, origin: str, head: Entry, at: float) -> Checkpoint:
    signature = urlsafe_b64encode(key.sign(_signed(origin, head.seq, head.hash, at))).decode()
    return Checkpoint(origin, head.seq, head.hash, at, public_text(key), signature)


def written(checkpoint: Checkpoint) -> str:
    """As a file: JSON that a person can read."""
    return msgspec.json.format(msgspec.json.encode(checkpoint)).decode() + "\n"


def from_text(text: bytes | str) -> Checkpoint:
    """Raises msgspec.DecodeError, ValueError: it is no checkpoint."""
    return msgspec.json.decode(text, type=Checkpoint)


def keep(checkpoint: Checkpoint, data_dir: Path) -> Path:
    """Keep it in the data directory too; where. Raises OSError."""
    path = data_dir / FOLDER / f"{checkpoint.seq:09}-{checkpoint.head[:8]}.json"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(written(checkpoint))
    temporary.replace(path)
    return path


def kept(data_dir: Path) -> tuple[Path, ...]:
    """The files in the data directory, oldest first."""
    return tuple(sorted((data_dir / FOLDER).glob("*.json")))


def verify(
    entries: Iterable[Entry],
    checkpoints: Collection[Checkpoint],
    keys: Collection[str],
    *,
    before: Entry | None = None,
    origin: str | None = None,
) -> Iterator[Finding]:
    """What is wrong with a chain, within itself and against what was signed; ``keys`` are the public keys that may have signed.

    Of a part of a chain, ``before`` is the entry that it goes on from, and ``origin`` the chain's.
    """
    seen = _Seen(origin)
    wanted = {checkpoint.seq for checkpoint in checkpoints}
    yield from verify_chain(_signed_within(entries, seen, wanted, keys), before)
    yield from seen.findings
    for checkpoint in sorted(checkpoints, key=lambda each: each.seq):
        yield from _forged(checkpoint, checkpoint.name, keys) or _compared(checkpoint, seen)


class _Seen:
    """What a chain was like that went by."""

    def __init__(self, origin: str | None) -> None:
        self.origin = origin
        self.first = 0
        self.last = 0
        self.hashes: dict[int, str] = {}
        self.findings: list[Finding] = []


def _signed_within(entries: Iterable[Entry], seen: _Seen, wanted: Collection[int], keys: Collection[str]) -> Iterator[Entry]:
    """The same entries, looked at on their way for what checkpoints speak of."""
    for entry in entries:
        if not seen.last:
            found = origin_of(entry)
            seen.origin, seen.first = seen.origin or found, entry.seq
            if found is not None and found != seen.origin:
                seen.findings.append(Finding("other_origin", f"entry {entry.seq}", f"it begins the chain of the store {found}"))
        seen.last = max(seen.last, entry.seq)
        if entry.seq in wanted:
            seen.hashes[entry.seq] = entry.hash
        if entry.kind == CHECKPOINT:
            seen.findings += _entry_of_checkpoint(entry, seen.origin, keys)
        yield entry


def _entry_of_checkpoint(entry: Entry, origin: str | None, keys: Collection[str]) -> list[Finding]:
    where = f"entry {entry.seq}"
    try:
        checkpoint = msgspec.convert(read(entry), Checkpoint)
    except msgspec.ValidationError:
        return [Finding("bad_signature", where, "it says that it is a checkpoint, and holds none")]
    found = _forged(checkpoint, where, keys)
    if checkpoint.origin != origin:
        found.append(Finding("other_origin", where, "its checkpoint was made of another store's chain"))
    if (checkpoint.seq, checkpoint.head) != (entry.seq - 1, entry.prev):
        found.append(
            Finding(
                "rewritten",
                where,
                f"its checkpoint was made after entry {checkpoint.seq} with another hash than what is before it",
            )
        )
    return found


def _forged(checkpoint: Checkpoint, where: str, keys: Collection[str]) -> list[Finding]:
    if checkpoint.key not in keys:
        its = checkpoint.key or "no key"
        why = f"signed with {its}, which is none of those that may; if it is another Turnout's on this ledger, name it with --public-key"
        return [Finding(FOREIGN_KEY, where, why)]
    public = _public(checkpoint.key)
    try:
        if public is not None:
            public.verify(
                urlsafe_b64decode(checkpoint.signature),
                _signed(checkpoint.origin, checkpoint.seq, checkpoint.head, checkpoint.at),
            )
            return []
    except (InvalidSignature, ValueError):
        pass
    return [Finding("bad_signature", where, "the checkpoint itself was changed: its signature does not fit what it says")]


def _compared(checkpoint: Checkpoint, seen: _Seen) -> list[Finding]:
    where = checkpoint.name
    if not seen.last:
        return [Finding("truncated", where, "the chain is empty")]
    if checkpoint.origin != seen.origin:
        return [
            Finding(
                "other_origin", where, f"it speaks of the store {checkpoint.origin}; this is {seen.origin or 'none that says'}"
            )
        ]
    if checkpoint.seq > seen.last:
        return [Finding("truncated", where, f"the chain ends with entry {seen.last}")]
    if checkpoint.seq < seen.first:
        if checkpoint.seq == seen.first - 1:
            return []  # what was deleted went up to here, and the first entry holds this very checkpoint
        return [Finding("not_comparable", where, f"what is here begins later, with entry {seen.first}")]
    if seen.hashes.get(checkpoint.seq) != checkpoint.head:
        return [Finding("rewritten", where, "the entry has another hash now: it, or one before it, was written anew")]
    return []


def _signed(origin: str, seq: int, head: str, at: float) -> bytes:
    return _PREFIX + msgspec.json.encode([origin, seq, head, at])


def _public(text: str) -> Ed25519PublicKey | None:
    try:
        if text.startswith(_ALGORITHM):
            return Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(text.removeprefix(_ALGORITHM)))
    except ValueError:
        pass
    return None


def _make_key(path: Path) -> None:
    """Whole or not at all, and whoever comes at the same time gets the same one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"{KEY_FILE}.{os.getpid()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
