"""Checks of the operator's own: ``package.module:function``."""

import importlib
import inspect
from collections.abc import Callable
from functools import lru_cache

from turnout.checks.answer import Answer

HookFunction = Callable[[Answer], bool | str | None]
"""None or True lets the answer pass; False, or a reason, does not."""


@lru_cache(maxsize=64)
def load_hook(name: str) -> HookFunction:
    """The function of that name.

    Raises:
        ValueError: the name is not of the form.
        TypeError: it is not that of a plain function.
        Exception: whatever importing its module raises.
    """
    module, _, path = name.partition(":")
    if not module or not path:
        raise ValueError("a hook is named package.module:function")
    found = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError("this is not a function")
    if inspect.iscoroutinefunction(found):
        raise TypeError("a hook is a plain function, not a coroutine: nothing else waits for it")
    function: HookFunction = found
    return function


def hook_problem(name: str) -> str | None:
    """Why this hook cannot be used."""
    try:
        load_hook(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001  an imported module may raise anything
        return f"{type(error).__name__}: {error}"
    return None


def hook(name: str, answer: Answer) -> str | None:
    """Why the hook does not let the answer pass. One that breaks has not let it pass."""
    try:
        said: object = load_hook(name)(answer)
    except (Exception, SystemExit) as error:  # noqa: BLE001  the edge to code that is not ours
        return f"it raised {type(error).__name__}"
    if said is None or said is True:
        return None
    if isinstance(said, str):
        return said
    return "it said no" if said is False else f"it returned {type(said).__name__}, not a bool, a reason or None"
