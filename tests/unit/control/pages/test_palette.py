"""The colours of page.css, for eyes of every kind."""

import re
from importlib.resources import files
from itertools import combinations
from math import dist

import pytest

SHEET = (files("turnout.control") / "page" / "page.css").read_text()
THEMES = [dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{3,6})", block)) for block in re.findall(r"\{([^{}]*--s0[^{}]*)\}", SHEET)]
LIGHT, DARK = THEMES[:2]

# What is left of red, green and blue without one kind of cone, in linear light (Machado, Oliveira and Fernandes 2009, severity 1).
EYES = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def linear(colour: str) -> list[float]:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    shares = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    return [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]


def seen(colour: str, eye: str) -> tuple[float, float, float]:
    """In CIELAB."""
    red, green, blue = (min(1.0, max(0.0, sum(a * b for a, b in zip(row, linear(colour), strict=True)))) for row in EYES[eye])
    parts = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
    )
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in parts)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def contrast(one: str, other: str) -> float:
    """WCAG 2's."""
    low, high = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (linear(one), linear(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("eye", EYES)
def test_series_are_told_apart_by_every_eye(theme: dict[str, str], eye: str):
    """Any two of the nine are far apart in CIELAB (2.3 is just noticeable)."""
    names = [theme[f"s{n}"] for n in range(9)]

    assert min(dist(seen(one, eye), seen(other, eye)) for one, other in combinations(names, 2)) > 14


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_what_is_drawn_and_written_stands_out_from_its_ground(theme: dict[str, str]):
    """Series 3 to 1 and text 4.5 to 1 against the panel, as WCAG asks for."""
    assert all(contrast(theme[f"s{n}"], theme["panel"]) >= 3 for n in range(10))
    assert all(contrast(theme[name], theme["panel"]) >= 4.5 for name in ("text", "quiet", "accent", "good", "warn", "bad"))
    assert all(contrast(theme["text"], theme[f"{tone}-ground"]) >= 4.5 for tone in ("plain", "good", "warn", "bad"))


def test_the_dark_theme_is_the_same_chosen_or_preferred():
    """It stands in the sheet twice, for the system's wish and for the reader's own."""
    assert THEMES[1] == THEMES[2]
