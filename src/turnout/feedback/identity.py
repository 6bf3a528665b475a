"""Which opinion an opinion is: of the same one only the latest counts."""

from hashlib import blake2b

import msgspec

from turnout.types.feedback import Feedback


def key(feedback: Feedback) -> str:
    """Of subject, tenant, source, kind and name: whoever says something of the same again replaces what was said.

    32 hex digits. A tenant has no way to another's, whatever ids it makes up.
    """
    said = (feedback.request_id, feedback.session, feedback.tenant, feedback.source, feedback.kind, feedback.name)
    return blake2b(msgspec.json.encode(said), digest_size=16).hexdigest()


def is_later(one: Feedback, other: Feedback) -> bool:
    """Of two opinions with one key, whether the first is what holds. Any order will do for two of the same moment, if it is one."""
    return _rank(one) > _rank(other)


def _rank(feedback: Feedback) -> tuple[float, bool, float, bool, float, str]:
    value, verdict = feedback.value, feedback.verdict
    return feedback.at, value is not None, value or 0.0, verdict is not None, verdict or 0.0, feedback.note or ""
