"""How long to wait before a step is tried again. Pure: jitter comes from the request's seed."""

FIRST_REST = 0.25
"""Seconds before the first retry of a step; each further one waits twice as long."""

LONGEST_REST = 60.0
"""Seconds beyond which waiting is the caller's business; the official SDKs draw the line at the same place."""

SHARE_OF_TIME = 0.5
"""A rest may use this share of what is left to the deadline: the attempt after it needs time too."""

_MASK = 2**64 - 1


def backoff(failures: int, seed: int) -> float:
    """Seconds before the next try after this many failures: doubled each time, scattered over its upper half."""
    return min(FIRST_REST * 2.0 ** (failures - 1), LONGEST_REST) * (0.5 + fraction(seed + failures) / 2)


def fraction(seed: int) -> float:
    """0..1 from a seed; the finalizer of splitmix64 (Steele, Lea, Flood 2014), so that neighbouring seeds scatter."""
    mixed = (seed * 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((mixed ^ (mixed >> 31)) >> 11) / 2**53
