"""What was asked and answered, where a route keeps it: opened for whoever has the admin token, deleted for good."""

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnout.audit.chain import Trail
from turnout.content.open import Opened, open_content
from turnout.content.seal import CannotOpen, Keyring
from turnout.control.guard import refusal
from turnout.control.wire import as_json, read_query
from turnout.store.contents import Contents


class ForgetQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose content is to be deleted: a session's, a virtual key's, or a key's in one session; or all older than ``before`` (unix seconds)."""

    session: str | None = None
    caller: str | None = None
    before: float | None = None


class ContentDesk:
    """``keys`` are those that the policy in force names; each look and each deletion goes into the audit trail."""

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
            self._trail.add("content_deleted", "api:admin", {"request": request_id})
        return deleted

    def forget_all(self, whose: ForgetQuery) -> int:
        """Raises ValueError: it does not say whose."""
        if whose.session is not None:
            deleted = self._contents.delete_session(whose.session, whose.caller)
        elif whose.caller is not None:
            deleted = self._contents.delete_caller(whose.caller)
        elif whose.before is not None:
            deleted = self._contents.delete_before(whose.before)
        else:
            raise ValueError("say whose content is to be deleted: session, caller, or before (unix seconds)")
        # Neither session nor caller: they may be a person's, and what is in the chain stays.
        self._trail.add(
            "content_deleted",
            "api:admin",
            {"by": [name for name in whose.__struct_fields__ if getattr(whose, name)], "requests": deleted},
        )
        return deleted


def content_routes(desk: ContentDesk) -> tuple[Route, ...]:
    def show(request: Request) -> Response:
        request_id = request.path_params["id"]
        try:
            found = desk.open(request_id)
        except CannotOpen as shut:
            return refusal(409, "conflict", str(shut))
        if found is None:
            return refusal(404, "not_found", "no content is kept of this request")
        return as_json({**msgspec.structs.asdict(found), "request": found.request_text, "answer": found.answer_text})

    def delete(request: Request) -> Response:
        return as_json({"deleted": desk.forget(request.path_params["id"])})

    def delete_all(request: Request) -> Response:
        try:
            return as_json({"deleted": desk.forget_all(read_query(request, ForgetQuery))})
        except ValueError as unsaid:
            return refusal(400, "invalid_request", str(unsaid))

    return (
        Route("/api/requests/{id}/content", show),
        Route("/api/requests/{id}/content", delete, methods=["DELETE"]),
        Route("/api/contents", delete_all, methods=["DELETE"]),
    )
