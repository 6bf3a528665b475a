"""Feedback under ``/api/feedback``: an administrator's imports, and what was said of a request."""

from typing import Annotated

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnout.clock import Clock
from turnout.control.guard import refusal
from turnout.control.openapi import described
from turnout.control.wire import as_json
from turnout.errors import TurnoutError
from turnout.feedback.read import Refused, Speaker, items, read_each
from turnout.feedback.scales import SCALES
from turnout.store.feedback import FeedbackStore, Kept

LARGEST = 16 * 1024 * 1024
"""Bytes of a call."""
_TAKEN = {**dict.fromkeys(("joined", "waiting", "foreign", "known"), int), "refused": tuple[Refused, ...]}


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """As it is described to who sends one; ``turnout.feedback.read`` reads it, and says what is wrong with which field."""

    kind: Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(SCALES)})]
    request_id: str | None = None
    session: str | None = None
    value: float | str | bool | None = None
    name: str | None = None
    note: str | None = None
    at: float | str | None = None
    id: str | None = None
    tenant: str | None = None


def feedback_routes(store: FeedbackStore, clock: Clock) -> list[Route]:
    api = _FeedbackApi(store, clock)
    return [
        Route("/api/feedback", api.take, methods=["POST"]),
        Route("/api/requests/{id}/feedback", api.of_request),
    ]


class _FeedbackApi:
    def __init__(self, store: FeedbackStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @described("imports feedback", body={"feedback": tuple[Opinion, ...]}, answers=_TAKEN)
    async def take(self, request: Request) -> Response:
        """What can be read goes in, however much of the rest cannot."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST:
                return refusal(413, "too_large", f"more than {LARGEST:,} bytes; send it in parts")
        return await run_in_threadpool(self._take, bytes(body))

    def _take(self, body: bytes) -> Response:
        try:
            sent, _ = items(body)
        except TurnoutError as error:
            return refusal(error.status, error.code, error.message)
        fit, refused = read_each(sent, Speaker("import", None, self._clock.now()))
        taken = self._store.take(fit.values())
        return as_json(
            {
                "joined": taken.joined, "waiting": taken.waiting, "foreign": taken.foreign, "known": taken.known, "refused": refused,
            }
        )  # fmt: skip

    @described("what was said of a request and of its session, latest first", answers={"feedback": tuple[Kept, ...]})
    def of_request(self, request: Request) -> Response:
        return as_json({"feedback": self._store.of_request(request.path_params["id"])})
