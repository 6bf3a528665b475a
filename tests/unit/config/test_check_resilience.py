"""Health, limits, cascades, hedges, caches and chain ends in a policy: what is wrong is said with its place and what to do."""

import sys

import pytest

from turnout.types.checks import Hook, JsonSchema, JsonValid, Length, NotRefusal, PythonCompiles, Regex
from turnout.types.policy import CacheEnd, Hedge, QueueEnd

from .policies import checked, problems, warnings

BASE = "providers: {openai: {}, anthropic: {}}\n"


def of(route: str) -> str:
    return f"{BASE}routes:\n  r: {route}\n"


def one(route: str) -> str:
    (problem,) = problems(of(route))
    return problem


def a_warning(route: str) -> str:
    assert problems(of(route)) == []
    (warning,) = warnings(of(route))
    return warning


def arm(check: str, more: str = "") -> str:
    return f"{{static: openai/large, cascade: [{{model: openai/small, check: {check}{more}}}]}}"


@pytest.mark.parametrize(
    ("check", "rules"),
    [
        ("[json_valid]", (JsonValid(),)),
        ("[json_schema: true]", (JsonSchema(),)),
        ("[json_schema: {type: object}]", (JsonSchema('{"type": "object"}'),)),
        ("[python_compiles, refusal]", (PythonCompiles(), NotRefusal())),
        ("[{regex: 'a+', not_regex: b}]", None),
        ("[{regex: 'a+'}, {not_regex: b}]", (Regex("a+"), Regex("b", found=False))),
        ("[length: {least: 1, most: 9}]", (Length(1, 9),)),
        ("['hook']", None),
        ("[hook: 'os.path:exists']", (Hook("os.path:exists"),)),
    ],
)
def test_checks_as_written_and_as_kept(check: str, rules: tuple[object, ...] | None) -> None:
    """Each rule is an entry of its own."""
    result = checked(of(arm(check)))
    if rules is None:
        assert result.problems
    else:
        assert not result.problems
        (kept,) = result.policy.routes[0].cascade
        assert kept.checks == rules


