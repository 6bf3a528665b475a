"""What a process is told about itself, as frozen values; the policy is apart."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from turnout.config.schema import File


class ServerSettings(msgspec.Struct, frozen=True):
    """The data plane. ``max_body`` in bytes; ``hosts`` and ``origins`` are accepted besides the loopback's and ``host`` itself."""

    host: str
    port: int
    workers: int
    max_body: int
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


class ControlSettings(msgspec.Struct, frozen=True):
    """The control plane."""

    host: str
    port: int
    hosts: tuple[str, ...] = ()


class StoreSettings(msgspec.Struct, frozen=True):
    """The ledger: ``url`` as written (``config.store`` resolves it), ``retention`` and ``content_retention`` in seconds."""

    url: str
    retention: float = 34_560_000.0
    content_retention: float = 2_592_000.0


class Settings(msgspec.Struct, frozen=True):
    """Everything of turnout.yaml that is not the policy; a change of it needs a restart."""

    server: ServerSettings
    control: ControlSettings
    store: StoreSettings
    data_dir: Path


def settings(file: File) -> Settings:
    """The file's settings, the home directory filled in."""
    server, control = file.server, file.control
    return Settings(
        ServerSettings(server.host, server.port, server.workers, server.max_body, server.hosts, server.origins),
        ControlSettings(control.host, control.port, control.hosts),
        StoreSettings(file.store.url, file.store.retention, file.store.content_retention),
        Path(file.data_dir).expanduser(),
    )


def differing(old: Settings, new: Settings) -> tuple[str, ...]:
    """What is set otherwise, as the file names it: ``server.port``, ``data_dir``."""
    return tuple(_differing(old, new, ""))


def _differing(old: Any, new: Any, at: str) -> Iterator[str]:
    for name in old.__struct_fields__:
        one, other = getattr(old, name), getattr(new, name)
        if isinstance(one, msgspec.Struct):
            yield from _differing(one, other, f"{at}{name}.")
        elif one != other:
            yield f"{at}{name}"


def overruled(base: Settings, overrides: Mapping[str, Any]) -> Settings:
    """With what the command line says: ``host``, ``port``, ``workers`` (data plane), ``control_port``, ``data_dir``."""
    replace = msgspec.structs.replace
    server = {name: overrides[name] for name in ("host", "port", "workers") if name in overrides}
    control = {"port": overrides["control_port"]} if "control_port" in overrides else {}
    data_dir = Path(overrides.get("data_dir", base.data_dir)).expanduser()
    return replace(base, server=replace(base.server, **server), control=replace(base.control, **control), data_dir=data_dir)
