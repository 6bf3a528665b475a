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
    # By position, in the struct's own order: names would cost a microsecond and a half.
    return Traits(
        sketch.model, front,
        task, complexity.value, complexity.source, complexity.band,
        known.get("latency") or (STREAMED if sketch.stream else UNKNOWN),
        known.get("cost", UNKNOWN),
        known.get("quality", UNKNOWN),
        known.get("sensitivity", UNKNOWN),
        infer_language(sketch.last_user),
        tokens.expected, tokens.most, expect_output(task.value, sketch, _length(found)), sketch.max_output,
        sketch.features, sketch.input, sketch.output, sketch.stream, sketch.n, sketch.carries,
        hints.tags, hints.bound, hints.headers, hints.session,
        held,
        caller.name if caller else None, caller.routes if caller else None, caller.direct if caller else True,
        hints.deadline_ms, hints.max_cost, hints.route, hints.models,
    )  # fmt: skip


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