@pytest.mark.parametrize(
    ("route", "place", "what"),
    [
        (arm("[{regex: '('}]"), "routes.r.cascade[0].check[0].regex", "not a regular expression"),
        (arm("[{json_schema: {type: 7}}]"), "routes.r.cascade[0].check[0].json_schema", ""),
        (arm("[{hook: 'nowhere.at_all:it'}]"), "routes.r.cascade[0].check[0].hook", ""),
        (arm("[{length: {}}]"), "routes.r.cascade[0].check[0].length", "needs `least` or `most`"),
        (arm("[{length: {least: 9, most: 1}}]"), "routes.r.cascade[0].check[0].length", "not above"),
        (arm("[{regex: a, length: {least: 1}}]"), "routes.r.cascade[0].check[0]", "exactly one rule"),
        (arm("[]"), "routes.r.cascade[0].check", ""),
        ("{static: openai/large, cascade: [{model: openai/small}]}", "routes.r.cascade[0].check", ""),
        (
            "{static: openai/large, cascade: [{model: openai/smal, check: [refusal]}]}",
            "routes.r.cascade[0].model",
            'did you mean "openai/small"',
        ),
        (
            "{static: openai/large, cascade: [{model: nobody/small, check: [refusal]}]}",
            "routes.r.cascade[0].model",
            'no provider "nobody"',
        ),
        (
            "{static: openai/large, cascade: [{model: openai/large, check: [refusal]}]}",
            "routes.r.cascade[0].model",
            "begins with anyway",
        ),
        (
            arm("[refusal]", ", when: {headers: {authorization: x}}"),
            "routes.r.cascade[0].when.headers.authorization",
            "holds a credential",
        ),
        ("{static: openai/large, hedge: {budget: 0}}", "routes.r.hedge.budget", ""),
        ("{static: openai/large, hedge: {budget: 0.3}}", "routes.r.hedge.budget", ""),
        ("{static: openai/large, hedge: {after: soon}}", "routes.r.hedge.after", ""),
        ("{static: openai/large, priority: urgent}", "routes.r.priority", ""),
        ("{static: openai/large, cache: {match: alike}}", "routes.r.cache.match", ""),
        ("{static: openai/large, cache: {match: similar, threshold: 2}}", "routes.r.cache.threshold", ""),
        (
            "{static: openai/large, fallback: [{queue: human, wait: 10s}, {queue: review}]}",
            "routes.r.fallback[1]",
            "never reached",
        ),
        ("{static: openai/large, fallback: [{queue: review, wait: 10s}]}", "routes.r.fallback[0].wait", "remove it"),
        ("{static: openai/large, fallback: [{model: openai/small, queue: review}]}", "routes.r.fallback[0]", "exactly one"),
        ("{static: openai/large, fallback: [{cache: fresh}]}", "routes.r.fallback[0].cache", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_place(route: str, place: str, what: str) -> None:
    """One problem, where it is, in words; nothing follows from it."""
    said = one(route)
    assert f" {place}: " in said
    assert what in said


@pytest.mark.parametrize(
    ("route", "place", "what"),
    [
        (
            "{approved: [openai/large], cascade: [{model: openai/small, check: [refusal]}]}",
            "routes.r.cascade[0].model",
            "not on the approved list",
        ),
        (
            "{static: openai/large, needs: {features: json_schema}, cascade: [{model: openai/unsure, check: [refusal]}]}",
            "routes.r.cascade[0].model",
            "json_schema unknown",
        ),
        (
            "{static: openai/large, cascade: [{model: openai/small, check: [refusal]}, {model: openai/small, check: [json_valid]}]}",
            "routes.r.cascade[1].model",
            "an arm already",
        ),
        (
            "{static: openai/large, fallback: [{queue: review, on: [unavailable]}, openai/small]}",
            "routes.r.fallback[0]",
            "models are tried before it",
        ),
        (
            "{static: openai/large, fallback: [{cache: stale}, {cache: stale}], cache: {ttl: 1h}}",
            "routes.r.fallback[1]",
            "named twice",
        ),
        ("{static: openai/large, fallback: [openai/small], hedge: {after: 1s}}", "routes.r.hedge", "are one provider's"),
    ],
)
def test_what_will_have_no_effect_is_a_warning(route: str, place: str, what: str) -> None:
    """Served all the same."""
    said = a_warning(route)
    assert f" {place}: " in said
    assert what in said


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("health: {eject_at: 1.5}", "health.eject_at"),
        ("health: {degraded_at: -0.1}", "health.degraded_at"),
        ("health: {probes: 0}", "health.probes"),
        ("health: {consecutive: 0}", "health.consecutive"),
        ("health: {ejection: 5 parsecs}", "health.ejection"),
        ("health: {window: 0s}", "health.window"),
        ("health: {check: paid}", "health.check"),
        ("health: {check_every: 10ms}", "health.check_every"),
        ("health: {chek: none}", "health.chek"),
        ("quota: {wait: -1s}", "quota.wait"),
        ("quota: {line: -1}", "quota.line"),
        ("quota: {retry_share: 2}", "quota.retry_share"),
        ("quota: {concurrency: 0}", "quota.concurrency"),
        ("cache: {store: mysql}", "cache.store"),
        ("cache: {max_bytes: many}", "cache.max_bytes"),
    ],
)
def test_settings_out_of_range(text: str, place: str) -> None:
    """Each with its place, once."""
    (said,) = problems(f"{BASE}{text}\n")
    assert f" {place}: " in said


def test_settings_as_written_and_as_kept() -> None:
    """Seconds, shares, counts; ends apart from the models of the chain."""
    text = (
        f"{BASE}health: {{consecutive: 3, ejection: 2s, longest_ejection: 1m, check: none}}\nquota: {{wait: 500ms, line: 7, shadow: true}}\n"
        "routes:\n  r: {static: openai/large, hedge: {after: 800ms, budget: 0.1}, priority: high, "
        "fallback: [anthropic/clever, {cache: stale}, {queue: human, wait: 20s, on: [unavailable]}]}\n"
    )
    policy = checked(text).policy
    route = policy.routes[0]

    assert problems(text) == []
    assert (policy.health.consecutive, policy.health.ejection, policy.health.longest_ejection, policy.health.check) == (
        3,
        2.0,
        60.0,
        "none",
    )
    assert (policy.quota.wait, policy.quota.line, policy.quota.shadow) == (0.5, 7, True)
    assert route.hedge == Hedge(0.8, 0.1)
    assert route.priority == "high"
    assert [step.model for step in route.fallback] == ["anthropic/clever"]
    assert route.ends == (CacheEnd("stale"), QueueEnd("human", 20.0, frozenset({"unavailable"})))


def test_an_arms_condition_is_looked_at_like_a_routes() -> None:
    """An unknown task is a warning, with its place."""
    said = a_warning(arm("[refusal]", ", when: {task: poetry}"))
    assert "routes.r.cascade[0].when.task" in said


def test_a_check_nobody_knows() -> None:
    """Said where it stands, with the near one where it is a key."""
    assert any("routes.r.cascade[0].check[0]: unknown key" in said for said in problems(of(arm("[jsn_valid]"))))
    assert any('did you mean "json_valid"' in said for said in problems(of(arm("[{jsn_valid: true}]"))))


def test_a_cache_in_redis_needs_its_client_and_an_address(monkeypatch: pytest.MonkeyPatch):
    """Said before a worker would end on it; where nothing is served the client may be missing."""
    text = BASE + "cache: {store: 'redis://localhost:6379/0'}\n"
    monkeypatch.setitem(sys.modules, "redis", None)
    (missing,) = problems(text)
    assert "cache.store: the client for Redis is not installed; pip install 'turnout[redis]'" in missing
    elsewhere = checked(text, secrets_needed=False)
    assert (elsewhere.problems, len(elsewhere.warnings)) == ((), 1)
    monkeypatch.undo()
    (wrong,) = problems(text.replace("6379", "port"))
    assert "cache.store: no address" in wrong
