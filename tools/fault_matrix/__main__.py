"""``python -m tools.fault_matrix [--write]``: exit code 0 when all is as published and no promise is broken, else 1."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tools.fault_matrix.cells import all_cells
from tools.fault_matrix.page import PAGE, differences, read, write
from tools.fault_matrix.run import Matrix, play, staged


async def _run() -> Matrix:
    cells = all_cells()
    with tempfile.TemporaryDirectory() as directory:
        async with staged(cells, Path(directory)) as stage:
            return await play(stage, cells)


def main() -> int:
    """Ask all cells; compare, or write."""
    parser = argparse.ArgumentParser(prog="python -m tools.fault_matrix", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} instead of comparing with it")
    arguments = parser.parse_args()
    began = time.monotonic()
    matrix = asyncio.run(_run())
    if arguments.write:
        PAGE.write_text(write(matrix.outcomes), "utf-8")
    different = differences(read(PAGE.read_text("utf-8")), matrix.outcomes)
    broken = [f"{key}: {problem}" for key, problems in matrix.problems.items() for problem in problems]
    for line in (*different, *broken):
        print(line)
    print(
        f"{len(matrix.outcomes)} cells in {time.monotonic() - began:.0f} s; {len(different)} differ, {len(broken)} broken promises"
    )
    return 1 if different or broken else 0


if __name__ == "__main__":
    sys.exit(main())
