"""The ledger that a command looks into: the one its policy file, or its data directory, names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli.problems import reported
from turnout.errors import Unusable

if TYPE_CHECKING:
    from turnout.config.settings import Settings
    from turnout.store.ledger import Ledger

ConfigOption = Annotated[
    Path | None, typer.Option(help="Policy file that names store and data directory; ./turnout.yaml if there is one.")
]
DataOption = Annotated[Path | None, typer.Option(help="The data directory; default: the policy's.")]


def settings(config: Path | None, data_dir: Path | None) -> "Settings":
    """As the file says, or the defaults; ``data_dir`` overrules it. Exit code 1 with every problem, 2 when there is no such file."""
    from turnout.config.load import settings_of
    from turnout.config.schema import File
    from turnout.config.settings import overruled
    from turnout.config.settings import settings as of_file

    if config is not None and not config.is_file():
        raise typer.BadParameter(f"no file {config}", param_hint="--config")
    default = Path("turnout.yaml")
    policy = config or (default if default.exists() else None)
    overrides = {"data_dir": data_dir} if data_dir else {}
    with reported():
        return settings_of(policy, os.environ, overrides) if policy else overruled(of_file(File()), overrides)


@contextmanager
def ledger(of: "Settings") -> Iterator["Ledger"]:
    """Open while the block runs. Exit code 1, and a sentence, when there is none or it does not answer."""
    from sqlalchemy.exc import SQLAlchemyError

    from turnout.build.ledger import ledger_place
    from turnout.store.ledger import Ledger, in_words

    with reported():
        place = ledger_place(of.data_dir, of.store.url)
        if isinstance(place, Path) and not place.exists():
            raise Unusable(f"there is no ledger at {place}; name its data directory with --data-dir, or the policy with --config")
        found = Ledger(place)
        try:
            yield found
        except SQLAlchemyError as error:
            raise Unusable(f"the ledger does not answer: {in_words(error)}") from error
        finally:
            found.close()
