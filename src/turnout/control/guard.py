"""What stands before every page and call of the control plane. Loopback is no wall: any web page can send requests to it."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from hmac import compare_digest
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from turnout.hosts import LOOPBACK, host_of
from turnout.types.policy import Person

GUARDED = ("/api/", "/metrics")
"""What wants the admin token, or a person's key."""
ADMIN = "api:admin"
"""Who holds the admin token: whoever that is."""
APPROVALS = ("/approve", "/reject")
"""Ends of the paths of what an approver may do beside looking: under ``/api/releases/``."""
Role = Literal["viewer", "approver", "admin"]
People = Callable[[], tuple[Person, ...]]
_WHO = "turnout.actor"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""Of no text at all: Plotly makes an empty style element and fills it by script, which no text from a request can do."""
SECURITY_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; script-src 'self'; style-src 'self' {_EMPTY_STYLE}; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware: a known Host, no foreign Origin, JSON only, and a token for all that tells or changes anything.

    The admin token may do everything. ``people`` are those of the policy in force: each does what their role allows. Who it is stands in
    the scope (:func:`actor_of`).
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Iterable[str], people: People = tuple) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()
        self._people = people
        self._hosts = LOOPBACK | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await (self._refusal(scope) or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host_of(host) not in self._hosts:
            return refusal(403, "forbidden", f"host {host!r} is not this control plane's; name it under control.host")
        if scope["method"] not in SAFE_METHODS:
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
                return refusal(403, "forbidden", f"origin {origin!r} may not change anything here")
            if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                return refusal(415, "invalid_request", "send content-type: application/json")
        return self._who_may_not(scope, headers) if scope["path"].startswith(GUARDED) else None

    def _who_may_not(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        who = self._who(headers.get("authorization", "").encode())
        if who is None:
            return refusal(
                401, "unauthenticated",
                "send the admin token (file admin-token in the data directory), or your key under control.people, as a bearer token",
            )  # fmt: skip
        name, role = who
        if role != "admin" and scope["method"] not in SAFE_METHODS and not (role == "approver" and _is_approval(scope["path"])):
            may = "approve and reject releases" if role == "approver" else "look"
            return refusal(403, "forbidden", f"{name} is {role} and may {may}; control.people gives roles")
        scope[_WHO] = who
        return None

    def _who(self, shown: bytes) -> tuple[str, Role] | None:
        """Looks at everybody, so that the time it takes tells nothing."""
        found: tuple[str, Role] | None = (ADMIN, "admin") if compare_digest(shown, self._expected) else None
        key = f"sha256:{sha256(shown.removeprefix(b'Bearer ')).hexdigest()}".encode() if shown.startswith(b"Bearer ") else b""
        for person in self._people():
            if compare_digest(key, person.hash.encode()):
                found = found or (person.name, person.role)
        return found


def _is_approval(path: str) -> bool:
    return path.startswith("/api/releases/") and path.endswith(APPROVALS)


def actor_of(request: Request) -> tuple[str, Role]:
    """Who asks, and their role. Raises KeyError on a path that nobody guards."""
    found: tuple[str, Role] = request.scope[_WHO]
    return found


def speaker(request: Request, says: str) -> str:
    """Whose word it is: a person's own, and of the admin token whoever it ``says`` it is, which is told and not proved."""
    name, _ = actor_of(request)
    return says.strip() or name if name == ADMIN else name


def refusal(status: int, code: str, message: str) -> JSONResponse:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)
