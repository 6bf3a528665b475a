"""Where recorded data lies that is beside the repository and never in it; tests that need it skip without."""

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"
