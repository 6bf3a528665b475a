import asyncio
from collections import Counter
from itertools import islice

import pytest

from turnout.sim import cases
from turnout.sim.traffic import SHARES, Answer, Errand, Tally, drive, errands, flaw

WELL = Answer("Paris.", [], "stop", 10, 2)


def test_the_mix_is_seeded_and_has_its_shares() -> None:
    """The same seed makes the same traffic; each task comes as often as stated, in all shapes and through both SDKs."""
    mix = list(islice(errands(3), 4000))

    assert mix == list(islice(errands(3), 4000))
    tasks = Counter(errand.case.task for errand in mix if errand.case)
    assert tasks["customer_support"] / 4000 == pytest.approx(SHARES["customer_support"] / sum(SHARES.values()), abs=0.03)
    assert {errand.shape for errand in mix} == {"plain", "tools", "image", "schema"}
    assert {(errand.sdk, errand.stream) for errand in mix} == {(sdk, s) for sdk in ("openai", "anthropic") for s in (True, False)}
    assert any("requires_audit=true" in errand.tags for errand in mix)
    assert max(len(errand.prompt) for errand in mix) > 30_000


@pytest.mark.parametrize(
    ("errand", "answer", "found"),
    [
        (Errand("q", "openai", False), WELL, None),
        (Errand("q", "openai", False), Answer("", [], "stop", 10, 2), "empty"),
        (Errand("q", "openai", False), Answer("Paris.", [], None, 10, 2), "no finish reason"),
        (Errand("q", "openai", False), Answer("Paris.", [], "stop", 10, 0), "no usage"),
        (Errand("q", "openai", False, "tools"), WELL, "no tool call"),
        (Errand("q", "openai", False, "tools"), Answer("", ['{"city": "Rome"}'], "tool_calls", 9, 9), None),
        (Errand("q", "openai", False, "tools"), Answer("", ["{"], "tool_calls", 9, 9), "tool arguments"),
        (Errand("q", "openai", False, "schema"), WELL, "not the schema's JSON"),
    ],
)
def test_each_answer_is_looked_at(errand: Errand, answer: Answer, found: str | None) -> None:
    """An answer that is not what was asked for is not counted as one."""
    assert flaw(errand, answer) == found


async def test_outcomes_are_counted() -> None:
    """Good, wrong, malformed and failed answers each in their own place; the load never exceeds its bound."""
    case = cases.case("qa", 0)
    stop = asyncio.Event()
    answers = iter([Answer(case.right, [], "stop", 1, 1), Answer(case.wrong, [], "stop", 1, 1), Answer("", [], "stop", 1, 1)])

    async def ask(errand: Errand) -> Answer:
        try:
            return next(answers)
        except StopIteration:
            stop.set()
            raise ConnectionError from None

    tally = Tally()
    await drive({"openai": ask}, iter([Errand("q", "openai", False, case=case)] * 9), tally, rate=1000, until=stop)

    assert (tally.sent, tally.ok, tally.graded, tally.right) == (4, 2, 2, 1)
    assert tally.errors == {"ConnectionError": 1}
    assert tally.malformed == {"empty": 1}


async def test_a_full_house_skips() -> None:
    """Open loop, but bounded: what would be too many at once is skipped and counted."""
    stop = asyncio.Event()
    tally = Tally()

    async def wait(errand: Errand) -> Answer:
        await stop.wait()
        return WELL

    asyncio.get_running_loop().call_later(0.05, stop.set)
    async with asyncio.timeout(5):
        await drive({"openai": wait, "anthropic": wait}, errands(1), tally, rate=2000, until=stop, at_most=2)

    assert tally.sent == 2
    assert tally.skipped > 3
