"""``GET /api/health``: what the workers left, merged."""

import msgspec
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.support.board import NOW, board_of
from turnout.clock import ManualClock
from turnout.control.health import GONE_AFTER, health_routes, merged, read_workers
from turnout.execute.board import Board
from turnout.execute.seen import seen
from turnout.types.health import CheckSeen, WorkerHealth

UNIX = 1_700_000_000.0


def worker(name: str, board: Board, at: float = UNIX, *checks: CheckSeen) -> WorkerHealth:
    return WorkerHealth(name, at, 1, seen(board, {}, NOW, UNIX), checks)


def leave(directory, health: WorkerHealth) -> None:
    (directory / f"{health.worker}.json").write_bytes(msgspec.json.encode(health))


def test_each_deployment_is_told_as_it_stands_worst():
    """One worker may know more than the other; what they say each is there too."""
    well, unwell = board_of("p/a", "p/b", "q/c"), board_of("p/a", "p/b", "q/c")
    next(iter(unwell.deployments)).own.eject(NOW, "silence")
    found = msgspec.json.decode(msgspec.json.encode(merged([worker("gateway-1", well), worker("gateway-2", unwell)])))

    assert {row["model"]: row["standing"] for row in found["deployments"]} == {
        "p/a": "ejected",
        "p/b": "admitting",
        "q/c": "admitting",
    }
    first = found["deployments"][0]
    assert (first["cause"], first["what"], first["until"]) == ("silence", "p/a env:KEY", UNIX + 5.0)
    assert [(own["worker"], own["standing"]) for own in first["workers"]] == [
        ("gateway-1", "admitting"),
        ("gateway-2", "ejected"),
    ]
    assert [one["worker"] for one in found["workers"]] == ["gateway-1", "gateway-2"]


def test_a_provider_stands_as_its_best_does():
    """That one can serve; the causes of the others are named, and the latest check."""
    board = board_of("p/a", "p/b")
    next(iter(board.deployments)).own.eject(NOW, "silence")
    old, new = CheckSeen("p", "env:KEY", UNIX - 9, "unreachable"), CheckSeen("p", "env:KEY", UNIX - 1, "ok")
    found = msgspec.json.decode(msgspec.json.encode(merged([worker("g1", board, UNIX, new), worker("g2", board, UNIX, old)])))
    (provider,) = found["providers"]

    assert (provider["provider"], provider["standing"]) == ("p", "admitting")
    assert provider["deployments"] == {"admitting": 1, "degraded": 0, "probing": 0, "ejected": 1}
    assert provider["causes"] == ["p/a env:KEY: silence"]
    assert provider["checks"] == [{"credential": "env:KEY", "at": UNIX - 1, "result": "ok"}]


def test_the_dead_are_not_asked(tmp_path):
    """Their files, and those that cannot be read, are removed."""
    leave(tmp_path, worker("gateway-1", board_of("p/a"), UNIX))
    leave(tmp_path, worker("gateway-2", board_of("p/a"), UNIX - GONE_AFTER - 1))
    (tmp_path / "gateway-3.json").write_text("{")
    found = read_workers(tmp_path, UNIX)

    assert [one.worker for one in found] == ["gateway-1"]
    assert [file.name for file in tmp_path.iterdir()] == ["gateway-1.json"]


def test_over_http(tmp_path):
    """Before any worker has left a word, too."""
    client = TestClient(Starlette(routes=list(health_routes(tmp_path / "health", ManualClock(UNIX)))))
    nobody = client.get("/api/health").json()
    (tmp_path / "health").mkdir()
    leave(tmp_path / "health", worker("gateway-1", board_of("p/a")))
    found = client.get("/api/health").json()

    assert nobody == {"now": UNIX, "workers": [], "providers": [], "deployments": []}
    assert [row["model"] for row in found["deployments"]] == ["p/a"]
