"""A house whose routes are as releases would have them."""

from typing import Any

from msgspec.structs import replace

from tests.support.gateway import TODAY, House
from turnout.catalog.load import load_catalog
from turnout.decide.compiled import compile_view
from turnout.types.view import Base, Overlay


def amend(rooms: House, route: str, **changes: Any) -> None:
    """From now on this route has these segments, this trial, this mirror."""
    gateway = rooms.gateway
    view = gateway.snapshot.view
    routes = tuple(replace(each, **changes) if each.name == route else each for each in view.policy.routes)
    tasks = {task: dict(skills) for task, skills in load_catalog().tasks.items()}
    base = Base(view.version, replace(view.policy, routes=routes), tuple(view.facts.values()), tasks)
    gateway.snapshot = replace(gateway.snapshot, view=compile_view(base, Overlay("base", TODAY), "amended"))
