"""Where the ledger is: a URL, or the place of one that holds a password, as no secret stands in the file."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from urllib.parse import parse_qs, urlsplit

from turnout.config.document import Finding
from turnout.config.secret import REFERENCE, resolve
from turnout.errors import Problem

DEFAULT = "sqlite"
"""The ledger in the data directory."""
WRITE = "write sqlite, sqlite:///PATH, postgresql://USER@HOST/DATABASE, or env:NAME"
_AT = ("store", "url")


def store_url(written: str, env: Mapping[str, str]) -> str | Problem:
    """What ``store.url`` says, or what it refers to: ``sqlite``, ``sqlite:///PATH`` or ``postgresql://...``. A problem quotes no URL."""
    url = written
    if REFERENCE.fullmatch(written):
        secret = resolve(written, env)
        if isinstance(secret, Problem):
            return secret
        url = secret.reveal()
    if url != DEFAULT and not _is_url(url):
        where = "not a store" if url is written else f"what {written} holds is not a store's URL"
        return Problem("", None, where, WRITE)
    return url


def check_store(url: str, env: Mapping[str, str], *, serving: bool) -> Iterator[Finding]:
    """What would keep the ledger from being opened. Where nothing is served, secrets and the client may be missing."""
    is_reference = REFERENCE.fullmatch(url) is not None
    found = store_url(url, env)
    if isinstance(found, Problem):
        yield Finding(_AT, found.message, found.suggestion, warning=is_reference and not serving)
    elif not is_reference and _password(found):
        yield Finding(
            _AT,
            "a password may not stand in the file",
            "put the whole URL in an environment variable and write env:NAME, or file:PATH",
        )
    elif found.startswith("postgres") and find_spec("psycopg") is None:
        yield Finding(_AT, "the client for PostgreSQL is not installed", "pip install 'turnout[postgres]'", warning=not serving)


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme == "sqlite":
        return url.startswith("sqlite:///") and len(parts.path) > 1
    return parts.scheme in {"postgresql", "postgres"} and len(parts.path) > 1


def _password(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.password) or "password" in parse_qs(parts.query)
