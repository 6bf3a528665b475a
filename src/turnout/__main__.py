"""``python -m turnout``: the same as the program ``turnout``."""

from turnout.cli.main import main

main()
