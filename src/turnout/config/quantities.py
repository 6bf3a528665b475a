"""Durations, sizes and amounts as people write them: ``500ms``, ``20MB``, ``128k``. A bare number of unknown unit is refused."""

import re
from decimal import Decimal

_NUMBER_UNIT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]+)\s*")

SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
    "w": Decimal(604800),
}
BYTES = {
    "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip


def seconds(written: object) -> float:
    """``1s``, ``500ms``, ``10m``, ``2h``, ``400d`` in seconds. Raises ValueError saying how to write one."""
    if isinstance(written, str) and (match := _NUMBER_UNIT.fullmatch(written)) and match[2] in SECONDS:
        return float(Decimal(match[1]) * SECONDS[match[2]])
    raise ValueError(f"a duration needs a number and a unit (ms, s, m, h, d, w); {_unit_hint(written, 's')}")


def size(written: object) -> int:
    """``20MB``, ``64KiB`` in bytes. Raises ValueError saying how to write one."""
    if isinstance(written, str) and (match := _NUMBER_UNIT.fullmatch(written)) and match[2].lower() in BYTES:
        return int(Decimal(match[1]) * BYTES[match[2].lower()])
    raise ValueError(f"a size needs a number and a unit (B, KB, MB, GB, KiB, MiB, GiB); {_unit_hint(written, 'MB')}")


def _unit_hint(written: object, unit: str) -> str:
    """What the author probably meant."""
    bare = str(written).strip() if isinstance(written, int | float | str) and not isinstance(written, bool) else ""
    return f"write {bare}{unit}" if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", bare) else f"write for example 10{unit}"
