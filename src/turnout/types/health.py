"""The health of what is called, as values for people: each worker writes what it sees, the control process shows it."""

import msgspec


class Limit(msgspec.Struct, frozen=True):
    """Per minute: ``limit``, and how much is ``left`` of it now."""

    limit: float
    left: float


class DeploymentHealth(msgspec.Struct, frozen=True):
    """A model behind a credential, as one worker sees it. Times in unix seconds, ``..._ms`` and ``silent_s`` as they say.

    ``credential``     where it is found (``env:NAME``), never what it is; empty where there is none
    ``standing``       ``admitting``, ``degraded``, ``probing`` or ``ejected``: the worst of its address, its credential and itself
    ``what``           which of them that is: ``openai address``, ``openai env:KEY``, ``openai/gpt-5-mini env:KEY``
    ``cause``, ``until``  why it is out, and until when at least; ``quarantined``: a person has to mend it
    ``failure_share``  of the model's requests within about the window; None before there were any
    ``ttft_p95_ms``, ``latency_p95_ms``  of the last answers; None before there were enough
    ``held_back``      requests that found no room, or with ``quota.shadow`` would have found none
    ``limits``         what is known to be limited per minute, ``at_once`` calls at a time; ``paused_until``: it asked for a rest
    ``unheard``        attempts under way since it was last heard of, the first of them ``silent_s`` ago
    """

    model: str
    provider: str
    credential: str
    region: str | None
    standing: str
    what: str
    cause: str | None
    until: float | None
    quarantined: bool
    failure_share: float | None
    in_flight: int
    ttft_p95_ms: float | None
    latency_p95_ms: float | None
    held_back: int
    limits: dict[str, Limit]
    at_once: int | None
    paused_until: float | None
    unheard: int
    silent_s: float | None


class CheckSeen(msgspec.Struct, frozen=True):
    """The latest active check of a provider with a credential: when (unix seconds), and what came of it."""

    provider: str
    credential: str
    at: float
    result: str


class WorkerHealth(msgspec.Struct, frozen=True):
    """All that one worker sees at ``at`` (unix seconds). ``in_line`` requests wait for room."""

    worker: str
    at: float
    in_line: int
    deployments: tuple[DeploymentHealth, ...]
    checks: tuple[CheckSeen, ...] = ()
