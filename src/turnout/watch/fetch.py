"""Getting a source's bytes: a file, a URL, or a provider's own list. Bounded in size and time, asked only for what is new."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import msgspec

from turnout import __version__
from turnout.catalog.places import PLACES
from turnout.clock import Clock
from turnout.errors import ProviderFault, Unusable
from turnout.hosts import is_loopback
from turnout.ports import Incoming, Outgoing, Transport
from turnout.providers.proxies import proxy_for
from turnout.providers.registry import filed_under
from turnout.providers.transport import HttpTransport
from turnout.providers.upstream import Secrets, listing
from turnout.types.policy import Provider
from turnout.watch.sources.shape import LARGEST

CONNECT_S, WHOLE_S = 10.0, 60.0
REDIRECTS = 3
_MOVED = {301, 302, 303, 307, 308}


class Place(msgspec.Struct, frozen=True):
    """Where a source is. ``spec`` is how it was written; ``vendor`` is whose own list it is. One of path and request is there."""

    spec: str
    path: Path | None = None
    request: Outgoing | None = None
    vendor: str | None = None


class Got(msgspec.Struct, frozen=True):
    """What came: ``data`` None where it is as it was, ``error`` where it could not be had. ``tag`` is what to ask with next time."""

    data: bytes | None = None
    tag: str | None = None
    error: str | None = None


def places(
    specs: Iterable[str], providers: Sequence[Provider], secrets: Secrets, env: Mapping[str, str], base: Path
) -> tuple[Place, ...]:
    """Where these sources are: a known name, ``vendor:NAME``, a URL, or a path (from ``base``).

    Raises:
        Unusable: one of them is none; holds all that are wrong.
    """
    found, wrong = [], []
    for spec in dict.fromkeys(specs):
        try:
            found.append(_place(spec, providers, secrets, env, base))
        except Unusable as reason:
            wrong.append(f"source {spec}: {reason}")
    if wrong:
        raise Unusable("\n".join(wrong))
    return tuple(found)


def _place(spec: str, providers: Sequence[Provider], secrets: Secrets, env: Mapping[str, str], base: Path) -> Place:
    url = PLACES.get(spec, spec)
    if spec.startswith("vendor:"):
        return _own_list(spec, providers, secrets, env)
    scheme, separator, _ = url.partition("://")
    if not separator:
        return Place(spec, path=base / Path(spec).expanduser())
    if scheme.lower() not in {"https", "http"}:
        raise Unusable(f"{scheme} is no way to get it; name an https URL, a file, vendor:NAME, or one of {', '.join(PLACES)}")
    return Place(spec, request=_get(url, env))


def _get(url: str, env: Mapping[str, str]) -> Outgoing:
    """Prices that came in the clear could be anybody's: plain HTTP is for this machine."""
    parts = urlsplit(url)
    if parts.scheme.lower() != "https" and not is_loopback(parts.hostname or ""):
        raise Unusable("prices are not taken over plain http, which anybody on the way could change; use https, or a file")
    headers = ((b"user-agent", f"turnout/{__version__}".encode()), (b"accept", b"*/*"), (b"accept-encoding", b"gzip"))
    return Outgoing("GET", url, headers, b"", proxy_for(url, env), env.get("SSL_CERT_FILE") or None)


def _own_list(spec: str, providers: Sequence[Provider], secrets: Secrets, env: Mapping[str, str]) -> Place:
    name = spec.removeprefix("vendor:")
    provider = next((each for each in providers if each.id == name), None)
    provider = provider or next((each for each in providers if each.vendor == name), None)
    if provider is None:
        known = ", ".join(each.id for each in providers)
        raise Unusable(f"no provider of the policy is called {name}" + (f"; there are {known}" if known else ""))
    request = listing(provider, secrets, env)
    if provider.dialect == "anthropic-messages":  # it lists twenty unless asked for more
        request = msgspec.structs.replace(request, url=f"{request.url}{'&' if '?' in request.url else '?'}limit=1000")
    return Place(spec, request=request, vendor=filed_under(provider))


def fetch(places: Sequence[Place], tags: Mapping[str, str], clock: Clock) -> dict[str, Got]:
    """Get them all at once, by spec. Blocks: not to be called from a running event loop."""
    return asyncio.run(_fetch_all(places, tags, clock))


async def _fetch_all(places: Sequence[Place], tags: Mapping[str, str], clock: Clock) -> dict[str, Got]:
    transport = HttpTransport(clock=clock)
    try:
        got = await asyncio.gather(*(_fetch(place, tags.get(place.spec), transport) for place in places))
    finally:
        await transport.close()
    return dict(zip((place.spec for place in places), got, strict=True))


async def _fetch(place: Place, tag: str | None, transport: Transport) -> Got:
    if place.path is not None:
        return await asyncio.to_thread(_read, place.path)
    assert place.request is not None
    try:
        async with asyncio.timeout(WHOLE_S):
            return await _follow(place.request, tag, transport, REDIRECTS if place.vendor is None else 0)
    except ProviderFault as fault:
        return Got(error=fault.message)
    except TimeoutError:
        return Got(error=f"it did not come within {WHOLE_S:.0f} s")


async def _follow(request: Outgoing, tag: str | None, transport: Transport, redirects: int) -> Got:
    """``tag`` is an ETag, or a date that begins with ``@``."""
    asked = request
    if tag is not None:
        condition = (
            (b"if-modified-since", tag[1:].encode("latin-1"))
            if tag.startswith("@")
            else (b"if-none-match", tag.encode("latin-1"))
        )
        asked = msgspec.structs.replace(request, headers=(*request.headers, condition))
    answer = await transport.send(asked, connect_timeout=CONNECT_S)
    try:
        headers = {name: value.decode("latin-1") for name, value in answer.headers}
        if answer.status in _MOVED and redirects:
            return await _follow(_moved(request, headers.get(b"location", "")), tag, transport, redirects - 1)
        if answer.status == 304 and tag is not None:
            return Got(tag=tag)
        if answer.status != 200:
            return Got(error=f"it answered {answer.status}")
        modified = headers.get(b"last-modified")
        return await _body(answer, headers.get(b"etag") or (f"@{modified}" if modified else None))
    except Unusable as reason:
        return Got(error=str(reason))
    finally:
        await answer.close()


async def _body(answer: Incoming, tag: str | None) -> Got:
    """Counted as it comes, unpacked: what was sent small may be large."""
    data = bytearray()
    async for chunk in answer.chunks():
        data += chunk
        if len(data) > LARGEST:
            return Got(error=f"it is larger than {LARGEST // 1024 // 1024} MiB")
    return Got(bytes(data), tag if tag is None or (len(tag) < 200 and tag.isprintable()) else None)


def _moved(request: Outgoing, location: str) -> Outgoing:
    """Elsewhere by the same rules, and the same way out."""
    url = urljoin(request.url, location)
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or (parts.scheme == "http" and not is_loopback(parts.hostname or "")):
        raise Unusable(f"it moved to where it is not followed: {url[:200]!a}")
    return msgspec.structs.replace(request, url=url)


def _read(path: Path) -> Got:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        return Got(error=f"it cannot be read: {error.strerror}")
    return Got(error=f"it is larger than {LARGEST // 1024 // 1024} MiB") if len(data) > LARGEST else Got(data)
