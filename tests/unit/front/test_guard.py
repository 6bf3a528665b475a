"""Who may come in, on which address."""

from hashlib import sha256

import pytest

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
