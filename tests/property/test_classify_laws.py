"""Laws of classification and counting: total, deterministic, hints always win, more text is never fewer tokens."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.labelled import sketch_of, traits_of
from turnout.decide.classify.hints import ALLOWED
from turnout.decide.tokens import estimate

anything = st.text() | st.text(alphabet='aA0 \n{"`+é我я😀_?', max_size=4000) | st.binary().map(lambda raw: raw.decode("latin-1"))
surrogates = st.text(st.characters(min_codepoint=0xD700, max_codepoint=0xE100))


@given(user=anything | surrogates, system=anything, tools=st.integers(0, 300), stream=st.booleans())
def test_any_text_is_classified_the_same_way_twice(user: str, system: str, tools: int, *, stream: bool) -> None:
    """Nothing raises, nothing depends on anything but the request, and what is unknown is unknown together."""
    sketch = sketch_of(user, system=system, tools=tools, stream=stream)
    traits = traits_of(sketch)

    assert traits == traits_of(sketch)
    assert (traits.complexity is None) == (traits.band is None)
    assert traits.complexity is None or 0 <= traits.complexity <= 1
    assert 0 < traits.tokens <= traits.tokens_max
    assert traits.output_tokens > 0


@given(
    anything,
    st.fixed_dictionaries({name: st.sampled_from(words) for name, words in ALLOWED.items()}),
    st.sampled_from(["simple", "high"]),
)
def test_hints_always_win(user: str, tags: dict[str, str], band: str) -> None:
    """Whatever the text says, the caller's word stands."""
    traits = traits_of(sketch_of(user), task="mine", complexity=band, **tags)

    assert traits.task.value == "mine"
    assert traits.band == band
    assert {name: getattr(traits, name).value for name in tags} == tags


@given(anything, anything)
def test_more_text_is_never_fewer_tokens(text: str, more: str) -> None:
    """Neither when a turn grows nor when one is added."""
    before = estimate(sketch_of(text))
    longer = estimate(sketch_of(text + more))
    added = estimate(sketch_of(text, texts=(text, more)))

    for count in (longer, added):
        assert count.expected >= before.expected
        assert count.most >= before.most
