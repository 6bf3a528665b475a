"""The control plane's app as the control process makes it, without the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.applications import Starlette

from turnout.build.control import _app, _house, publisher
from turnout.build.spec import ControlSpec
from turnout.catalog.load import load_catalog
from turnout.clock import SystemClock
from turnout.config.load import Loaded


@contextmanager
def real_app(data_dir: Path) -> Iterator[Starlette]:
    """With all its routes, on an empty ledger."""
    clock = SystemClock()
    publish, ledger = publisher(data_dir, "sqlite", clock, load_catalog())
    spec = ControlSpec(0, str(data_dir), "sqlite", "127.0.0.1", "127.0.0.1")
    try:
        yield _app(_house(spec, clock, publish, ledger, _unread))
    finally:
        ledger.close()


def _unread() -> Loaded:
    raise AssertionError("no policy is asked for")
