"""Classify: what a request is and needs, from its text, its structure and its caller's hints. Pure, by rules (PRODUCT C1 to C6).

words.py     the vocabulary, as data
scan.py      one pass that finds it
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
    trait: tuple((value, f"{trait}={value}") for value in values)
    for trait, values in {
        "latency": ("realtime", "standard", "batch"),
        "cost": ("critical", "flexible"),
        "quality": ("critical", "balanced", "acceptable"),
        "sensitivity": ("pii",),
    }.items()
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
    task = hinted(hints, "task") or infer_task(sketch, found)
    complexity = hinted_complexity(hints) or infer_complexity(sketch, found, task.value, tokens.expected)
    latency = hinted(hints, "latency") or _need("latency", found)
    if latency.value is None and sketch.stream:
        latency = STREAMED
    length = next((length for length, key in LENGTHS if key in found.scores), None)
    return Traits(
        model=sketch.model,
        front=front,
        task=task,
        complexity=complexity.value,
        complexity_source=complexity.source,
        band=complexity.band,
        latency=latency,
        cost=hinted(hints, "cost") or _need("cost", found),
        quality=hinted(hints, "quality") or _need("quality", found),
        sensitivity=hinted(hints, "sensitivity") or _need("sensitivity", found),
        language=infer_language(sketch.last_user),
        tokens=tokens.expected,
        tokens_max=tokens.most,
        output_tokens=expect_output(task.value, sketch, length),
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


def _need(trait: str, found: Found) -> Trait:
    """The value with the strongest case, if it is strong enough."""
    best, value, source = 0.0, "", ""
    for candidate, key in NEEDS[trait]:
        score = found.scores.get(key, 0.0)
        if score > best:
            best, value, source = score, candidate, key
    return Trait(value, found.sources[source]) if best >= ENOUGH else UNKNOWN
