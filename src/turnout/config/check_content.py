"""Whether what is to be kept can be sealed."""

from collections.abc import Iterator, Mapping

from turnout.config.document import Finding, Path
from turnout.config.secret import resolve
from turnout.config.shape import Shaped
from turnout.content.seal import HOW_TO, key_bytes
from turnout.errors import Problem

_AT = ("store", "content_key")


def check_content(shaped: Shaped, env: Mapping[str, str], *, serving: bool) -> Iterator[Finding]:
    """Where nothing is served a key may be missing, as secrets may."""
    refs = shaped.file.store.content_key
    if not refs and shaped.is_whole(*_AT) and (where := _first_kept(shaped)) is not None:
        yield Finding(
            where, "content is kept sealed, and store.content_key names no key",
            f"{HOW_TO}, put it where only this user reads it, and write content_key: file:PATH or env:NAME",
        )  # fmt: skip
    known: dict[bytes, str] = {}
    for index, ref in enumerate(refs):
        at = _AT if len(refs) == 1 else (*_AT, index)
        found = resolve(ref, env)
        if isinstance(found, Problem):
            yield Finding(at, found.message, found.suggestion, warning=not serving)
            continue
        try:
            secret = key_bytes(found.reveal())
        except ValueError as error:
            yield Finding(at, f"{ref}: {error}", HOW_TO)
            continue
        if secret in known:
            yield Finding(at, f"{ref} is the same key as {known[secret]}", "keep one", warning=True)
        known.setdefault(secret, ref)


def _first_kept(shaped: Shaped) -> Path | None:
    """The first setting that keeps content."""
    if shaped.file.store.content != "none":
        return ("store", "content")
    kept = (name for name, route in shaped.file.routes.items() if route.content not in (None, "none"))
    name = next(kept, None)
    return None if name is None else ("routes", name, "content")
