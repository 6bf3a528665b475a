"""Classify: what a request is and needs, from its text, its structure and its caller's hints. Pure, by rules (PRODUCT C1 to C6).

words.py     the vocabulary, as data
scan.py      one look that finds it
task.py  complexity.py  language.py    what follows from what was found
hints.py     what the caller says, which wins
"""

from turnout.decide.classify.complexity import infer_complexity
from turnout.decide.classify.hints import hinted, hinted_complexity
from turnout.decide.classify.language import infer_language
from turnout.decide.classify.scan import Found, scan
from turnout.decide.classify.task import UNKNOWN, infer_task
from turnout.decide.tokens import estimate, expect_output
from turnout.types.policy import Key
from turnout.types.traits import Hints, Sketch, Trait, Traits

ENOUGH = 2.0  # strength below which a need is not claimed
# Stricter first: where two needs have an equal case, the stricter is met.
NEEDS = {
    f"{trait}={value}": (trait, value)
    for trait, values in {
        "latency": ("realtime", "standard", "batch"),
        "cost": ("critical", "flexible"),
        "quality": ("critical", "balanced", "acceptable"),
        "sensitivity": ("pii",),
    }.items()
    for value in values
}
LENGTHS = tuple((length, f"length={length}") for length in ("one", "brief", "detailed"))
STREAMED = Trait("standard", "stream")  # someone reads along


def classify(sketch: Sketch, hints: Hints, *, front: str, caller: Key | None, held: str | None) -> Traits:
    """The traits of a request. Hints win over inference; what nothing speaks for stays unknown.

    Raises:
        TurnoutError: ``invalid_request`` when a reserved tag holds a value that is none.
    """
    found = scan(sketch)
    tokens = estimate(sketch)
    known = {**_needs(found), **hinted(hints)}
    task = known.get("task") or infer_task(sketch, found)
    complexity = hinted_complexity(known) or infer_complexity(sketch, found, task.value, tokens.expected)
    return Traits(
        model=sketch.model,
        front=front,
        task=task,
        complexity=complexity.value,
        complexity_source=complexity.source,
        band=complexity.band,
        latency=known.get("latency") or (STREAMED if sketch.stream else UNKNOWN),
        cost=known.get("cost", UNKNOWN),
        quality=known.get("quality", UNKNOWN),
        sensitivity=known.get("sensitivity", UNKNOWN),
        language=infer_language(sketch.last_user),
        tokens=tokens.expected,
        tokens_max=tokens.most,
        output_tokens=expect_output(task.value, sketch, _length(found)),
        max_output=sketch.max_output,
        features=sketch.features,
        input=sketch.input,
        output=sketch.output,
        stream=sketch.stream,
        n=sketch.n,
        carries=sketch.carries,
        tags=hints.tags,
        bound=hints.bound,
        headers=hints.headers,
        session=hints.session,
        held=held,
        caller=caller.name if caller else None,
        routes=caller.routes if caller else None,
        direct=caller.direct if caller else True,
        deadline_ms=hints.deadline_ms,
        max_cost=hints.max_cost,
        route=hints.route,
        models=hints.models,
    )


def _needs(found: Found) -> dict[str, Trait]:
    """By trait the value with the strongest case, where that is strong enough."""
    scores = found.scores
    needs: dict[str, Trait] = {}
    best: dict[str, float] = {}
    for key, (trait, value) in NEEDS.items():
        if key in scores and scores[key] >= ENOUGH and scores[key] > best.get(trait, 0.0):
            best[trait] = scores[key]
            needs[trait] = Trait(value, found.sources[key])
    return needs


def _length(found: Found) -> str | None:
    for length, key in LENGTHS:
        if key in found.scores:
            return length
    return None
