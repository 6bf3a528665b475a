"""The keys of content that a policy names, as a process finds them."""

from collections.abc import Mapping

from turnout.config.secret import Secret, resolve
from turnout.content.seal import ContentKey, Keyring, key_bytes
from turnout.types.policy import Policy


def sealing_key(policy: Policy, env: Mapping[str, str]) -> ContentKey | None:
    """The first. None where it cannot be had, and no other in its stead: requests go on, and what is not kept is counted."""
    return _key(policy.content_keys[0], env) if policy.content_keys else None


def opening_keys(policy: Policy, env: Mapping[str, str]) -> Keyring:
    """All that can be had; opening says which is missing."""
    found = (_key(ref, env) for ref in policy.content_keys)
    return Keyring(tuple(key for key in found if key is not None))


def _key(ref: str, env: Mapping[str, str]) -> ContentKey | None:
    found = resolve(ref, env)
    try:
        return ContentKey(key_bytes(found.reveal())) if isinstance(found, Secret) else None
    except ValueError:
        return None
