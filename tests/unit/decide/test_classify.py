"""What classification claims, from what, and what it leaves unknown."""

import pytest

from tests.support.labelled import sketch_of, traits_of
from turnout.decide.classify import classify
from turnout.decide.classify.complexity import HIGH, MODERATE
from turnout.errors import Code, TurnoutError
from turnout.types.policy import Key
from turnout.types.traits import Hints, Trait

LONG_ASK = (
    "Compare three architectures for a distributed ledger of a bank, evaluate consistency, cost and regulatory risk, "
    "and justify a recommendation step by step. It must survive a region's loss, without manual work, within 30 seconds."
)


def test_a_task_is_named_after_the_words_that_show_it() -> None:
    """The source says which word spoke loudest."""
    traits = traits_of(sketch_of("Please translate this letter into German: we are late."))

    assert traits.task == Trait("translation", "words:translat")


def test_structure_shows_a_task_without_any_word() -> None:
    """A stack trace is code whatever surrounds it."""
    traits = traits_of(sketch_of("Traceback (most recent call last):\n  File x\nKeyError: 'a'"))

    assert traits.task == Trait("code_generation", "structure:stack_trace")


def test_a_system_prompt_gives_a_short_message_its_task() -> None:
    """What an application does is in its system prompt."""
    traits = traits_of(sketch_of("it is still broken", system="You are a customer support agent of a shop."))

    assert traits.task.value == "customer_support"


def test_tools_make_a_request_an_agents() -> None:
    """An order given where tools are offered is agentic, and says so."""
    traits = traits_of(sketch_of("Now set the cell to 43.", tools=2))

    assert traits.task == Trait("agentic", "tools")


@pytest.mark.parametrize("text", ["", "ok", "???", "continue", "继续", "the second one"])
def test_what_says_nothing_stays_unknown(text: str) -> None:
    """Unknown is its own value: no task, no complexity, no band."""
    traits = traits_of(sketch_of(text))

    assert traits.task == Trait(None, "none")
    assert (traits.complexity, traits.band, traits.complexity_source) == (None, None, "none")


def test_an_unknown_task_is_never_simple() -> None:
    """Text without a task it shows is at least moderate."""
    traits = traits_of(sketch_of("Lorem ipsum dolor sit amet consectetur adipiscing elit sed eiusmod tempor incididunt labore"))

    assert traits.task.value is None
    assert traits.complexity is not None
    assert traits.complexity >= MODERATE


def test_complexity_orders_the_easy_before_the_hard() -> None:
    """A greeting, a question and a demanding comparison fall into three places."""
    easy = traits_of(sketch_of("Hello!")).complexity
    middle = traits_of(sketch_of("How does TLS resumption work, and why is it risky?")).complexity
    hard = traits_of(sketch_of(LONG_ASK)).complexity

    assert easy is not None
    assert middle is not None
    assert hard is not None
    assert easy < middle < hard
    assert hard >= HIGH


@pytest.mark.parametrize(
    ("text", "trait", "expected"),
    [
        ("Nightly bulk job: label this row", "latency", "batch"),
        ("I need it in real time please: what is the score?", "latency", "realtime"),
        ("as cheap as possible: a slogan for socks", "cost", "critical"),
        ("money is no object: a slogan for socks", "cost", "flexible"),
        ("There is zero tolerance for mistakes here: add up the invoice", "quality", "critical"),
        ("quick and dirty is enough: a slogan for socks", "quality", "acceptable"),
        ("My social security number is in the letter below", "sensitivity", "pii"),
    ],
)
def test_needs_are_read_from_plain_words(text: str, trait: str, expected: str) -> None:
    """Latency, cost, quality and sensitivity are claimed when said."""
    found = getattr(traits_of(sketch_of(text)), trait)

    assert found.value == expected
    assert found.source.startswith("words:")


def test_needs_nobody_stated_stay_unknown() -> None:
    """No need is made up for a plain question."""
    traits = traits_of(sketch_of("What is the capital of France?"))

    assert {traits.latency.value, traits.cost.value, traits.quality.value, traits.sensitivity.value} == {None}


def test_words_count_only_whole() -> None:
    """``hi`` is not found in ``this``, nor ``prose`` in ``prosecutor``; a stem may go on."""
    assert traits_of(sketch_of("this")).task.value is None
    assert traits_of(sketch_of("summarising notes")).task.value == "summarization"


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("\u201ctranslate\u201d\u2014this", "translation"),
        ("\u00bfc\u00f3mo?", "qa"),
        ("\u8bf7tldr\u8c22", None),
        ("caf\u00e9tldr", None),
        ("tl;dr", "summarization"),
        ("tl dr", None),
        ("tl-dr", None),
    ],
)
def test_what_is_no_letter_of_any_script_ends_a_word(text: str, task: str | None) -> None:
    """Typographic quotes and dashes do, letters beyond ASCII do not; and a phrase's own punctuation is part of it."""
    assert traits_of(sketch_of(text)).task.value == task


