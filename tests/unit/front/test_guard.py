"""Who may come in, on which address."""

from hashlib import sha256

import pytest

from turnout.config.check import exposed
from turnout.errors import Code, TurnoutError
from turnout.front.guard import Guard
from turnout.types.policy import Key

KEY = Key("web", "sha256:" + sha256(b"tk-web").hexdigest())
KEYS = {KEY.hash: KEY}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_loopback_no_keys_means_no_key_is_asked_for(host: str) -> None:
    """A machine of one's own needs no ceremony."""
    assert Guard(host).identify({}, {}) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "gateway.internal"])
def test_off_loopback_a_policy_without_keys_lets_nobody_in(host: str) -> None:
    """However such a policy came into force: the door closes, it does not open."""
    for headers in ({}, {b"authorization": b"Bearer tk-web"}):
        with pytest.raises(TurnoutError, match="can be reached from other machines") as refused:
            Guard(host).identify(headers, {})

        assert refused.value.code == Code.UNAUTHENTICATED


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_with_keys_only_a_known_one_opens(host: str) -> None:
    """By either header, on every address."""
    guard = Guard(host)

    assert guard.identify({b"authorization": b"Bearer tk-web"}, KEYS) is KEY
    assert guard.identify({b"x-api-key": b"tk-web"}, KEYS) is KEY
    for headers in ({}, {b"x-api-key": b"tk-other"}):
        with pytest.raises(TurnoutError) as refused:
            guard.identify(headers, KEYS)
        assert refused.value.code == Code.UNAUTHENTICATED


@pytest.mark.parametrize(
    "origin", ["http://localhost", "http://localhost:3000", "https://127.0.0.1:8443", "http://[::1]:3000", "https://app.example"]
)
def test_pages_of_this_machine_and_named_ones_may_ask(origin: str) -> None:
    """By their whole origin."""
    Guard("127.0.0.1", origins=frozenset({"https://app.example"})).check_origin({b"origin": origin.encode()})


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example", "null", "", "localhost", "http://localhost/@evil.example", "http://localhost@evil.example",
        "http://evil.example@localhost", "http://localhost.evil.example", "http://evil.example#localhost", "http://localhost?x", "http://[::1",
        "http://localhost,http://evil.example", "file://", "https://app.example.evil.example",
    ],
)  # fmt: skip
def test_other_pages_may_not(origin: str) -> None:
    """Whatever they put around a name that may."""
    with pytest.raises(TurnoutError) as refused:
        Guard("127.0.0.1", origins=frozenset({"https://app.example"})).check_origin({b"origin": origin.encode()})

    assert refused.value.code == Code.FORBIDDEN


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "gateway.internal:80"])
def test_hosts_that_are_ours(host: str) -> None:
    """With or without a port."""
    Guard("127.0.0.1", hosts=frozenset({"gateway.internal"})).check_host({b"host": host.encode()})


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8080",
        "localhost:80@evil.example",
        "localhost/@evil.example",
        "a@localhost",
        "localhost,evil.example",
    ],
)
def test_hosts_that_are_not(host: str) -> None:
    """A foreign page with a name of its own for this address gives that name."""
    with pytest.raises(TurnoutError) as refused:
        Guard("127.0.0.1").check_host({b"host": host.encode()})

    assert refused.value.code == Code.FORBIDDEN


def test_where_no_key_is_needed_nobody_is_asked_for_one() -> None:
    """The door and the policy's check mean the same by an address that only this machine can reach."""
    for host in ("127.0.0.1", "::1", "localhost", "turnout.localhost"):
        assert exposed(host, ()) is None
        assert Guard(host).identify({}, {}) is None
    assert exposed("0.0.0.0", ()) is not None
    with pytest.raises(TurnoutError):
        Guard("0.0.0.0").identify({}, {})
