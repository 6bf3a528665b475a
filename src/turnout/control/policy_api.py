"""The policy's history under ``/api/policies``: listed, shown, compared, and gone back to."""

from typing import Annotated

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnout.audit.diff import Change, sentences
from turnout.control.guard import ADMIN, refusal, speaker
from turnout.control.history import History, NoSuchVersion, Shown
from turnout.control.openapi import described
from turnout.control.publish import Publisher, Relock
from turnout.control.wire import as_json, read_call, read_query
from turnout.release.desk import NotNow
from turnout.store.policies import PolicyVersion


class PolicyQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50


class RestoreCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, and who says so where somebody with the admin token does."""

    note: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=2000)]
    by: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=200)] = ADMIN


def policy_routes(publisher: Publisher, history: History, relock: Relock | None = None) -> list[Route]:
    """``relock`` takes the lock back with a version; None where there are no releases."""
    api = _PolicyApi(publisher, history, relock)
    return [
        Route("/api/policies", api.list),
        Route("/api/policies/{version:int}", api.show),
        Route("/api/policies/{version:int}/diff/{other:int}", api.diff),
        Route("/api/policies/{version:int}/restore", api.restore, methods=["POST"]),
    ]


class _PolicyApi:
    """Plain functions run in threads; the one that reads a body has its waiting part run there."""

    def __init__(self, publisher: Publisher, history: History, relock: Relock | None) -> None:
        self._publisher = publisher
        self._history = history
        self._relock = relock

    @described(
        "the versions of the policy, latest first",
        query=PolicyQuery,
        answers={"in_force": int | None, "policies": tuple[PolicyVersion, ...]},
    )
    def list(self, request: Request) -> Response:
        query = read_query(request, PolicyQuery)
        base = self._publisher.base
        return as_json({"in_force": base.version if base else None, "policies": self._history.list(query.limit)})

    @described("a version, and what it changed", answers=Shown)
    def show(self, request: Request) -> Response:
        try:
            return as_json(self._history.show(request.path_params["version"]))
        except NoSuchVersion as reason:
            return _no_such(reason)

    @described(
        "two versions compared", answers={"from": int, "to": int, "changes": tuple[Change, ...], "sentences": tuple[str, ...]}
    )
    def diff(self, request: Request) -> Response:
        from_, to = request.path_params["version"], request.path_params["other"]
        try:
            changes = self._history.diff(from_, to)
        except NoSuchVersion as reason:
            return _no_such(reason)
        return as_json({"from": from_, "to": to, "changes": changes, "sentences": sentences(changes)})

    @described("puts a version in force again", body=RestoreCall, answers={"version": int, "restores": int})
    async def restore(self, request: Request) -> Response:
        call = await read_call(request, RestoreCall)
        version = request.path_params["version"]
        try:
            actor = speaker(request, call.by)
            made = await run_in_threadpool(self._publisher.restore, version, actor, call.note, self._relock)
        except NoSuchVersion as reason:
            return _no_such(reason)
        except NotNow as reason:
            return refusal(409, "not_now", str(reason))
        return as_json({"version": made, "restores": version})


def _no_such(reason: NoSuchVersion) -> Response:
    return refusal(404, "not_found", str(reason))
