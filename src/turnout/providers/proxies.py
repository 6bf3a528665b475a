"""Which outbound proxy a URL goes through, from the environment's usual variables. Pure: the environment is an argument."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from turnout.hosts import is_loopback


def proxy_for(url: str, env: Mapping[str, str]) -> str | None:
    """``HTTPS_PROXY``/``HTTP_PROXY`` (either case, then ``ALL_PROXY``) unless ``NO_PROXY`` names the host.

    Loopback never goes through the environment's proxy: a proxy cannot reach our own machine's models.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = _named(env, f"{parts.scheme}_proxy") or _named(env, "all_proxy")
    if not proxy or is_loopback(host) or _spared(host, parts.port, _named(env, "no_proxy") or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _named(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name) or env.get(name.upper()) or None


def _spared(host: str, port: int | None, no_proxy: str) -> bool:
    return any(_covers(entry.strip().lower(), host.lower(), port) for entry in no_proxy.split(",") if entry.strip())


def _covers(entry: str, host: str, port: int | None) -> bool:
    """``*``, a domain and what is below it, an address, a network, each with or without a port."""
    if entry == "*":
        return True
    name, colon, stated = entry.rpartition(":")
    if colon and stated.isdigit() and ":" not in name.strip("[]"):
        entry, wanted = name, int(stated)
        if wanted != port:
            return False
    if "/" in entry:
        ip = _ip(host)
        try:
            return ip is not None and ip in ip_network(entry, strict=False)
        except ValueError:
            return False
    domain = entry.strip("[]").lstrip("*").lstrip(".")
    return host == domain or host.endswith(f".{domain}")


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
