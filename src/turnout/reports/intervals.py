"""Intervals of 95 % for shares and for means of verdicts."""

from math import sqrt

Z = 1.96


def wilson(hits: float, of: int) -> tuple[float, float]:
    """Of a share (Wilson 1927); (0, 1) of nothing. ``hits`` may be a sum of values 0..1: their variance is not above a share's."""
    if not of:
        return 0.0, 1.0
    share = min(max(hits / of, 0.0), 1.0)
    middle = share + Z * Z / (2 * of)
    wide = Z * sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    return max(0.0, (middle - wide) / (1 + Z * Z / of)), min(1.0, (middle + wide) / (1 + Z * Z / of))


def difference(now: tuple[float, float, int], before: tuple[float, float, int]) -> tuple[float, float, float] | None:
    """Of two means, with its interval: each is a sum, a sum of squares and a count. None where one has fewer than two."""
    parts = []
    for total, squares, of in (now, before):
        if of < 2:
            return None
        mean = total / of
        parts.append((mean, max(squares / of - mean * mean, 0.0) / (of - 1)))
    middle = parts[0][0] - parts[1][0]
    wide = Z * sqrt(parts[0][1] + parts[1][1])
    return middle, middle - wide, middle + wide
