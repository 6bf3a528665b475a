"""Who may do what on the control plane."""

from hashlib import sha256

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.asgi import Answer, call
from turnout.control.guard import Guard, actor_of, speaker
from turnout.types.policy import Person

PEOPLE = [Person(role, f"sha256:{sha256(f'tk-{role}'.encode()).hexdigest()}", role) for role in ("viewer", "approver", "admin")]


async def told(request: Request) -> Response:
    return JSONResponse([*actor_of(request), speaker(request, "cli:ann")])


def app(people: list[Person] = PEOPLE) -> Starlette:
    paths = (
        "/api/policies/1/restore",
        "/api/releases/r1/approve",
        "/api/releases/r1/reject",
        "/api/releases/r1/pause",
        "/metrics",
    )
    routes = [Route(path, told, methods=["GET", "POST", "DELETE"]) for path in paths]
    return Starlette(routes=routes, middleware=[Middleware(Guard, token="secret", hosts=[], people=lambda: tuple(people))])


async def ask(method: str, path: str, token: str, of: Starlette | None = None) -> Answer:
    return await call(of or app(), path, method=method, authorization=f"Bearer {token}", content_type="application/json")


@pytest.mark.parametrize(
    ("token", "look", "approve", "restore"),
    [
        ("tk-viewer", 200, 403, 403),
        ("tk-approver", 200, 200, 403),
        ("tk-admin", 200, 200, 200),
        ("secret", 200, 200, 200),
        ("tk-x", 401, 401, 401),
    ],
)
async def test_what_each_role_may_do(token: str, look: int, approve: int, restore: int) -> None:
    """Viewers look, approvers also say yes or no to releases, admins do everything; nobody else is let in."""
    assert (await ask("GET", "/metrics", token)).status == look
    assert (await ask("POST", "/api/releases/r1/approve", token)).status == approve
    assert (await ask("POST", "/api/releases/r1/reject", token)).status == approve
    assert (await ask("POST", "/api/releases/r1/pause", token)).status == restore
    assert (await ask("POST", "/api/policies/1/restore", token)).status == restore
    assert (await ask("DELETE", "/api/policies/1/restore", token)).status == restore


async def test_who_may_not_is_told_what_they_may() -> None:
    """By name and role."""
    refused = await ask("POST", "/api/releases/r1/pause", "tk-approver")

    assert (
        refused.json["error"]["message"] == "approver is approver and may approve and reject releases; control.people gives roles"
    )


async def test_a_person_speaks_for_themselves() -> None:
    """The admin token is nobody's own: whoever has it says who it is. A key says it."""
    assert (await ask("GET", "/metrics", "secret")).json == ["api:admin", "admin", "cli:ann"]
    assert (await ask("GET", "/metrics", "tk-viewer")).json == ["viewer", "viewer", "viewer"]


async def test_people_are_those_of_the_policy_in_force() -> None:
    """Whoever is taken out is out at once."""
    people = list(PEOPLE)
    now = app(people)
    assert (await ask("GET", "/metrics", "tk-viewer", now)).status == 200
    del people[0]
    assert (await ask("GET", "/metrics", "tk-viewer", now)).status == 401


@pytest.mark.parametrize("authorization", ["", "tk-viewer", "Bearer", "bearer tk-viewer", "Basic tk-viewer", "Bearer ä"])
async def test_nothing_else_is_a_key(authorization: str) -> None:
    """Nor is the hash that the policy holds."""
    answer = await call(app(), "/metrics", authorization=authorization)
    assert answer.status == 401
    assert (await ask("GET", "/metrics", PEOPLE[0].hash)).status == 401


async def test_a_key_without_a_policy_opens_nothing() -> None:
    """There is nobody but the admin token's holder."""
    assert (await ask("GET", "/metrics", "tk-admin", app([]))).status == 401
