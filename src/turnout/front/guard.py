"""Who may come in. Loopback is no wall: a web page can reach it, so Host, Origin and content type are checked there too."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

import msgspec

from turnout.dialects.headers import ClientHeaders
from turnout.errors import Code, TurnoutError
from turnout.hosts import LOOPBACK, host_of, host_of_origin, is_loopback
from turnout.types.policy import Key

MAX_ECHO = 100
"""Characters of a header that an error repeats."""
_JSON = b"application/json"


class Guard(msgspec.Struct, frozen=True):
    """What the front door checks. ``host`` is the address served on; ``hosts`` and ``origins`` are accepted besides the loopback's.

    Off the loopback only keys open the door, so that any Host may come in unless ``hosts`` says which.
    """

    host: str
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def check_host(self, headers: ClientHeaders) -> None:
        """Refuse names that are not ours: with DNS rebinding a foreign page gives its own.

        Raises:
            TurnoutError: ``forbidden``.
        """
        authority = headers.get(b"host", b"")
        if not _is_ours(self, authority):
            host = authority[:MAX_ECHO].decode("latin-1")
            raise TurnoutError(
                Code.FORBIDDEN, f'host "{host}" is not served here; use {self.host} or add it to server.hosts', retry=False
            )

    def check_origin(self, headers: ClientHeaders) -> None:
        """Refuse pages of other sites; SDKs send no Origin.

        Raises:
            TurnoutError: ``forbidden``.
        """
        origin = headers.get(b"origin")
        if origin is None:
            return
        text = origin.decode("latin-1")
        if text not in self.origins and host_of_origin(text) not in LOOPBACK:
            raise TurnoutError(
                Code.FORBIDDEN,
                f'requests from pages of "{text[:MAX_ECHO]}" are not accepted; server.origins may name it',
                retry=False,
            )

    def identify(self, headers: ClientHeaders, keys: Mapping[str, Key]) -> Key | None:
        """The caller's key, or None when none are configured. Keys are looked up by the whole hash of what was presented.

        Whatever policy is in force: where other machines come in, nobody does without a key.

        Raises:
            TurnoutError: ``unauthenticated``.
        """
        if not keys:
            if is_loopback(self.host):
                return None
            raise TurnoutError(
                Code.UNAUTHENTICATED,
                f"{self.host} can be reached from other machines and the policy in force has no auth.keys: nobody is let in",
                retry=False,
            )
        bearer = headers.get(b"authorization", b"")
        presented = bearer[7:].strip() if bearer[:7].lower() == b"bearer " else headers.get(b"x-api-key", b"")
        if not presented:
            raise TurnoutError(Code.UNAUTHENTICATED, 'no key: send "Authorization: Bearer KEY" or "x-api-key: KEY"', retry=False)
        key = keys.get("sha256:" + sha256(presented).hexdigest())
        if key is None:
            raise TurnoutError(Code.UNAUTHENTICATED, "this key is not known here", retry=False)
        return key


@lru_cache(maxsize=256)
def _is_ours(guard: Guard, authority: bytes) -> bool:
    """Remembered, since clients name the same few hosts again and again."""
    if not is_loopback(guard.host) and not guard.hosts:
        return True
    host = host_of(authority.decode("latin-1"))
    return host in LOOPBACK or host == guard.host or host in guard.hosts


def check_json(headers: ClientHeaders) -> None:
    """Refuse what a plain web form can send.

    Raises:
        TurnoutError: ``invalid_request``.
    """
    kind = headers.get(b"content-type", b"")
    if kind != _JSON and (kind := kind.partition(b";")[0].strip().lower()) != _JSON:
        raise TurnoutError(
            Code.INVALID_REQUEST,
            f'content-type must be application/json, not "{kind[:MAX_ECHO].decode("latin-1") or "missing"}"',
            param="content-type",
            retry=False,
        )
