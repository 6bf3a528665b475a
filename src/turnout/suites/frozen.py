"""Suites as they were when a run began, kept in the data directory: whoever goes on with it, or repeats it, meets the same cases."""

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec

from turnout.errors import Unusable
from turnout.types.judge import Labels
from turnout.types.suite import Case, Suite

_Kept = TypeVar("_Kept", Suite, Labels)


def suite_hash(cases: Iterable[Case], threshold: float) -> str:
    """32 hex digits of all that judging depends on."""
    content = msgspec.json.encode((tuple(cases), threshold), order="deterministic")
    return sha256(content).hexdigest()[:32]


class Frozen:
    """A directory of suites named by their hashes, its owner's alone: cases hold what people asked. Raises OSError from every method."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, suite: Suite, labels: Labels | None = None) -> None:
        """What is there already is the same. Labels lie beside: results with a judge that others vouch for are of the same suite."""
        self._keep(self._path(suite.hash), suite)
        if labels is not None:
            self._keep(self._labels(labels.hash), labels)

    def get(self, suite_hash: str) -> Suite:
        """Raises Unusable: it is gone, or damaged."""
        return self._get(self._path(suite_hash), Suite, f"the cases of suite {suite_hash}")

    def labels(self, labels_hash: str) -> Labels:
        """Raises Unusable: they are gone, or damaged."""
        return self._get(self._labels(labels_hash), Labels, f"the labels {labels_hash}")

    def sampled(self, name: str) -> Suite | None:
        """The sample that a suite of this name stands for; None: none was drawn yet."""
        try:
            return self.get(self._mark(name).read_text().strip())
        except FileNotFoundError:
            return None

    def keep_sampled(self, suite: Suite) -> None:
        """From now on its name stands for this sample."""
        self.keep(suite)
        self._write(self._mark(suite.name), suite.hash.encode())

    def _keep(self, path: Path, content: Suite | Labels) -> None:
        if not path.exists():
            self._write(path, msgspec.json.encode(content))

    def _get(self, path: Path, kind: type[_Kept], what: str) -> _Kept:
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            raise Unusable(f"{what} are gone ({path}); begin a new run") from None
        except msgspec.MsgspecError as odd:
            raise Unusable(f"{path} is damaged: {odd}; delete it and begin a new run") from odd

    def _labels(self, labels_hash: str) -> Path:
        return self._directory / f"{quote(labels_hash, safe='')}.labels"

    def _path(self, suite_hash: str) -> Path:
        return self._directory / f"{quote(suite_hash, safe='')}.json"

    def _mark(self, name: str) -> Path:
        return self._directory / f"{quote(name, safe='')}.sampled"

    def _write(self, path: Path, content: bytes) -> None:
        """Beside its place and moved in, readable by nobody else at any moment."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
        temporary.replace(path)
