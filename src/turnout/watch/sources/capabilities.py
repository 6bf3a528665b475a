"""Words of the sources for what goes in and out of a model and what it can do, as our bits."""

from collections.abc import Iterable, Mapping

from turnout.types.models import Feature, Modality, bits
from turnout.watch.sheet import Claims

MODALITIES: Mapping[str, str] = {
    "text": "text", "image": "image", "audio": "audio", "video": "video", "pdf": "document", "file": "document",
}  # fmt: skip


def modalities(named: Iterable[str]) -> Claims:
    """A whole list: what is not in it is not there. An empty one says nothing."""
    known = [MODALITIES[name] for name in named if name in MODALITIES]
    if not known:
        return Claims()
    yes = bits(Modality, known)
    return Claims(int(yes), int(~Modality(0) & ~yes))


def features(said: Mapping[str, bool | None]) -> Claims:
    """By our names of features; None says nothing."""
    return Claims(
        int(bits(Feature, (name for name, able in said.items() if able is True))),
        int(bits(Feature, (name for name, able in said.items() if able is False))),
    )
