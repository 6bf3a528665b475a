from hypothesis import given
from hypothesis import strategies as st

from turnout.config.logic import covered, demanded, satisfiable
from turnout.decide.conditions import compiled
from turnout.types.policy import (
    All,
    AnyOf,
    ComplexityIs,
    HasFeatures,
    HasModality,
    HeaderIs,
    Not,
    TagIs,
    TaskIs,
    TokensAre,
)  # fmt: skip
from turnout.types.traits import Trait, Traits

SIMPLE, HIGH = ComplexityIs(frozenset({"simple"})), ComplexityIs(frozenset({"high"}))
MATH, EITHER = TaskIs(frozenset({"math"})), TaskIs(frozenset({"math", "code"}))


def test_contradictions_are_seen():
    """Two bands at once, an empty range, a task that is and is not."""
    assert not satisfiable(All((SIMPLE, HIGH)))
    assert not satisfiable(TokensAre(at_least=10, below=10))
    assert not satisfiable(All((MATH, Not(EITHER))))
    assert not satisfiable(All((TokensAre(below=10), TokensAre(at_least=10))))
    assert not satisfiable(All((HasFeatures(1), Not(HasFeatures(1)))))
    assert not satisfiable(All((TagIs("a", frozenset("x")), TagIs("a", frozenset("y")))))
    assert not satisfiable(Not(All(())))


def test_what_can_hold_is_not_called_a_contradiction():
    """Unknown meets a denial; different tags do not meet each other."""
    assert satisfiable(All((Not(SIMPLE), Not(HIGH))))
    assert satisfiable(Not(AnyOf((SIMPLE, ComplexityIs(frozenset({"moderate"})), HIGH)))), "an unknown complexity"
    assert satisfiable(All((TagIs("a", frozenset("x")), TagIs("b", frozenset("y")))))
    assert satisfiable(All((HasFeatures(2), Not(HasFeatures(3)))))
    assert satisfiable(ComplexityIs(at_least=1.0))


def test_an_earlier_rule_covers_a_narrower_one():
    """Subset of values, more conditions, narrower range."""
    assert covered(MATH, [EITHER])
    assert not covered(EITHER, [MATH])
    assert covered(All((EITHER, SIMPLE)), [EITHER])
    assert covered(TokensAre(at_least=5, below=8), [TokensAre(at_least=5)])
    assert not covered(TokensAre(at_least=4), [TokensAre(at_least=5)])
    assert covered(HasFeatures(3), [HasFeatures(1)])
    assert not covered(HasFeatures(1), [HasFeatures(3)])


def test_several_earlier_rules_cover_together():
    """Neither half covers alone."""
    halves = [TokensAre(below=10), TokensAre(at_least=10)]

    assert covered(MATH, halves)
    assert not covered(MATH, halves[:1])
    assert not covered(MATH, [])


def test_what_every_request_of_a_condition_brings():
    """All adds up, any keeps what is common, not promises nothing."""
    tools, image = HasFeatures(1), HasModality(2)

    assert demanded(All((tools, HasFeatures(8), image))) == (9, 2)
    assert demanded(AnyOf((tools, All((tools, image))))) == (1, 0)
    assert demanded(Not(tools)) == (0, 0)
    assert demanded(None) == (0, 0)


def test_too_many_alternatives_are_a_doubt():
    """Doubt means: it can hold, it is not covered."""
    wide = All(tuple(AnyOf(tuple(TagIs(f"{n}", frozenset({f"{v}"})) for v in range(6))) for n in range(8)))

    assert satisfiable(wide)
    assert not covered(wide, [wide])


words = st.frozensets(st.sampled_from(["a", "b"]), min_size=1)
ratio = st.none() | st.sampled_from([0.0, 0.3, 0.6])
count = st.none() | st.integers(0, 3)
atoms = st.one_of(
    st.builds(TaskIs, words),
    st.builds(TagIs, st.sampled_from(["t", "u"]), words),
    st.builds(HeaderIs, st.just("h"), words),
    st.builds(ComplexityIs, st.frozensets(st.sampled_from(["simple", "high"]), min_size=1)),
    st.builds(ComplexityIs, st.just(frozenset()), ratio, st.sampled_from([0.3, 0.6, 1.0])),
    st.builds(TokensAre, count, count),
    st.builds(HasFeatures, st.integers(1, 3)),
    st.builds(HasModality, st.integers(1, 3)),
)
conditions = st.recursive(
    atoms,
    lambda inner: st.builds(Not, inner) | st.builds(All, st.lists(inner, max_size=3).map(tuple)) | st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
    max_leaves=6,
)  # fmt: skip
maybe = st.sampled_from([None, "a", "b", "c"])


@st.composite
def traits(draw):
    said = {key: value for key in ("t", "u") if (value := draw(maybe)) is not None}
    header = draw(maybe)
    complexity = draw(st.none() | st.sampled_from([0.0, 0.2, 0.3, 0.5, 0.6, 1.0]))
    none = Trait(None, "none")
    return Traits(
        model="auto", front="openai-chat", task=Trait(draw(maybe), "tag"), complexity=complexity, complexity_source="",
        band=None if complexity is None else draw(st.sampled_from(["simple", "moderate", "high"])), latency=none, cost=none, quality=none,
        sensitivity=none, language=none, tokens=draw(st.integers(0, 4)), tokens_max=9, output_tokens=1, max_output=None,
        features=draw(st.integers(0, 3)), input=draw(st.integers(0, 3)), output=1, stream=False, n=1, tags=said,
        headers={} if header is None else {"h": header},
    )  # fmt: skip


@given(conditions, traits())
def test_what_a_request_meets_is_satisfiable(condition, request_traits):
    """Soundness against the router's own reading of conditions: what is called impossible never happens."""
    assert satisfiable(condition) or not compiled(condition)(request_traits)


@given(conditions, st.lists(conditions, max_size=3), traits())
def test_a_covered_rule_never_gets_a_request(condition, earlier, request_traits):
    """What is called dead really is: each of its requests meets an earlier rule."""
    gets_one = compiled(condition)(request_traits) and not any(compiled(other)(request_traits) for other in earlier)

    assert not (gets_one and covered(condition, earlier))


@given(conditions, conditions)
def test_a_narrowed_rule_is_covered_by_the_rule(condition, narrower):
    """Completeness where it matters: adding a condition to an earlier rule makes a dead one."""
    assert covered(All((condition, narrower)), [condition])


@given(conditions, traits())
def test_every_request_brings_what_is_demanded(condition, request_traits):
    """Soundness of the bits a condition promises."""
    features, modalities = demanded(condition)

    if compiled(condition)(request_traits):
        assert request_traits.features & features == features
        assert request_traits.input & modalities == modalities
