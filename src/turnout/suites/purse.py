"""What a run may still spend: set aside before a call, settled after it. Nothing is spent beyond it, however many ask at once."""

import asyncio

from turnout.types.money import PicoDollars, usd


class Spent(Exception):
    """The next call might cost more than is left."""

    def __init__(self, amount: int, left: int) -> None:
        super().__init__(f"the next call may cost ${usd(amount):.4f}, and ${usd(left):.4f} of the budget are left")


class Purse:
    """One per run. ``spent`` is settled, ``held`` set aside for calls under way; pico-dollars."""

    def __init__(self, budget: int, spent: int = 0) -> None:
        self.spent = spent
        self.held = 0
        self._budget = budget
        self._settled = asyncio.Condition()

    @property
    def gone(self) -> PicoDollars:
        """What may have been spent if everything ended now."""
        return PicoDollars(self.spent + self.held)

    async def hold(self, amount: int) -> None:
        """Set it aside; where others hold what is lacking, as soon as they have settled.

        Raises:
            Spent: it is not there, whatever they settle for.
        """
        async with self._settled:
            while self.gone + amount > self._budget:
                if not self.held:
                    raise Spent(amount, self._budget - self.spent)
                await self._settled.wait()
            self.held += amount

    async def settle(self, amount: int, cost: int | None) -> None:
        """It cost this; what is unknown counts as what was set aside."""
        self.held -= amount
        self.spent += amount if cost is None else cost
        async with self._settled:
            self._settled.notify_all()
