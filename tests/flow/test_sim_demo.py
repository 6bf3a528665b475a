"""``turnout demo`` as a program: gateway, control, sim, SDK traffic, summary."""

import os
import re
import socket
import subprocess
import sys


def test_a_short_demo_shows_what_it_must() -> None:
    """It ends by itself with exit code 0; models serve, an outage is survived, savings and addresses are printed."""
    ports = _free_ports(2)
    command = [sys.executable, "-m", "turnout", "demo", "--port", str(ports[0]), "--control-port", str(ports[1]), "--rate", "20"]

    ended = subprocess.run(
        command, env={**os.environ, "TURNOUT_DEMO_SECONDS": "6"}, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 0, ended.stderr
    serving = re.search(r"models serving: (\d+)", ended.stdout)
    saved = re.search(r"fallbacks: (\d+) requests saved", ended.stdout)
    assert serving is not None
    assert saved is not None
    assert int(serving[1]) >= 3
    assert int(saved[1]) >= 1
    assert re.search(r"all on the best: .* saved \d+%", ended.stdout)
    assert re.search(r"same at random: .* saved -?\d+%", ended.stdout)
    assert f"api: http://127.0.0.1:{ports[0]}/v1" in ended.stdout
    assert f"dashboard: http://127.0.0.1:{ports[1]}/#token=" in ended.stdout
    assert " 0 failed" in ended.stdout
    cost = re.search(r"ledger \$([\d.]+)( and \d+ requests of unknown cost)?, the providers' invoice \$([\d.]+)", ended.stdout)
    assert cost is not None
    assert float(cost[1]) < float(cost[3]) if cost[2] else cost[1] == cost[3]


def test_a_taken_port_is_said() -> None:
    """The demo ends with exit code 1 and the gateway's own words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "turnout", "demo", "--port", str(port), "--control-port", str(_free_ports(1)[0])]

        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
