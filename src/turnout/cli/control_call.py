"""A call to the control plane of a running `turnout serve`: what changes something is done there, by one process."""

import http.client
import json
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from turnout.config.settings import Settings

ANSWERS_WITHIN = 30.0
"""Seconds."""


def call(where: "Settings", method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The answer's JSON. Exit code 1, and what to do, when there is no control plane or it refuses."""
    from turnout.control.token import NAME

    host, port = where.control.host, where.control.port
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    try:
        token = (where.data_dir / NAME).read_text().strip()
    except OSError as error:
        stop(f"the admin token cannot be read ({error}); name the data directory of the running turnout with --data-dir")
    connection = http.client.HTTPConnection(host, port, timeout=ANSWERS_WITHIN)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        status, said = answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        stop(
            f"no control plane answers at {host}:{port} ({error}); this is done by a running `turnout serve`: start it, or name "
            "the address of the one that runs under control.host and control.port of the policy"
        )
    finally:
        connection.close()
    try:
        told = json.loads(said)
        message = "" if status == 200 else str(told["error"]["message"])
    except (ValueError, KeyError, TypeError):
        stop(f"what answers at {host}:{port} is no control plane of Turnout (HTTP {status})")
    if status != 200:
        stop(f"the control plane refuses: {message}")
    return told


def stop(why: str) -> NoReturn:
    """Exit code 1, saying why."""
    print(why, file=sys.stderr)
    raise typer.Exit(1)
