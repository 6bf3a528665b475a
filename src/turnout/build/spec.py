"""What the supervisor tells its children, as one JSON argument. No secrets: those a child finds by itself."""

import msgspec


class GatewaySpec(msgspec.Struct, frozen=True):
    """``fd`` is the listening socket all ``workers`` share, so that a worker that dies loses no connection still waiting."""

    index: int
    fd: int
    data_dir: str
    host: str
    max_body: int
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    workers: int = 1

    @property
    def worker(self) -> str:
        return f"gateway-{self.index}"


class ControlSpec(msgspec.Struct, frozen=True):
    """``fd`` is the listening socket; ``served_on`` the data plane's address; ``config`` None: providers come from environment keys.

    ``retention`` and ``content_retention`` in seconds. ``dashboard`` is where links to it begin, empty where that is not known.
    """

    fd: int
    data_dir: str
    store: str
    host: str
    served_on: str
    config: str | None = None
    hosts: tuple[str, ...] = ()
    retention: float = 400 * 86_400.0
    content_retention: float = 30 * 86_400.0
    dashboard: str = ""


class Places:
    """Where things are in the data directory."""

    views = "views"
    journal = "journal"
    metrics = "metrics"
    tickets = "tickets"
    health = "health"
    judged = "judged"
    ledger = "ledger.db"
    lock = "lock"
