"""``turnout serve``: the gateway and its control process, until interrupted."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CONFIG = Path("turnout.yaml")


def serve(
    config: Annotated[Path | None, typer.Option(help="Policy file; ./turnout.yaml if there is one.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to serve on; other than loopback only with auth.keys.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Data plane's port.")] = None,
    control_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Control plane's port (dashboard, admin API).")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Gateway processes.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where journal, ledger and views are kept.")] = None,
) -> None:
    """Serve requests by policy. Without a file, providers come from the keys found in the environment."""
    from turnout.build.data_dir import held
    from turnout.build.supervisor import listen, prepare, supervise
    from turnout.cli.problems import reported
    from turnout.config.load import settings_of

    config = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    with reported():
        overrides = {"host": host, "port": port, "control_port": control_port, "workers": workers, "data_dir": data_dir}
        settings = settings_of(config, os.environ, {name: value for name, value in overrides.items() if value is not None})
    try:
        sockets = listen(settings)  # before anything is published: another instance may be running on the same data
    except OSError as error:
        typer.echo(error.strerror, err=True)
        raise typer.Exit(1) from None
    with reported(), held(settings.data_dir):
        version = prepare(str(config) if config else None, settings)

        def ready() -> None:
            from turnout.control.token import admin_token

            token = admin_token(settings.data_dir)
            typer.echo(f"policy:    {version} ({config or 'from the environment'})")
            typer.echo(f"api:       http://{settings.server.host}:{settings.server.port}/v1")
            typer.echo(f"dashboard: http://{settings.control.host}:{settings.control.port}/#token={token}")

        asyncio.run(supervise(str(config) if config else None, settings, sockets, ready))
