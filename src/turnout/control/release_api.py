"""Releases under ``/api/releases``: listed, shown with their evidence, opened by hand, and decided on by people."""

from collections.abc import Callable
from typing import Annotated

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnout.control.guard import actor_of, refusal, speaker
from turnout.control.openapi import described
from turnout.control.wire import as_json, read_call, read_query
from turnout.release.desk import Desk, NotAllowed, NotNow
from turnout.store.ledger import Ledger
from turnout.store.releases import ReleaseFilters
from turnout.types.evidence import Evidence
from turnout.types.lock import Lock
from turnout.types.release import Release, Step

Open = Callable[[str, str], Release | str]
"""A release of a model on a route at somebody's wish, or why there can be none."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class ReleasesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``open``: only those that are not over (1), or all (0). ``id``: the first characters of one."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    open: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0
    id: str | None = None
    route: str | None = None
    model: str | None = None


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, and who says so where an administrator speaks for somebody."""

    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    by: Annotated[str, msgspec.Meta(max_length=200)] = ""


class OpenCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model, on which route."""

    model: Name
    route: Name
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    by: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Told(msgspec.Struct, frozen=True):
    """A release with its history and its evidence over time."""

    release: Release
    steps: tuple[Step, ...]
    points: tuple[Evidence, ...]


def release_routes(desk: Desk, ledger: Ledger, open_one: Open) -> list[Route]:
    api = _ReleaseApi(desk, ledger, open_one)
    return [
        Route("/api/releases", api.list, methods=["GET"]),
        Route("/api/releases", api.open, methods=["POST"]),
        Route("/api/releases/{id}", api.show),
        Route("/api/releases/{id}/approve", api.approve, methods=["POST"]),
        Route("/api/releases/{id}/reject", api.reject, methods=["POST"]),
        Route("/api/releases/{id}/pause", api.pause, methods=["POST"]),
        Route("/api/releases/{id}/resume", api.resume, methods=["POST"]),
        Route("/api/releases/{id}/rollback", api.rollback, methods=["POST"]),
        Route("/api/lock", api.lock),
        Route("/api/lock/freeze", api.freeze, methods=["POST"]),
        Route("/api/lock/thaw", api.thaw, methods=["POST"]),
    ]


class _ReleaseApi:
    """What only reads is a plain function and runs in a thread; what changes something reads its body first and then does."""

    def __init__(self, desk: Desk, ledger: Ledger, open_one: Open) -> None:
        self._desk = desk
        self._ledger = ledger
        self._open_one = open_one

    @described("releases, latest first", query=ReleasesQuery, answers={"releases": tuple[Release, ...]})
    def list(self, request: Request) -> Response:
        query = read_query(request, ReleasesQuery)
        filters = ReleaseFilters(id=query.id, route=query.route, model=query.model, is_over=False if query.open else None)
        return as_json({"releases": self._ledger.releases.list(query.limit, filters)})

    @described("a release, its history, and its evidence over time", answers=Told)
    def show(self, request: Request) -> Response:
        release = self._ledger.releases.get(request.path_params["id"])
        if release is None:
            return _no_such(request)
        return as_json(Told(release, self._ledger.releases.steps(release.id), self._ledger.trials.points(release.id)))

    @described("opens a release of a model on a route", body=OpenCall, answers=Release)
    async def open(self, request: Request) -> Response:
        call = await read_call(request, OpenCall)
        actor = speaker(request, call.by)

        def do() -> Response:
            found = self._open_one(call.model, call.route)
            if isinstance(found, str):
                return refusal(409, "not_now", found)
            if not self._desk.open(found, actor, call.note):
                return refusal(409, "not_now", f"{found.id} is there already")
            return as_json(found)

        return await run_in_threadpool(do)

    @described("says yes to a proposal", body=Word, answers=Release)
    async def approve(self, request: Request) -> Response:
        return await self._decided(request, await read_call(request, Word), self._desk.approve)

    @described("says no to a release that is not on traffic", body=Word, answers=Release)
    async def reject(self, request: Request) -> Response:
        return await self._decided(request, await read_call(request, Word), self._desk.reject)

    @described("holds a release where it is", body=Word, answers=Release)
    async def pause(self, request: Request) -> Response:
        return await self._decided(
            request, await read_call(request, Word), lambda id_, actor, _, note: self._desk.pause(id_, actor, note)
        )

    @described("lets it go on", body=Word, answers=Release)
    async def resume(self, request: Request) -> Response:
        return await self._decided(
            request, await read_call(request, Word), lambda id_, actor, _, note: self._desk.resume(id_, actor, note)
        )

    @described("takes it off traffic, or back out of the policy", body=Word, answers=Release)
    async def rollback(self, request: Request) -> Response:
        return await self._decided(
            request, await read_call(request, Word), lambda id_, actor, _, note: self._desk.rollback(id_, actor, note)
        )

    @described("what releases decided, over what people wrote", answers=Lock)
    def lock(self, _: Request) -> Response:
        return as_json(self._ledger.lock.read())

    @described("stops all steps but rollbacks", body=Word, answers=Lock)
    async def freeze(self, request: Request) -> Response:
        return await self._switched(request, await read_call(request, Word), self._desk.freeze)

    @described("lets releases go on", body=Word, answers=Lock)
    async def thaw(self, request: Request) -> Response:
        return await self._switched(request, await read_call(request, Word), self._desk.thaw)

    async def _decided(self, request: Request, word: Word, decide: Callable[[str, str, str, str], Release]) -> Response:
        release_id = request.path_params["id"]

        def do(actor: str, role: str, note: str) -> Response:
            if self._ledger.releases.get(release_id) is None:
                return _no_such(request)
            return as_json(decide(release_id, actor, role, note))

        return await _said(request, word, do)

    async def _switched(self, request: Request, word: Word, switch: Callable[[str, str], None]) -> Response:
        def do(actor: str, _: str, note: str) -> Response:
            switch(actor, note)
            return as_json(self._ledger.lock.read())

        return await _said(request, word, do)


async def _said(request: Request, word: Word, do: Callable[[str, str, str], Response]) -> Response:
    """With who says so and why; what does not apply any more is 409, what is not theirs to say 403."""
    try:
        _, role = actor_of(request)
        return await run_in_threadpool(do, speaker(request, word.by), role, word.note)
    except NotAllowed as why:
        return refusal(403, "forbidden", str(why))
    except NotNow as why:
        return refusal(409, "not_now", str(why))


def _no_such(request: Request) -> Response:
    return refusal(404, "not_found", f"there is no release {request.path_params['id']}; GET /api/releases lists them")
