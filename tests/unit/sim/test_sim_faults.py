import msgspec
import pytest

from turnout.sim.faults import Fault, Rule, Script, parse_header, parse_rules


def chosen(script: Script, model: str = "a/x", serial: int = 1, now: float = 0.0) -> str | None:
    fault = script.choose(model, serial, now)
    return fault.kind if fault else None


def test_a_rule_strikes_only_its_models() -> None:
    """The pattern is matched with the full name; the first rule that strikes wins."""
    script = Script((Rule(Fault("reset"), "a/*"), Rule(Fault("cut"))))

    assert chosen(script, "a/x") == "reset"
    assert chosen(script, "b/x") == "cut"


def test_a_schedule_counts_from_when_the_script_was_set() -> None:
    """Since is inside, until is outside."""
    script = Script((Rule(Fault("cut"), since=10, until=20),), now=100)

    assert [chosen(script, now=now) for now in (105, 110, 119.9, 120)] == [None, "cut", "cut", None]


def test_a_count_runs_out() -> None:
    """A rule with a count strikes that often and no more."""
    script = Script((Rule(Fault("cut"), count=2),))

    assert [chosen(script) for _ in range(4)] == ["cut", "cut", None, None]


def test_probability_is_decided_by_hash() -> None:
    """About the stated share of requests is struck, the same ones each time."""
    rule = Rule(Fault("cut"), probability=0.3)

    first = [chosen(Script((rule,), seed=5), serial=i) for i in range(4000)]

    assert first == [chosen(Script((rule,), seed=5), serial=i) for i in range(4000)]
    assert first.count("cut") / 4000 == pytest.approx(0.3, abs=0.03)


def test_header_form() -> None:
    """The header names a kind and options."""
    assert parse_header("stall;after=2;seconds=0.5") == Fault("stall", after=2, seconds=0.5)
    assert parse_header("reset; after=none") == Fault("reset", after=None)
    assert parse_header("rate_limited;retry_after=3") == Fault("rate_limited", retry_after=3)


@pytest.mark.parametrize("value", ["", "explode", "stall;after=x", "stall;colour=red"])
def test_a_header_that_means_nothing_is_refused(value: str) -> None:
    """A typo in a test must not pass as no fault."""
    with pytest.raises(msgspec.ValidationError):
        parse_header(value)


def test_rules_are_json() -> None:
    """A file or a POST holds a list of rules; unknown fields are errors."""
    assert parse_rules('[{"fault": {"kind": "overloaded"}, "model": "a/*", "until": 3}]') == (
        Rule(Fault("overloaded"), "a/*", until=3),
    )
    with pytest.raises(msgspec.ValidationError, match="unknown field `modle`"):
        parse_rules('[{"fault": {"kind": "cut"}, "modle": "a"}]')
