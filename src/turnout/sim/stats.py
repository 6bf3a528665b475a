"""What the sim did, counted by itself: an invoice and an exam paper that a router's own figures can be held against."""

from collections import Counter

import msgspec

from turnout.sim.profile import Fleet
from turnout.types.money import usd
from turnout.types.reply import Usage
from turnout.types.traits import Band


class Topic(msgspec.Struct, frozen=True):
    """What a request was truly about, and whether it was answered rightly (None: nobody can say)."""

    task: str
    band: Band
    right: bool | None


class Cell(msgspec.Struct):
    """Complete answers of one model to one kind of request. ``graded`` counts those with a known right answer."""

    model: str
    task: str
    band: Band
    answered: int = 0
    graded: int = 0
    right: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    billed_pico: int = 0


class ModelStats(msgspec.Struct):
    """One model. ``tokens`` and ``billed_pico`` hold all that was billed, answers cut short included."""

    requests: int = 0
    answered: int = 0
    cancelled: int = 0
    refused: int = 0
    limited: int = 0
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    tokens: Counter[str] = msgspec.field(default_factory=Counter)
    billed_pico: int = 0


class Stats:
    """All counters of a running sim."""

    def __init__(self, fleet: Fleet) -> None:
        self._models = fleet.models()
        self.by_model: dict[str, ModelStats] = {name: ModelStats() for name in self._models}
        self.cells: dict[tuple[str, str, str], Cell] = {}

    def know(self, fleet: Fleet) -> None:
        """The fleet changed: what is new begins at nothing, what there was stays counted."""
        self._models |= fleet.models()
        for name in self._models:
            self.by_model.setdefault(name, ModelStats())

    def bill(self, model: str, usage: Usage) -> int:
        """Put this usage on the invoice; pico-dollars."""
        entry = self.by_model[model]
        amount = self._models[model].bill(usage)
        entry.billed_pico += amount
        entry.tokens.update(
            input=usage.total_input - usage.cache_read,
            cache_read=usage.cache_read,
            output=usage.output,
            reasoning=usage.reasoning,
        )
        return amount

    def answered(self, model: str, usage: Usage, topic: Topic) -> None:
        """A complete answer was delivered."""
        self.by_model[model].answered += 1
        key = (model, topic.task, topic.band)
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = Cell(model, topic.task, topic.band)
        cell.answered += 1
        cell.graded += topic.right is not None
        cell.right += topic.right is True
        cell.input_tokens += usage.total_input
        cell.output_tokens += usage.total_output
        cell.billed_pico += self.bill(model, usage)

    @property
    def billed_pico(self) -> int:
        """The invoice's total."""
        return sum(entry.billed_pico for entry in self.by_model.values())

    @property
    def faults(self) -> Counter[str]:
        """Faults that struck, by kind."""
        return sum((entry.faults for entry in self.by_model.values()), Counter[str]())

    def to_json(self) -> bytes:
        """The body of ``GET /sim/stats``."""
        return msgspec.json.encode(
            {
                "requests": sum(entry.requests for entry in self.by_model.values()),
                "answered": sum(entry.answered for entry in self.by_model.values()),
                "faults": self.faults,
                "billed_pico": self.billed_pico,
                "billed_usd": usd(self.billed_pico),
                "models": self.by_model,
                "cells": list(self.cells.values()),
            }
        )
