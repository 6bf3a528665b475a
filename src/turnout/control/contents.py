"""What was asked and answered, where a route keeps it: opened for whoever has the admin token, deleted for good."""

from collections.abc import Callable
from math import isfinite
from typing import get_type_hints

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnout.audit.chain import Trail
from turnout.audit.kinds import CONTENT_DELETED
from turnout.content.open import Opened, open_content
from turnout.content.seal import CannotOpen, Keyring
from turnout.control.guard import refusal
from turnout.control.openapi import described
from turnout.control.wire import as_json, read_query
from turnout.store.contents import Contents

_SHOWN = {**get_type_hints(Opened), "request": str, "answer": str}
"""Bodies are text for whoever reads them."""


class ForgetQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose content is to be deleted: a session's, a virtual key's, or a key's in one session; or all older than ``before`` (unix seconds).

    What it does not say exactly is refused: what is deleted is gone.
    """

    session: str | None = None
    caller: str | None = None
    before: float | None = None

    def __post_init__(self) -> None:
        whose = [name for name in ("session", "caller") if getattr(self, name) is not None]
        if not whose and self.before is None:
            raise ValueError("say whose content is to be deleted: session, caller, or before (unix seconds)")
        if whose and self.before is not None:
            raise ValueError(f"`before` stands alone: content older than a moment is everybody's, and {whose[0]} names one")
        if "" in (self.session, self.caller):
            raise ValueError(f"`{'session' if self.session == '' else 'caller'}` is empty: it would name nobody")
        if self.before is not None and not isfinite(self.before):
            raise ValueError(f"`before`: {self.before} is no moment; write unix seconds")


class ContentDesk:
    """``keys`` are those that the policy in force names; each deletion goes into the audit trail."""

    def __init__(self, contents: Contents, keys: Callable[[], Keyring], trail: Trail) -> None:
        self._contents = contents
        self._keys = keys
        self._trail = trail

    def open(self, request_id: str) -> Opened | None:
        """None: nothing was kept. Raises CannotOpen."""
        found = self._contents.get(request_id)
        return None if found is None else open_content(found, self._keys())

    def forget(self, request_id: str) -> int:
        """How many were deleted."""
        deleted = self._contents.delete_request(request_id)
        if deleted:
            self._trail.add(CONTENT_DELETED, "api:admin", {"request": request_id})
        return deleted

    def forget_all(self, whose: ForgetQuery) -> int:
        """How many were deleted. That it was asked for is in the trail even if there was nothing."""
        if whose.session is not None:
            deleted = self._contents.delete_session(whose.session, whose.caller)
        elif whose.caller is not None:
            deleted = self._contents.delete_caller(whose.caller)
        else:
            deleted = self._contents.delete_before(whose.before or 0.0)
        # Neither session nor caller: they may be a person's, and what is in the chain stays.
        by = [name for name in whose.__struct_fields__ if getattr(whose, name) is not None]
        self._trail.add(CONTENT_DELETED, "api:admin", {"by": by, "requests": deleted})
        return deleted


def content_routes(desk: ContentDesk) -> tuple[Route, ...]:
    @described("what was asked and answered, where the route keeps it", answers=_SHOWN)
    def show(request: Request) -> Response:
        request_id = request.path_params["id"]
        try:
            found = desk.open(request_id)
        except CannotOpen as shut:
            return refusal(409, "conflict", str(shut))
        if found is None:
            return refusal(404, "not_found", "no content is kept of this request")
        return as_json({**msgspec.structs.asdict(found), "request": found.request_text, "answer": found.answer_text})

    @described("deletes a request's content", answers={"deleted": int})
    def delete(request: Request) -> Response:
        return as_json({"deleted": desk.forget(request.path_params["id"])})

    @described("deletes the content of many requests", query=ForgetQuery, answers={"deleted": int})
    def delete_all(request: Request) -> Response:
        return as_json({"deleted": desk.forget_all(read_query(request, ForgetQuery))})

    return (
        Route("/api/requests/{id}/content", show),
        Route("/api/requests/{id}/content", delete, methods=["DELETE"]),
        Route("/api/contents", delete_all, methods=["DELETE"]),
    )
