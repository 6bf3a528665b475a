"""GET /v1/models: what a caller may put into ``model``, in the shape its SDK expects."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from turnout.catalog.near import near
from turnout.decide.compiled import View
from turnout.errors import Code, TurnoutError
from turnout.types.policy import Key


class Entry(msgspec.Struct, frozen=True):
    """One name that may be asked for."""

    id: str
    owner: str
    released: date | None = None


def list_models(view: View, key: Key | None, dialect: str) -> dict[str, Any]:
    """``auto``, the routes this key may use, and the models, if it may name them."""
    shown = [_SHAPES[dialect](entry) for entry in _entries(view, key)]
    if dialect == "anthropic-messages":
        return {"data": shown, "has_more": False, "first_id": shown[0]["id"], "last_id": shown[-1]["id"]}
    return {"object": "list", "data": shown}


def show_model(view: View, key: Key | None, dialect: str, id_: str) -> dict[str, Any]:
    """One of them. Raises TurnoutError ``model_not_found`` with near names."""
    entries = _entries(view, key)
    found = next((entry for entry in entries if entry.id == id_), None)
    if found is None:
        close = near(id_, [entry.id for entry in entries])
        hint = f"; did you mean {' or '.join(close)}?" if close else "; GET /v1/models lists all"
        raise TurnoutError(Code.MODEL_NOT_FOUND, f'no model or route "{id_[:256]}"{hint}', param="model", retry=False)
    return _SHAPES[dialect](found)


def _entries(view: View, key: Key | None) -> list[Entry]:
    names = ["auto", *(name for name in view.by_name if key is None or key.routes is None or name in key.routes)]
    models = [id_ for id_ in view.slots if id_ not in view.refused] if key is None or (key.direct and key.routes is None) else []
    return [
        *(Entry(name, "turnout") for name in names),
        *(Entry(id_, view.slots[id_].provider, view.facts[id_].released) for id_ in models),
    ]


def _as_openai(entry: Entry) -> dict[str, Any]:
    return {"id": entry.id, "object": "model", "created": int(_moment(entry.released).timestamp()), "owned_by": entry.owner}


def _as_anthropic(entry: Entry) -> dict[str, Any]:
    created = _moment(entry.released).isoformat().replace("+00:00", "Z")
    return {"type": "model", "id": entry.id, "display_name": entry.id, "created_at": created}


_SHAPES: dict[str, Callable[[Entry], dict[str, Any]]] = {"openai-chat": _as_openai, "anthropic-messages": _as_anthropic}


def _moment(released: date | None) -> datetime:
    """The epoch stands for a date that is not known."""
    day = released or date(1970, 1, 1)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
