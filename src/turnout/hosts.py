"""Names of machines: which of them are this one, and which one a header or URL names."""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""What callers on this machine call it."""


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether an address can only be reached from this machine: ``localhost`` and names below it, 127.0.0.0/8, ::1."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def host_of(authority: str) -> str:
    """The host of ``host:port``, brackets of IPv6 taken off, lower case; empty where there is anything else beside them."""
    return host_of_origin(f"http://{authority}")


def host_of_origin(origin: str) -> str:
    """The host of ``scheme://host:port``; empty where there is anything else beside them."""
    try:
        scheme, netloc, *rest = urlsplit(origin)
        host = urlsplit(origin).hostname or ""
    except ValueError:
        return ""
    return host if scheme and netloc and not any(rest) and "@" not in netloc else ""
