"""Where clients ask: each dialect's path as its official SDK spells it, once its base URL names us."""

from collections.abc import Mapping

from turnout.dialects.dialect import MODEL, Dialect
from turnout.dialects.headers import ClientHeaders
from turnout.dialects.registry import DIALECTS

OPENAI_CHAT = DIALECTS["openai-chat"]
ANTHROPIC = DIALECTS["anthropic-messages"]


def served(dialect: Dialect) -> tuple[str, ...]:
    """The dialect's paths here, without a query; ``{model}`` stands for any name."""
    return tuple(dict.fromkeys(dialect.front + path.partition("?")[0] for path in (dialect.path, dialect.stream_path)))


_PATHS = [(path, dialect) for dialect in DIALECTS.values() for path in served(dialect)]
_EXACT: Mapping[str, Dialect] = {path: dialect for path, dialect in _PATHS if MODEL not in path}
_NAMING = tuple((*path.partition(MODEL)[::2], dialect) for path, dialect in _PATHS if MODEL in path)


def asked(path: str) -> Dialect | None:
    """The dialect that asks for an answer at this path."""
    found = _EXACT.get(path)
    if found is not None:
        return found
    return next(
        (
            dialect
            for start, end, dialect in _NAMING
            if path.startswith(start) and path.endswith(end) and len(path) > len(start) + len(end)
        ),
        None,
    )


def dialect_for(path: str, headers: ClientHeaders) -> Dialect:
    """The one whose errors this client understands: by path, and where a path serves all, by what only its SDK sends."""
    return asked(path) or (ANTHROPIC if b"anthropic-version" in headers else OPENAI_CHAT)
