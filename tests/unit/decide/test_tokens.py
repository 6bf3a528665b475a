"""Token counts: near what tokenizers say, and never under what a provider then bills."""

import statistics

import pytest

from tests.support.labelled import sketch_of
from tests.support.yardstick import CORPUS, Counted, counted
from turnout.decide.tokens import ANSWER, estimate, expect_output

WRAPPING = 8  # expected tokens of a request and its one turn

# Text, and what four vocabularies (two of OpenAI's, an older one each of Anthropic's and Mistral's) make of it.
TOKENIZED = {
    "English": ("The committee met on Tuesday to discuss the delayed harbour extension and asked the clerk for figures.", (18, 18, 18, 20)),
    "German": ("Der Ausschuss tagte am Dienstag, um über die verzögerte Hafenerweiterung zu sprechen, und vertagte die Abstimmung.", (28, 36, 38, 40)),
    "Chinese": ("委员会在星期二开会讨论了港口扩建延期的问题并要求提供有关补助金条件的数据。", (24, 41, 37, 39)),
    "Japanese": ("委員会は火曜日に会合を開き、港の拡張工事の遅れについて話し合い、次回に採決することにした。", (40, 52, 53, 54)),
    "Korean": ("위원회는 화요일에 모여 항만 확장 공사의 지연에 대해 논의하고 다음 회의에서 표결하기로 했다.", (31, 47, 53, 55)),
    "Russian": ("Комитет собрался во вторник, чтобы обсудить задержку расширения порта, и перенёс голосование.", (26, 41, 47, 38)),
    "Arabic": ("اجتمعت اللجنة يوم الثلاثاء لمناقشة تأخر توسيع الميناء وأجلت التصويت إلى الاجتماع القادم.", (26, 64, 81, 77)),
    "Hindi": ("समिति ने मंगलवार को बंदरगाह के विस्तार में देरी पर चर्चा की और मतदान टाल दिया।", (23, 77, 83, 81)),
    "Python": (
        "def ship(order: Order) -> Parcel | None:\n    if order.paid and order.items:\n        return dispatch(order.address, weight=sum(i.grams for i in order.items))\n    return None\n",
        (41, 41, 49, 53),
    ),
    "JSON": (
        '{"id":4711,"lines":[{"sku":"A-1002","qty":3,"price":12.5},{"sku":"B-77","qty":12,"price":0.99}],"paid":true,"at":"2026-03-01T10:00:01Z"}',
        (63, 62, 61, 84),
    ),
    "base64": (
        "eC7speei9gxP9UcOW9xfElwL9E1AACbBra1Y6RQ0oaRIcQIvVbZtOnhONC5juWSccmHyFruX4M0p7T5XT3t8rHVvrIZU5uBZ1j1HVUSHlJW9NiZSlaqWYMkGqpUJ",
        (85, 94, 89, 101),
    ),
    "digits": ("3.14159 26535 89793 23846 26433 83279 50288 41971 69399 37510 58209 74944 59230 78164 06286 20899", (49, 49, 38, 98)),
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENIZED)
def test_text_counts_near_what_tokenizers_say(name: str) -> None:
    """Within 40 % of the range that vocabularies of different ages span, and no more than four times its top at most."""
    text, counts = TOKENIZED[name]
    count = estimate(sketch_of(text * 20))

    assert 0.6 * min(counts) * 20 <= count.expected - WRAPPING <= 1.4 * max(counts) * 20
    assert max(counts) * 20 <= count.most <= 4 * max(counts) * 20 + 500


def test_what_wraps_the_text_counts_too() -> None:
    """Turns, tools, images, audio and documents each add to both figures."""
    plain = estimate(sketch_of("hello"))
    more = [
        estimate(sketch_of("hello", turns=9)),
        estimate(sketch_of("hello", tools=1, tool_bytes=900)),
        estimate(sketch_of("hello", images=1)),
        estimate(sketch_of("hello", audio_bytes=90_000)),
        estimate(sketch_of("hello", unsized_documents=1)),
        estimate(sketch_of("hello", document_bytes=90_000)),
    ]

    assert all(count.expected > plain.expected and count.most > plain.most for count in more)


def test_what_nobody_reads_bears_on_limits_alone() -> None:
    """A provider may read it to its model or not: a price is no place for the worst case."""
    plain, more = estimate(sketch_of("hello")), estimate(sketch_of("hello", unread_bytes=3_000))

    assert more.expected == plain.expected
    assert more.most >= plain.most + 1_000


def test_documents_of_unknown_size_count_each() -> None:
    """Also beside one whose size is known."""
    one, two = (estimate(sketch_of("hello", unsized_documents=count)) for count in (1, 2))
    beside = estimate(sketch_of("hello", unsized_documents=1, document_bytes=9_000))

    assert one.most < two.most
    assert one.most < beside.most


def test_a_lone_surrogate_is_text_too() -> None:
    """No body can spell one, a str of Python's can: it is counted as a character, not an error."""
    assert estimate(sketch_of("\ud800")).expected > 0


@pytest.fixture(scope="module")
def recorded() -> list[Counted]:
    if not CORPUS.is_dir():
        pytest.skip("../shared/corpus is not here")
    return [row for row in counted() if row.kind not in {"server_side", "media"}]


def test_the_bound_holds_for_every_recorded_request(recorded: list[Counted]) -> None:
    """No provider counted more than the bound; except where it reads on its own side or the media's size is not in the request."""
    over = [row.id for row in recorded if estimate(row.sketch).most < row.input]

    assert over == []
    assert len(recorded) >= 300


@pytest.mark.parametrize(("kind", "median"), [("prose", 0.2), ("tools", 0.35)])
def test_estimates_are_near_what_was_counted(kind: str, median: float, recorded: list[Counted]) -> None:
    """Median error by kind; the requests are tiny, so chat templates and hidden prompts are most of it."""
    errors = [abs(estimate(row.sketch).expected - row.input) / row.input for row in recorded if row.kind == kind]

    assert statistics.median(errors) <= median


def test_the_expected_answer_follows_task_and_wish() -> None:
    """Code is longer than a label, brief is shorter than detailed, a translation mirrors its source, the caller's limit holds."""
    sketch = sketch_of("x")

    assert expect_output("code_generation", sketch, None) > expect_output("classification", sketch, None)
    assert expect_output("qa", sketch, "one") < expect_output("qa", sketch, "brief") < expect_output("qa", sketch, "detailed")
    assert expect_output("translation", sketch_of("word " * 1000), None) > 500
    assert expect_output("analysis", sketch_of("x", max_output=10), None) == 10
    assert expect_output(None, sketch, None) > max(ANSWER["qa"], ANSWER["conversation"])
