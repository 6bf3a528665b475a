"""Intervals of a share: Beta posterior and Wilson."""

from math import exp, lgamma, log, log1p, sqrt
from statistics import NormalDist

JEFFREYS = (0.5, 0.5)
_TINY = 1e-300
_STEPS = 500


def beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function: how much of Beta(a, b) lies below ``x``. By its continued fraction (Lentz 1976)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    value, c, d = 1.0, 1.0, 0.0
    for step in range(_STEPS):
        half = step // 2
        if step == 0:
            term = 1.0
        elif step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        d = 1 / _not_zero(1 + term * d)
        c = _not_zero(1 + term / c)
        value *= c * d
        if abs(1 - c * d) < 1e-15:
            break
    return front * (value - 1)


def beta_quantile(share: float, a: float, b: float) -> float:
    """Below which ``share`` of Beta(a, b) lies, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if beta_share(middle, a, b) < share else (low, middle)
    return (low + high) / 2


def beta(hits: float, of: float, prior: tuple[float, float] = JEFFREYS, level: float = 0.95) -> tuple[float, float]:
    """The middle ``level`` of the posterior of a share, ``prior`` being the Beta of what was believed before."""
    a, b = prior[0] + hits, prior[1] + of - hits
    return beta_quantile((1 - level) / 2, a, b), beta_quantile((1 + level) / 2, a, b)


def wilson(hits: float, of: float, level: float = 0.95) -> tuple[float, float]:
    """Of a share (Wilson 1927); (0, 1) of nothing. ``hits`` may be a sum of values 0..1: their variance is not above a share's."""
    if of <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = min(max(hits / of, 0.0), 1.0)
    middle = share + z * z / (2 * of)
    wide = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, (middle - wide) / (1 + z * z / of)), min(1.0, (middle + wide) / (1 + z * z / of))


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
