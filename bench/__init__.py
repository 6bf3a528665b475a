"""Benches: programs that print a figure beside a reference measured in the same run. Never a timed assertion."""

import socket
import time
from urllib.error import URLError
from urllib.request import urlopen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, path: str | None, seconds: float = 15.0) -> None:
    """Until something answers there: 200 on ``path``, or a connection where there is no path."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if path is None:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.02)
    raise SystemExit(f"nothing answers on port {port}")
