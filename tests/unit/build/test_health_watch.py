"""What a worker says of health: to people, to metrics, to the control process."""

import msgspec
import pytest

from tests.support.board import NOW, board_of
from tests.support.fake_transport import FakeTransport
from tests.support.gateway import House, house
from turnout.build.figures import note_cache, note_checks
from turnout.build.health import SAY_EVERY, WRITE_EVERY, HealthWatch, Teller, drained
from turnout.cache.cache import Counts
from turnout.clock import ManualClock
from turnout.execute.board import Board
from turnout.execute.lookout import Lookout
from turnout.metrics import Metrics
from turnout.types.health import WorkerHealth
from turnout.types.money import PicoDollars


def figures(metrics: Metrics, begin: str) -> dict[str, float]:
    lines = metrics.exposition()[0].decode().splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(begin)}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def worker(tmp_path, clock) -> House:
    return house(tmp_path, FakeTransport(), clock=clock)


def lookout(board: Board, clock: ManualClock) -> Lookout:
    return Lookout(board, FakeTransport(), clock, lambda _model, _usage: None)


def watch_of(worker: House, board: Board, clock: ManualClock, tmp_path) -> HealthWatch:
    return HealthWatch(worker.gateway, lambda: [board], lookout(board, clock), tmp_path / "health" / "gateway-1.json")


def test_a_person_is_told_what_to_do_and_when_it_is_over():
    """A line each: ejected, set aside with what to check, back again."""
    board, teller = board_of("p/m"), Teller("gateway-1")
    (member,) = board.deployments
    member.address.eject(NOW, "consecutive failures")
    member.credential.quarantine(NOW, "401: Incorrect\n API key")
    member.own.quarantine(NOW, "404: no such model")
    out = teller.tell(drained(board), NOW)
    member.address.readmit(NOW + 9)
    back = teller.tell(drained(board), NOW + 9)

    assert out == [
        "p address gets no requests for 5 s: consecutive failures",
        "p env:KEY gets no requests for 10 min, or until a check finds it mended: 401: Incorrect API key; check the credential env:KEY",
        "p/m env:KEY gets no requests for 10 min: 404: no such model; check that p/m exists there, and that its key may call it",
    ]
    assert back == ["p address is well again and gets requests"]


def test_what_comes_and_goes_is_told_now_and_then():
    """At most once in half a minute that it is out, and that as it stands by then."""
    board, teller = board_of("p/m"), Teller("gateway-1")
    (member,) = board.deployments
    told: list[str] = []
    for second in range(60):
        (member.own.eject if second % 2 == 0 else lambda now, _: member.own.readmit(now))(NOW + second, "share of failures")
        told += teller.tell(drained(board), NOW + second)

    assert len([line for line in told if "gets no requests" in line]) == 60 // SAY_EVERY
    assert len([line for line in told if "well again" in line]) == 60 // SAY_EVERY


def test_degraded_and_well_is_nobodys_news():
    """Requests go on; only what was told to be out is told to be back."""
    board = board_of("p/m")
    (member,) = board.deployments
    member.own.observe(NOW, successes=40, failures=4)
    member.own.observe(NOW + 1, successes=400)
    changes = drained(board)

    assert [change.after for change in changes] == ["degraded", "admitting"]
    assert Teller("gateway-1").tell(changes, NOW) == []


def test_each_worker_leaves_what_it_sees(worker, clock, tmp_path):
    """At once when somebody's standing changes, every few seconds besides, and nothing when it ends."""
    board = board_of("p/m")
    (member,) = board.deployments
    watch, file = watch_of(worker, board, clock, tmp_path), tmp_path / "health" / "gateway-1.json"

    def written() -> WorkerHealth:
        watch.look()
        return msgspec.json.decode(file.read_bytes(), type=WorkerHealth)

    first = written()
    clock.advance(1)
    unchanged = written()
    member.own.eject(clock.steady(), "silence")
    changed = written()
    clock.advance(WRITE_EVERY)
    later = written()
    watch.close()

    assert first == unchanged
    assert (changed.at, changed.deployments[0].standing) == (first.at + 1, "ejected")
    assert later.at == changed.at + WRITE_EVERY
    assert list((tmp_path / "health").iterdir()) == []


def test_a_disk_that_refuses_stops_nobody(worker, clock, tmp_path):
    """Time still works on the board."""
    (tmp_path / "health").write_text("in the way")
    board = board_of("p/m")
    (member,) = board.deployments
    member.successes = 3
    watch_of(worker, board, clock, tmp_path).look()

    assert member.own.health.succeeded == 3


def test_a_drills_board_is_ticked_and_no_news(worker, clock, tmp_path, capsys):
    """Its failures are rehearsed."""
    own, drilled = board_of("p/m"), board_of("p/m")
    (member,) = drilled.deployments
    member.own.eject(NOW, "silence")
    HealthWatch(worker.gateway, lambda: [own, drilled], lookout(own, clock), tmp_path / "w.json").look()

    assert capsys.readouterr().err == ""
    assert figures(worker.gateway.metrics, "turnout_ejections_total") == {}


def test_the_boards_figures_are_metrics(worker, clock, tmp_path, capsys):
    """How all stand, what was put out and why, what was let through, held back and granted."""
    board = board_of("p/m")
    (member,) = board.deployments
    watch = watch_of(worker, board, clock, tmp_path)
    member.own.eject(NOW, "silence")
    board.budgets["default"].retry(NOW)
    watch.look()
    clock.advance(30)
    member.own.admit(clock.steady())
    member.credential.quarantine(clock.steady(), "401: who?")
    watch.look()
    watch.look()
    metrics = worker.gateway.metrics

    assert figures(metrics, "turnout_deployments") == {
        'turnout_deployments{credential="env:KEY",model="p/m",standing="ejected"}': 1
    }
    assert figures(metrics, "turnout_ejections_total") == {
        'turnout_ejections_total{cause="silence",what="p/m env:KEY"}': 1,
        'turnout_ejections_total{cause="configuration",what="p env:KEY"}': 1,
    }
    assert figures(metrics, "turnout_probes_total")['turnout_probes_total{what="p/m env:KEY"}'] == 1
    assert figures(metrics, "turnout_extra_attempts_total") == {
        'turnout_extra_attempts_total{kind="retry",route="default",verdict="granted"}': 1
    }
    assert "check the credential env:KEY" in capsys.readouterr().err


def test_checks_and_the_cache_are_metrics_too(clock):
    """Money in dollars."""
    metrics, looking = Metrics(), lookout(board_of("p/m"), clock)
    looking.results["p", "ok"] = 2
    looking.cost["p"] = PicoDollars(5_000_000)
    note_checks(metrics, looking)
    note_cache(metrics, Counts(fresh=3, misses=1, saved=2_000_000))

    assert figures(metrics, "turnout_active_checks_total") == {'turnout_active_checks_total{provider="p",result="ok"}': 2}
    assert figures(metrics, "turnout_active_check_cost_usd_total{") == {'turnout_active_check_cost_usd_total{provider="p"}': 5e-6}
    assert figures(metrics, "turnout_cache_lookups_total")['turnout_cache_lookups_total{result="fresh"}'] == 3
    assert figures(metrics, "turnout_cache_saved_usd_total") == {"turnout_cache_saved_usd_total": 2e-6}