@pytest.mark.parametrize(
    ("text", "task"), [("17 + 4", "math"), ("\u0661\u0667 + \u0664", "math"), ("a + b", None), ("** 4", None)]
)
def test_an_operator_is_arithmetic_between_digits(text: str, task: str | None) -> None:
    """Of any script; elsewhere it is emphasis, a list or algebra."""
    assert traits_of(sketch_of(text)).task.value == task


def test_the_first_of_two_equal_words_is_the_source() -> None:
    """Also where one of them is a word and the other a fragment of structure."""
    assert traits_of(sketch_of("npm: const x; python")).task.source == "words:npm"
    assert traits_of(sketch_of("const x; python")).task.source == "structure:code"


def test_a_streamed_answer_has_a_reader() -> None:
    """A stream suggests standard latency where nothing else was said."""
    assert traits_of(sketch_of("Hello!", stream=True)).latency == Trait("standard", "stream")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the time in Oslo?", "en"),
        ("Wie spät ist es in der Stadt und was kostet das?", "de"),
        ("Quelle heure est-il dans la ville ?", "fr"),
        ("¿Qué hora es en la ciudad y cuál es el precio?", "es"),
        ("Che ora è nella città? Vorrei sapere il prezzo", "it"),
        ("Não sei que horas são, você tem uma ideia?", "pt"),
        ("Который час?", "ru"),
        ("现在几点了", "zh"),
        ("今は何時ですか", "ja"),
        ("지금 몇 시예요?", "ko"),
        ("كم الساعة الآن؟", "ar"),
        ("xyzzy", None),
    ],
)
def test_language_is_told_by_script_or_common_words(text: str, language: str | None) -> None:
    """One code, or unknown."""
    assert traits_of(sketch_of(text)).language.value == language


def test_hints_win_over_inference() -> None:
    """Every trait a tag names is what the tag says, and its source is ``tag``."""
    traits = traits_of(
        sketch_of("Translate to French: hello"),
        task="poetry_review", complexity="high", latency="batch", cost="flexible", quality="balanced", sensitivity="internal",
    )  # fmt: skip

    assert traits.task == Trait("poetry_review", "tag")
    assert (traits.band, traits.complexity_source) == ("high", "tag")
    assert traits.latency == Trait("batch", "tag")
    assert traits.cost == Trait("flexible", "tag")
    assert traits.quality == Trait("balanced", "tag")
    assert traits.sensitivity == Trait("internal", "tag")


def test_a_tag_bound_to_the_key_is_named_so() -> None:
    """The record tells the owner's word from the client's."""
    hints = Hints(tags={"quality": "critical", "task": "qa"}, bound=frozenset({"quality"}))
    key = Key("web", "hash", routes=frozenset({"a"}), direct=False)

    traits = classify(sketch_of("hi"), hints, front="openai-chat", caller=key, held="a/b")

    assert traits.quality == Trait("critical", "tag:key")
    assert traits.task == Trait("qa", "tag")
    assert (traits.caller, traits.routes, traits.direct, traits.held) == ("web", frozenset({"a"}), False, "a/b")


def test_complexity_may_be_hinted_as_a_number() -> None:
    """The number is kept and its band follows."""
    traits = traits_of(sketch_of("hi"), complexity="0.4")

    assert (traits.complexity, traits.band) == (0.4, "moderate")


@pytest.mark.parametrize(
    ("tag", "word", "allowed"),
    [
        ("quality", "superb", "acceptable, balanced, critical"),
        ("latency", "", "realtime, standard, batch"),
        ("cost", "low", "critical, standard, flexible"),
        ("complexity", "1.5", "simple, moderate, high or a number from 0 to 1"),
        ("complexity", "nan", "simple, moderate, high or a number from 0 to 1"),
        ("task", "x" * 65, "a word of 1 to 64 characters"),
    ],
)
def test_a_wrong_hint_is_refused_with_what_it_may_be(tag: str, word: str, allowed: str) -> None:
    """A hint is believed, so a wrong one is the caller's error and not ignored."""
    with pytest.raises(TurnoutError) as caught:
        traits_of(sketch_of("hi"), **{tag: word})

    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.param == tag
    assert allowed in caught.value.message
