"""GET /v1/models: what a caller may put into ``model``, in the shape its SDK expects."""

from datetime import UTC, date, datetime
from typing import Any

from turnout.decide.compiled import View
from turnout.types.policy import Key


def list_models(view: View, key: Key | None, dialect: str) -> dict[str, Any]:
    """``auto``, the routes this key may use, and the models, if it may name them."""
    routes = [name for name in view.by_name if key is None or key.routes is None or name in key.routes]
    models = [id_ for id_ in view.slots if id_ not in view.refused] if key is None or (key.direct and key.routes is None) else []
    entries: list[tuple[str, str, date | None]] = [("auto", "turnout", None), *((name, "turnout", None) for name in routes)]
    entries += [(id_, view.slots[id_].provider, view.facts[id_].released) for id_ in models]
    if dialect == "anthropic-messages":
        data = [
            {"type": "model", "id": id_, "display_name": id_, "created_at": _moment(released).isoformat().replace("+00:00", "Z")}
            for id_, _, released in entries
        ]
        return {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}
    return {
        "object": "list",
        "data": [
            {"id": id_, "object": "model", "created": int(_moment(released).timestamp()), "owned_by": owner}
            for id_, owner, released in entries
        ],
    }


def _moment(released: date | None) -> datetime:
    """The epoch stands for a date that is not known."""
    day = released or date(1970, 1, 1)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
