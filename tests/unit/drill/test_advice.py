"""Each weakness of a chain that a drill can show is named, and a chain without one is left in peace."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from tests.unit.drill.drilling import DRILL, OTHER, POLICY, T0, TARGET, aim, changed, one, outage, quality
from turnout.drill.advice import Advice, advise
from turnout.drill.measure import measure
from turnout.drill.words import setting
from turnout.types.policy import Credential, Fallback, Policy, Timeouts
from turnout.types.record import Record


def policy(**changes: Any) -> Policy:
    """Both routes changed alike."""
    routes = tuple(msgspec.structs.replace(route, **changes) for route in POLICY.routes)
    return msgspec.structs.replace(POLICY, routes=routes)


def titles(records: Iterable[Record], of: Policy = POLICY, **changes: Any) -> list[str]:
    return [advice.title for advice in advised(records, of, **changes)]


def advised(records: Iterable[Record], of: Policy = POLICY, **changes: Any) -> tuple[Advice, ...]:
    return advise(measure(records, changed(**changes), aim, quality), of)


def lost(**more: Any) -> list[Record]:
    """Before: answered. During: nobody answers."""
    return [
        one(n, T0 + n / 5, (TARGET, None, 300.0) if T0 + n / 5 < DRILL.since else (TARGET, "unavailable", 2.0), **more)
        for n in range(200)
    ]


def test_nothing_to_say() -> None:
    """A chain that did its work gets a note on its price at most."""
    assert {advice.weight for advice in advised(outage())} == {"note"}


def test_no_other_provider() -> None:
    """A chain of one provider alone cannot survive it."""
    assert "No fallback on another provider" in titles(lost(), policy(fallback=(Fallback("openai/gpt-mini"),)))


def test_every_model_is_a_chain_of_many() -> None:
    """A route that names no models may use those of every provider."""
    assert "No fallback on another provider" not in titles(lost(), policy(models=(), fallback=()))


def test_chain_ends_there() -> None:
    """The last resort must not be part of what failed."""
    chain = (Fallback(OTHER), Fallback("openai/gpt-mini"))

    assert "The chain ends where it began" in titles(outage(), policy(fallback=chain))


def test_a_chain_that_begins_elsewhere() -> None:
    """A last resort that fails is no weakness of a route whose first choice does not."""
    assert "The chain ends where it began" not in titles(outage(), policy(models=(OTHER,), fallback=(Fallback(TARGET),)))


@pytest.mark.parametrize(("ms", "said"), [(1.0, "50ms"), (380.0, "400ms"), (974.0, "950ms"), (980.0, "1s"), (2600.0, "3s")])
def test_settings_are_round(ms: float, said: str) -> None:
    """What is proposed can be written into the policy as it stands."""
    assert setting(ms) == said


@pytest.mark.parametrize(("kind", "on"), [("outage", "rate_limited"), ("rate_limiting", "unavailable")])
def test_condition_missing(kind: str, on: str) -> None:
    """A fallback that is meant for another failure does not help."""
    found = advised(lost(), policy(fallback=(Fallback(OTHER, frozenset({on})),)), kind=kind)

    assert found[0].title == "The fallback is not meant for this"
    assert found[0].weight == "must"


def test_capability_hole() -> None:
    """Where a fallback stood in the chain and requests were lost all the same, it could not take them."""
    assert "Some requests have no stand-in" in titles(lost())


def test_out_of_attempts() -> None:
    """A chain longer than its attempts is never walked to its end."""
    tries = [(TARGET, "unavailable", 1.0), (TARGET, "unavailable", 1.0)]
    records = [one(n, DRILL.since + n / 10, *tries) for n in range(100)]

    found = titles(records, policy(attempts=2))
    assert "Out of attempts before the chain's end" in found
    assert "Some requests have no stand-in" not in found


def test_more_attempts_do_not_help_a_chain_of_one_provider() -> None:
    """They would fail like those before them."""
    records = [one(n, DRILL.since + n / 10, (TARGET, "unavailable", 1.0)) for n in range(100)]

    found = titles(records, policy(attempts=1, fallback=()))
    assert "No fallback on another provider" in found
    assert "Out of attempts before the chain's end" not in found


def test_long_wait() -> None:
    """Waiting for silence far longer than answers usually take is named, with a better figure."""
    records = list(outage(until_left=0)) + [
        one(1000 + n, DRILL.since + n / 10, (TARGET, "timeout", 30000.0), (OTHER, None, 300.0)) for n in range(20)
    ]

    found = [
        advice for advice in advised(records, policy(timeouts=Timeouts())) if advice.title == "A long wait before the switch"
    ]
    assert found
    assert "first_token: 1s" in found[0].text
    assert "A long wait before the switch" not in titles(records, policy(timeouts=Timeouts(first_token=1.0)))


def test_full_fallback() -> None:
    """A stand-in that runs into its own rate limit is named."""
    records = [*outage(), one(900, DRILL.since + 3, (TARGET, "unavailable", 1.0), (OTHER, "rate_limited", 1.0))]

    assert f"{OTHER} has too little room" in titles(records)


def test_never_left() -> None:
    """A provider that was tried to the end is named, and what that costs in calls."""
    assert {"openai was tried to the end", "2.0 calls per request"} <= set(titles(outage(until_left=30)))


def test_worse() -> None:
    """A weaker stand-in is named by how much."""
    found = advise(measure(outage(), DRILL, aim, lambda model, _: 9.0 if aim(model) else 7.0), POLICY)  # fmt: skip

    assert "The fallback is weaker by 2.0 points" in [advice.title for advice in found]


def test_slow_provider_kept() -> None:
    """A provider that is only slow is left for a preference alone."""
    records = [
        one(n, T0 + n / 10, (TARGET, None, 300.0 if T0 + n / 10 < DRILL.since or T0 + n / 10 >= DRILL.ends else 3000.0))
        for n in range(600)
    ]

    assert "A slow provider was kept" in titles(records, kind="degradation")


def test_worthless_answers() -> None:
    """Only a check of the content finds a worthless answer."""
    records = [one(n, DRILL.since + n / 10, (TARGET, None, 300.0)) for n in range(50)]

    assert "Useless answers reached the client" in titles(records, kind="bad_content")


def test_slow_return() -> None:
    """A provider that is well again should be used again."""
    records = list(outage(back_after=6))

    assert not any("was back in use" in title for title in titles(records))
    late = [msgspec.structs.replace(record, at=record.at + 40) if record.at >= DRILL.ends + 6 else record for record in records]
    assert any("was back in use only after" in title for title in titles(late))


def test_proved_nothing() -> None:
    """A drill that nothing met says so first."""
    found = advised(one(n, T0 + n / 10, (OTHER, None, 100.0)) for n in range(600))

    assert found[0].title == "The drill proved nothing"


def test_one_key() -> None:
    """A provider on one key is named when credentials are drilled."""
    keyed = tuple(msgspec.structs.replace(each, keys=(Credential("env:A"),)) for each in POLICY.providers)

    assert "openai hangs on one key" in titles(outage(), msgspec.structs.replace(POLICY, providers=keyed), kind="bad_credentials")
