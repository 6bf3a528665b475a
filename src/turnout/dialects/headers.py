"""Headers that belong to a wire protocol: a provider of the client's own dialect gets them as the client sent them."""

import re
from collections.abc import Iterable, Mapping

from turnout.errors import Code, TurnoutError

ClientHeaders = Mapping[bytes, bytes]
"""What a client sent, by lower-case name; of a header that came twice, its values as one list, as HTTP means it."""
Relayed = tuple[tuple[bytes, bytes], ...]

NO_HEADERS: ClientHeaders = {}
LONGEST = 1024
_NONE: Relayed = ()
_VALUE = re.compile(rb"[\x20-\x7e]*")


def relayed(headers: ClientHeaders, names: Iterable[bytes]) -> Relayed:
    """Those of ``names`` that the client sent.

    Raises:
        TurnoutError: ``invalid_request`` for a value that is long or not plain ASCII.
    """
    found = [(name, headers[name]) for name in names if headers.get(name)]
    if not found:
        return _NONE
    for name, value in found:
        if len(value) > LONGEST or _VALUE.fullmatch(value) is None:
            header = name.decode()
            raise TurnoutError(
                Code.INVALID_REQUEST, f"{header}: must be at most {LONGEST} plain characters", param=header, retry=False
            )
    return tuple(found)


def merged(ours: Relayed, theirs: Relayed) -> Relayed:
    """A provider's headers with a client's: switches for betas are a list that both add to, otherwise the client's counts."""
    if not theirs:
        return ours
    both = dict(ours)
    for name, value in theirs:
        both[name] = both[name] + b"," + value if name in both and name.endswith(b"-beta") else value
    return tuple(both.items())


def switches(headers: Relayed) -> set[str]:
    """What another dialect has no place for. A beta is a hint: what changes the answer shows in the body too."""
    return {f"field:{name.decode()}" for name, _ in headers if name.endswith(b"-beta")}
