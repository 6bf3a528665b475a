"""What a board knows, shown."""

import pytest

from tests.support.board import NOW, board_of
from turnout.errors import RateLimited, Unavailable
from turnout.execute.room import Need
from turnout.execute.seen import seen
from turnout.types.health import Limit

UNIX = 1_700_000_000.0


def test_a_deployment_that_nothing_is_known_of():
    """It is well, and what was never measured is not told as zero."""
    (one,) = seen(board_of("p/m"), {"p/m": "eu"}, NOW, UNIX)

    assert (one.model, one.provider, one.credential, one.region) == ("p/m", "p", "env:KEY", "eu")
    assert (one.standing, one.cause, one.until, one.in_flight) == ("admitting", None, None, 0)
    assert one.failure_share is one.ttft_p95_ms is one.latency_p95_ms is one.at_once is one.silent_s is None
    assert one.limits == {}


def test_the_worst_of_address_credential_and_model_is_told():
    """With its cause, and its end in unix seconds; never the credential itself."""
    board = board_of("p/m", "p/other")
    next(iter(board.deployments)).credential.quarantine(NOW, "401: no")
    found = seen(board, {}, NOW, UNIX)

    assert {(one.standing, one.what, one.cause, one.quarantined) for one in found} == {("ejected", "p env:KEY", "401: no", True)}
    assert {one.until for one in found} == {UNIX + 600.0}
    assert "secret" not in repr(found)


def test_traffic_shows():
    """Calls under way, shares, what headers said is left, and a rest that was asked for."""
    board = board_of("p/m")
    (member,) = board.deployments
    for number in range(30):
        lease = member.take(NOW, 60.0, stream=False)
        assert lease is not None
        if number < 3:
            member.failed(lease, NOW, Unavailable("no"), heard=True, hung_up=False)
        else:
            member.answered(lease, NOW, None, NOW + 0.2, None)
    under_way = member.take(NOW, 60.0, stream=True)
    board.tick(NOW)
    (one,) = seen(board, {}, NOW + 2.0, UNIX)

    assert one.failure_share == pytest.approx(0.1)
    assert one.latency_p95_ms == pytest.approx(200.0)
    assert (one.in_flight, one.unheard, one.silent_s) == (1, 1, 2.0)

    assert under_way is not None
    member.hear([(b"x-ratelimit-limit-requests", b"100"), (b"x-ratelimit-remaining-requests", b"10")], NOW, UNIX)
    member.failed(under_way, NOW, RateLimited("later", status=429, retry_after=7.0), heard=True, hung_up=False)
    member.consider(NOW, 60.0, Need(stream=False))
    (one,) = seen(board, {}, NOW, UNIX)

    assert one.limits == {"requests": Limit(100, 10)}
    assert one.paused_until == UNIX + 7.0
    assert one.held_back == 1
