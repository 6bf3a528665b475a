"""The program ``turnout``: finds the command and hands over."""

import sys
from importlib import import_module

import typer

COMMANDS = (
    "serve", "demo", "sim", "check", "explain", "replay", "models", "keys", "drill", "audit", "policy", "feedback", "doctor",
    "report", "bench", "release", "trial",
)  # fmt: skip


def main() -> None:
    """Import only the command that was named: ``turnout check`` should not wait for a web server's modules."""
    named = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    _app((named,) if named in COMMANDS else COMMANDS)(prog_name="turnout")


def _app(names: tuple[str, ...]) -> typer.Typer:
    app = typer.Typer(
        help="A self-hosted model router: decides, survives, records, and keeps its own strategy current.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_version)
    for name in names:
        module = import_module(f"turnout.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, name))
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        from turnout import __version__

        typer.echo(f"turnout {__version__}")
        raise typer.Exit


def _version(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Print the version and stop."),
) -> None:
    """A self-hosted model router: decides, survives, records, and keeps its own strategy current."""
