"""A board of real upstreams behind invented providers, for tests of health."""

from turnout.execute.board import Board
from turnout.providers.upstream import connect
from turnout.types.models import ModelFacts
from turnout.types.policy import Credential, Policy, Provider
from turnout.types.resilience import HealthRules

NOW = 1000.0


def board_of(
    *models: str,
    keys: tuple[str, ...] = ("env:KEY",),
    dialect: str = "openai-chat",
    rules: HealthRules | None = None,
    now: float = NOW,
) -> Board:
    """Each model at the provider its name begins with; every key is there."""
    names = dict.fromkeys(model.partition("/")[0] for model in models)
    providers = tuple(
        Provider(name, None, dialect, f"https://{name}.example/v1", "bearer", tuple(Credential(key) for key in keys))
        for name in names
    )
    policy = Policy((), providers, health=rules or HealthRules())
    facts = [ModelFacts(id=model, provider=model.partition("/")[0], upstream_id=model.partition("/")[2]) for model in models]
    board = Board(chance=lambda: 0.5)
    board.take_up(policy, connect(policy, facts, lambda ref: f"secret of {ref}", {}), ("default",))
    board.tick(now)
    return board
