"""The difference of two means of verdicts, with its interval of 95 %."""

from math import sqrt

Z = 1.96


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
