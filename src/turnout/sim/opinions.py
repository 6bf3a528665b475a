"""What the simulated customers say of their answers: some click a thumb, a few tell what an answer was worth to them."""

import random
from typing import Any

from turnout.sim.traffic import Answer, Errand, Heard

OPINIONATED = 0.25
"""Share of answers that somebody says something of."""
SEES_IT_WELL = 0.96
"""Share of right answers that are found good, and of wrong ones that are found bad."""
BUYS = 0.1
"""Share of right answers to a customer that an order follows."""


def opinions(client: Any, seed: int) -> Heard:
    """Sent as feedback through ``client``, an AsyncOpenAI pointed at the gateway."""
    rng = random.Random(seed)  # noqa: S311  not for secrets

    async def heard(errand: Errand, answer: Answer, *, right: bool) -> None:
        said = _said(rng, errand, right=right)
        if answer.request_id is not None and said:
            await client.post(
                "/feedback", cast_to=object, body={"feedback": [{"request_id": answer.request_id, **one} for one in said]}
            )

    return heard


def _said(rng: random.Random, errand: Errand, *, right: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if rng.random() < OPINIONATED:
        good = right == (rng.random() < SEES_IT_WELL)
        found.append({"kind": "thumb", "value": 1 if good else -1})
    if right and errand.session is not None and rng.random() < BUYS:
        found.append({"kind": "value", "name": "order_usd", "value": round(rng.lognormvariate(3.5, 0.6), 2)})
    return found
