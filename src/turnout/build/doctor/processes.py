"""The gateway and the control process, asked on their ports."""

import http.client
from collections.abc import Iterator
from contextlib import suppress

from turnout.build.data_dir import holder
from turnout.build.doctor.finding import Finding
from turnout.config.settings import Settings

ANSWERS_WITHIN = 2.0


def look_at_processes(settings: Settings) -> Iterator[Finding]:
    process = None
    with suppress(OSError):  # the look at the data directory names it
        process = holder(settings.data_dir)
    planes = (
        ("gateway", settings.server.host, settings.server.port),
        ("control process", settings.control.host, settings.control.port),
    )
    for about, host, port in planes:
        if port == 0:
            yield Finding(about, "note", "its port is chosen at the start, so it cannot be asked here")
            continue
        answer = _asked(host, port)
        if answer == 200:
            yield Finding(about, "well", f"answers on {host}:{port}")
        elif process is None and answer is None:
            yield Finding(about, "note", f"nothing listens on {host}:{port}", "turnout serve starts it")
        elif process is None:
            yield Finding(about, "wrong", f"something else answers on {host}:{port}", "stop it, or set another port")
        else:
            said = "does not answer" if answer is None else f"is not ready ({answer})"
            yield Finding(
                about, "wrong", f"{said} on {host}:{port}", f"look at what turnout serve (process {process}) printed last"
            )


def _asked(host: str, port: int) -> int | None:
    """The status with which it says whether it is ready; 0 for an answer that is not HTTP, None for none."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    connection = http.client.HTTPConnection(host, port, timeout=ANSWERS_WITHIN)
    try:
        connection.request("GET", "/health/ready", headers={"host": f"127.0.0.1:{port}"})
        return connection.getresponse().status
    except http.client.HTTPException:
        return 0
    except OSError:
        return None
    finally:
        connection.close()
