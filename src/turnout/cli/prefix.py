"""Ids by their first characters, as people type them."""

from collections.abc import Iterable

from turnout.cli.control_call import stop


def one_of(typed: str, known: Iterable[str], what: str, listing: str) -> str:
    """The whole id. Exit code 1 when none begins so, or several do; ``what`` names them, ``listing`` is the command that shows them."""
    ids = tuple(known)
    matching = [typed] if typed in ids else [each for each in ids if each.startswith(typed)]
    if len(matching) != 1:
        stop(f"{len(matching) or 'no'} {what} begin with {typed!r}; {listing} shows them")
    return matching[0]
