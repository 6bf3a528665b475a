"""Many streams at once, and one client that reads nothing."""

import pytest
from bench.streams import allow_many_files, look

from tests.e2e_load.running import policy, serving, upstream

EVENTS, PACE = 8, 0.5
FLOOD = 64e3
"""KB that the deaf client asked for."""


@pytest.mark.slow
@pytest.mark.parametrize("streams", [200, 1_000])
async def test_a_deaf_client_holds_up_nobody(streams, tmp_path):
    """Beside a client that reads nothing every stream comes whole and in time; a stream's memory is small, the deaf client's bounded."""
    allow_many_files()
    with upstream(events=EVENTS, pace=PACE) as port, serving(tmp_path, policy(port)) as turnout:
        [gateway] = turnout.children("gateway")
        figures = await look(turnout.port, gateway, streams, EVENTS, PACE)

    assert figures["memory per open stream, KB"] < 40
    assert figures["longest gap beyond the pace, ms"] < 1_000
    assert figures["memory of a client that reads nothing, KB"] < FLOOD / 8
