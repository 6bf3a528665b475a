"""The labelled prompts of tests/data, read into sketches, and the measures that compare what is found with what is right."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Any

from turnout.decide.classify import classify
from turnout.decide.classify.complexity import band_of
from turnout.types.models import Modality
from turnout.types.traits import Hints, Sketch, Traits

PROMPTS = Path(__file__).resolve().parents[1] / "data" / "prompts.jsonl"
NAMED = ("task", "band", "latency", "cost", "quality")  # traits with a word for a value
DRAWS = 200


class Labelled:
    """One prompt with its labels. The rules were tuned on the half whose ``held_out`` is False, by a hash of the id."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.id: str = row["id"]
        self.held_out = bool(hashlib.sha256(self.id.encode()).digest()[0] % 2)
        labels = row["labels"]
        self.complexity: float | None = labels["complexity"]
        band = None if self.complexity is None else band_of(self.complexity)
        self.labels: dict[str, str | None] = {**labels, "band": band}
        self.prompt: str = row["prompt"]
        self.sketch = sketch_of(self.prompt, system=row.get("system", ""), tools=row.get("tools", 0), images=row.get("images", 0))


def sketch_of(prompt: str, *, system: str = "", tools: int = 0, images: int = 0, **more: Any) -> Sketch:
    """The sketch a dialect would draw of one question."""
    given: dict[str, Any] = {
        "model": "auto", "stream": False, "system": system, "last_user": prompt,
        "texts": (system, prompt) if system else (prompt,), "turns": 2 if system else 1, "tools": tools, "tool_bytes": 250 * tools,
        "images": images, "audio_bytes": 0, "document_bytes": 0, "features": 0,
        "input": int(Modality.TEXT) | (int(Modality.IMAGE) if images else 0), "output": int(Modality.TEXT), "max_output": None,
        "n": 1, "carries": frozenset(),
    }  # fmt: skip
    return Sketch(**{**given, **more})


def traits_of(sketch: Sketch, **tags: str) -> Traits:
    return classify(sketch, Hints(tags=tags), front="openai-chat", caller=None, held=None)


@cache
def prompts() -> tuple[Labelled, ...]:
    return tuple(Labelled(json.loads(line)) for line in PROMPTS.read_text(encoding="utf-8").splitlines())


def value(traits: Traits, trait: str) -> str | None:
    return traits.band if trait == "band" else getattr(traits, trait).value


def accuracy(found: Sequence[object], right: Sequence[object]) -> float:
    return sum(a == b for a, b in zip(found, right, strict=True)) / len(right)


def balanced(found: Sequence[object], right: Sequence[object]) -> float:
    """Mean over the labels of the share found: a majority class gets 1 / labels, however large it is."""
    totals = Counter(right)
    hits = Counter(label for answer, label in zip(found, right, strict=True) if answer == label)
    return sum(hits[label] / total for label, total in totals.items()) / len(totals)


def majority(right: Sequence[object]) -> float:
    """What always saying the commonest label would score."""
    return Counter(right).most_common(1)[0][1] / len(right)


def shuffled(measure: Callable[[Sequence[Any], Sequence[Any]], float], found: Sequence[Any], right: Sequence[Any]) -> float:
    """The same answers dealt to the wrong prompts: the 95th percentile over seeded draws."""
    chance = random.Random(20_26)
    draws = []
    for _ in range(DRAWS):
        dealt = list(found)
        chance.shuffle(dealt)
        draws.append(measure(dealt, right))
    return sorted(draws)[int(DRAWS * 0.95)]


def spearman(left: Sequence[float], right: Sequence[float]) -> float:
    """Rank correlation, ties at their mean rank."""
    a, b = _ranks(left), _ranks(right)
    mean = (len(a) - 1) / 2
    product = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    return product / sqrt(sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b))


def _ranks(values: Sequence[float]) -> list[float]:
    places: dict[float, list[int]] = {}
    for place, number in enumerate(sorted(values)):
        places.setdefault(number, []).append(place)
    return [sum(places[number]) / len(places[number]) for number in values]
