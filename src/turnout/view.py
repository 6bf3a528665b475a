"""Views on disk and in hand: files named by their hashes, written by the control process, loaded by workers on notice.

A worker needs nothing but this directory to start, restart and go on: the data plane outlives the control plane.
"""

import os
from hashlib import sha256
from pathlib import Path

import msgspec

from turnout.decide.compiled import View, compile_view
from turnout.types.matrix import UNMEASURED, Matrix
from turnout.types.view import Base, Overlay

_CURRENT = "current"


def base_name(base: Base) -> str:
    """What a base is called wherever it is stored."""
    return _name(_bytes(base))


def _bytes(part: Base | Overlay | Matrix) -> bytes:
    return msgspec.json.encode(part, order="deterministic")


def _name(content: bytes) -> str:
    return sha256(content).hexdigest()[:32]


class ViewStore:
    """The directory of views. Files are written beside their place and moved in, so that no reader sees half of one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._bases: dict[str, Base] = {}
        self._matrices: dict[str, Matrix] = {}

    def publish(self, base: Base, overlay: Overlay, matrix: Matrix = UNMEASURED) -> str:
        """Store the view, make it the current one, and return its hash."""
        view_hash = self.write(base, overlay, matrix)
        self.point(view_hash)
        return view_hash

    def write(self, base: Base, overlay: Overlay, matrix: Matrix = UNMEASURED) -> str:
        """Store the view, and return its hash. The overlay's ``base`` and ``matrix`` are set to what these are called.

        Where nothing was measured there is no matrix.
        """
        base_hash = self._put(_bytes(base), "base")
        matrix_hash = self._put(_bytes(matrix), "matrix") if matrix.quality else None
        return self._put(_bytes(msgspec.structs.replace(overlay, base=base_hash, matrix=matrix_hash)), "view")

    def point(self, view_hash: str) -> None:
        """Make a stored view the current one."""
        self._replace(self._directory / _CURRENT, view_hash.encode())

    def load(self, view_hash: str) -> View:
        """Compile a stored view.

        Raises:
            FileNotFoundError: there is no such view.
            ValueError: its file is not what its name says.
        """
        overlay = self.overlay(view_hash)
        return compile_view(self.base(overlay.base), overlay, view_hash, self.matrix(overlay.matrix))

    def overlay(self, view_hash: str) -> Overlay:
        """A stored view's own file."""
        return msgspec.json.decode(self._get(view_hash, "view"), type=Overlay)

    def base(self, base_hash: str) -> Base:
        """The stored base; kept in memory, since overlays change far more often."""
        if base_hash not in self._bases:
            self._bases = {base_hash: msgspec.json.decode(self._get(base_hash, "base"), type=Base)}
        return self._bases[base_hash]

    def matrix(self, matrix_hash: str | None) -> Matrix:
        """The stored matrix, an empty one for None; kept in memory like the base."""
        if matrix_hash is None:
            return UNMEASURED
        if matrix_hash not in self._matrices:
            self._matrices = {matrix_hash: msgspec.json.decode(self._get(matrix_hash, "matrix"), type=Matrix)}
        return self._matrices[matrix_hash]

    def current(self) -> str | None:
        """Hash of the view to decide on now, None before the first one was published."""
        try:
            return (self._directory / _CURRENT).read_text().strip() or None
        except FileNotFoundError:
            return None

    def unpublished_since(self, moment: float) -> frozenset[str]:
        """Views that nobody published from ``moment`` (unix seconds) on; never the current one."""
        old = {path.name.partition(".")[0] for path in self._directory.glob("*.view.json") if path.stat().st_mtime < moment}
        return frozenset(old - {self.current()})

    def remove(self, view_hash: str) -> None:
        """Forget a view; its base, which others may share, stays."""
        (self._directory / f"{view_hash}.view.json").unlink(missing_ok=True)

    def remove_matrices(self, moment: float) -> int:
        """Forget the matrices that no view names and nobody published from ``moment`` (unix seconds) on; returns how many."""
        old = [path for path in self._directory.glob("*.matrix.json") if path.stat().st_mtime < moment]
        if not old:
            return 0
        named = {self.overlay(path.name.partition(".")[0]).matrix for path in self._directory.glob("*.view.json")}
        unused = [path for path in old if path.name.partition(".")[0] not in named]
        for path in unused:
            path.unlink(missing_ok=True)
        return len(unused)

    def _put(self, content: bytes, kind: str) -> str:
        name = _name(content)
        path = self._directory / f"{name}.{kind}.json"
        if path.exists() and path.read_bytes() == content:
            path.touch()  # published again: in use until a request says so, see unpublished_since
        else:  # a damaged one is mended, since its name is all that there is to it
            self._replace(path, content)
        return name

    def _get(self, name: str, kind: str) -> bytes:
        content = (self._directory / f"{name}.{kind}.json").read_bytes()
        if _name(content) != name:
            raise ValueError(f"view file {name}.{kind}.json is damaged: its content does not have the hash it is named by")
        return content

    def _replace(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        temporary.write_bytes(content)
        temporary.replace(path)


class CurrentView:
    """The view a worker decides on. ``poll`` is cheap: one stat unless something changed."""

    def __init__(self, store: ViewStore, directory: Path) -> None:
        self._store = store
        self._marker = directory / _CURRENT
        self._seen: tuple[int, int] | None = None
        self.view: View | None = None

    def poll(self) -> View | None:
        """Load the current view if it is another one now; return it then, None otherwise. A view that cannot be loaded keeps the old.

        Raises:
            OSError, ValueError, msgspec.DecodeError: the new view cannot be loaded; the old one stays and the next call tries again.
        """
        try:
            status = self._marker.stat()
        except FileNotFoundError:
            return None
        mark = (status.st_mtime_ns, status.st_ino)
        if mark == self._seen:
            return None
        view_hash = self._store.current()
        if view_hash is None or (self.view is not None and view_hash == self.view.hash):
            self._seen = mark
            return None
        self.view = self._store.load(view_hash)
        self._seen = mark
        return self.view
