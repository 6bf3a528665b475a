"""How sure a count of rare things is."""

from turnout.evidence.intervals import beta_quantile


def at_most(hits: int, of: int, level: float = 0.95) -> float:
    """The one-sided upper bound of a share (Clopper and Pearson 1934): with no hits about 3 / of."""
    return 1.0 if hits >= of else beta_quantile(level, hits + 1, of - hits)
