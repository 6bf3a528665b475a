"""Tables on stdout."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

IN_A_FILE = 160
"""Columns where there is no terminal to fit."""


def printed(table: "Table") -> None:
    """As wide as the terminal; in a pipe or a file wide enough for what others read there."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(width=IN_A_FILE)
    console.print(table)
