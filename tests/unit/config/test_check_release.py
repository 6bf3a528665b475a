"""Releases, suites, alerts, people: what they resolve to, and what is wrong with them."""

from pathlib import Path

import pytest

from tests.unit.config.policies import CATALOG, ENV, TODAY, checked, problems, warnings
from turnout.config.load import inspect_text
from turnout.types.alert import Alerting, Mailing, Webhook
from turnout.types.checks import JsonValid
from turnout.types.policy import Margin, Person
from turnout.types.release import Margins, Spec
from turnout.types.release_rules import Approvals, ReleaseRules, Sampling, SuiteRules
from turnout.types.suite import Contains, Graded, Passes

PROVIDERS = "providers: {openai: {}, anthropic: {}}\n"
ROUTES = "routes: {support: {models: [openai/large, openai/small], content: redacted}, default: {}}\nstore: {content_key: env:MISTRAL_API_KEY}\n"
PLAIN = PROVIDERS + "routes: {support: {models: [openai/large, openai/small], owner: ann}, default: {}}\n"
HASH = f"sha256:{'a' * 64}"


def test_nothing_said_is_every_default() -> None:
    """And nothing is spent unasked."""
    policy = checked(PLAIN).policy

    assert (policy.release, policy.suites, policy.alerts, policy.people) == (ReleaseRules(), (), Alerting(), ())
    assert policy.release.budget == 0


def test_what_is_said_of_releases_is_what_they_go_by() -> None:
    """Times may be short: demos run in accelerated time."""
    policy = checked(
        PLAIN
        + """
release:
  autonomy: auto
  weights: {cost: 1, latency: 0, quality: 0}
  stages: [10, 100]
  first_ceiling: 10
  holdback: 0
  stage_time: 500ms
  stage_requests: 5
  longest: 1m
  bake: 0s
  feedback_window: 100ms
  silence: 2s
  alpha: 0.1
  margin: {quality: 0.05, harm: 0.02}
  budget_usd_per_day: 2
  refresh: 1s
  cooldown: 1s
  approvals: {count: 1, roles: [admin]}
  mirror: {sample: 0.1, budget_usd_per_day: 1, time: 1s}
  judge: anthropic/clever
"""
    ).policy.release

    assert policy == ReleaseRules(
        autonomy="auto", weights=policy.weights, first_ceiling=10, refresh=1.0, budget=2 * 10**12, cooldown=1.0, judge="anthropic/clever",
        approvals=Approvals(1, frozenset({"admin"})),
        spec=Spec(
            (10, 100), 10, 0, 0.5, 5, 60.0, 0.0, 0.1, 2.0, 0.1, Margins(quality=0.05, harm=0.02), mirror_sample=0.1,
            mirror_budget=10**12, mirror_time=1.0,
        ),
    )  # fmt: skip
    assert (policy.weights.cost, policy.weights.quality) == (1, 0)


def test_suites_resolve() -> None:
    """A file stays as it is written; a sample is of the suite's routes unless it says otherwise."""
    text = (
        PROVIDERS
        + ROUTES
        + """
suites:
  support: {file: cases/s.jsonl, schedule: weekly, budget_usd: 5, graders: [json_valid, {contains: refund, weight: 2}]}
  kept: {sample: {cases: 50}, routes: support, schedule: 2s, repeats: 3, threshold: 0.8, judge: anthropic/clever, calibration: labels.jsonl}
"""
    )

    assert checked(text).policy.suites == (
        SuiteRules(
            "support", ("support",), "cases/s.jsonl", None, 604_800.0, 5 * 10**12,
            (Graded(Passes(JsonValid())), Graded(Contains(("refund",)), 2.0)),
        ),
        SuiteRules("kept", ("support",), None, Sampling(("support",), cases=50), 2.0, judge="anthropic/clever", repeats=3, threshold=0.8, calibration="labels.jsonl"),
    )  # fmt: skip


def test_alerts_and_people_resolve() -> None:
    """Secrets are named, never written."""
    policy = checked(
        PLAIN
        + f"""
alerts:
  webhooks: [{{name: desk, url: env:OPENAI_API_KEY, secret: env:ANTHROPIC_API_KEY, format: slack, kinds: rolled_back, severity: warning}}]
  email: {{host: mail.example, port: 465, security: tls, user: t, password: env:OPENAI_API_KEY, from: t@example.org, to: ann@example.org}}
  spend: {{usd_per_day: 100, routes: {{support: 10}}}}
  outperforms: 0.3
control: {{people: [{{name: ann, hash: "{HASH}", role: approver}}]}}
"""
    ).policy

    assert policy.alerts == Alerting(
        (Webhook("desk", "env:OPENAI_API_KEY", "env:ANTHROPIC_API_KEY", "slack", frozenset({"rolled_back"}), "warning"),),
        Mailing("mail.example", 465, "tls", "t", "env:OPENAI_API_KEY", "t@example.org", ("ann@example.org",)),
        100 * 10**12, {"support": 10 * 10**12}, 0.3,
    )  # fmt: skip
    assert policy.people == (Person("ann", HASH, "approver"),)


def test_a_routes_own() -> None:
    """Segments, what is tried at random, margins, what a solved request is worth."""
    route = checked(
        PROVIDERS
        + """
routes:
  code:
    approved: [openai/large]
    admitted: [openai/small]
    segments: [{model: openai/small, when: {complexity: simple}, release: r1}]
    explore: 0.02
    margin: {quality: 0.01}
    worth_usd: 0.02
"""
    ).policy.routes[0]

    assert (route.segments[0].model, route.segments[0].release, route.admitted) == ("openai/small", "r1", {"openai/small"})
    assert (route.explore, route.margin, route.worth) == (0.02, Margin(0.01), 20_000_000_000)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("release: {weights: {cost: 0, latency: 0, quality: 0}}", "release.weights: every weight is zero"),
        ("release: {thresholds: {ten: 0.05}}", "release.thresholds: a larger share may not ask for less"),
        ("release: {net_thresholds: {trial: 0.2}}", "release.net_thresholds: a larger share may not ask for less"),
        ("release: {stages: [5, 1, 100]}", "release.stages: not ascending; write [1, 5, 100]"),
        ("release: {stages: [1, 5]}", "release.stages: the last stage is 5 percent; end with 100"),
        ("release: {stages: []}", "release.stages: must not be empty"),
        ("release: {first_ceiling: 20}", "release.first_ceiling: must be less than or equal to 10"),
        ("release: {longest: 2h}", "release.longest: 6 stages of stage_time take longer"),
        ("release: {judge: openai/nope}", 'release.judge: no model "openai/nope"'),
        ("release: {judge: openai/priceless}", "the price of"),
        ("release: {mirror: {sample: 0.1}}", "release.mirror: copies nothing"),
        ("release: {approvals: {count: 2}}", "release.approvals.count: 2 people must approve, and 1 may"),
        ("release: {autonomie: auto}", 'release.autonomie: unknown key; did you mean "autonomy"?'),
        ("suites: {support: {}}", "suites.support: needs exactly one of file and sample"),
        ("suites: {support: {file: a, sample: {}}}", "suites.support: needs exactly one of file and sample"),
        ("suites: {odd: {file: a}}", 'suites.odd: no route "odd"; say under `routes`'),
        ("suites: {s: {file: a, routes: [suport]}}", 'suites.s.routes[0]: no route "suport"; did you mean "support"'),
        ("suites: {support: {sample: {routes: nope}}}", 'suites.support.sample.routes[0]: no route "nope"'),
        ("suites: {support: {file: a, schedule: monthly}}", "suites.support.schedule: a schedule is hourly, daily, weekly"),
        ("suites: {support: {file: a, graders: [jsn_valid]}}", 'suites.support.graders[0]: no grader "jsn_valid"; did you mean "json_valid"?'),
        ("suites: {support: {file: a, graders: [json_valid, {regex: '('}]}}", "suites.support.graders[1].regex: not a regular expression"),
        ("suites: {support: {file: a, graders: [pairwise]}}", "suites.support.graders[0]: nobody compares the answers"),
        ("suites: {support: {file: a, judge: a/b}}", "suites.support.judge: no provider"),
        ("suites: {support: {file: a, calibration: b}}", "suites.support.calibration: there is no judge to hold against these labels"),
        ("alerts: {webhooks: [{name: a, url: ftp://x}]}", "alerts.webhooks[0].url: neither an http nor an https URL; alerts are posted over http(s)"),
        ("alerts: {webhooks: [{name: a, url: env:NONE}]}", "environment variable NONE is not set"),
        ("alerts: {webhooks: [{name: a, url: 'https://x', secret: hunter2}]}", "a secret may not stand in the file"),
        ("alerts: {webhooks: [{name: a, url: 'https://x'}, {name: a, url: 'https://y'}]}", "two webhooks are called"),
        ("alerts: {webhooks: [{name: a, url: 'https://x', kinds: [rolledback]}]}", 'did you mean "rolled_back"'),
        ("alerts: {email: {host: m, to: a@b, user: u}}", "alerts.email: a login needs both"),
        ("alerts: {email: {host: m, to: a@b, user: u, password: env:OPENAI_API_KEY, security: none}}", "unprotected"),
        ("alerts: {spend: {routes: {suport: 1}}}", 'alerts.spend.routes.suport: no route "suport"; did you mean "support"'),
        (f"control: {{people: [{{name: a, hash: {HASH!r}}}, {{name: a, hash: 'sha256:{'b' * 64}'}}]}}", "two people are called"),
        (f"control: {{people: [{{name: a, hash: {HASH!r}}}, {{name: b, hash: {HASH!r}}}]}}", "two people have the same key"),
        (f"control: {{people: [{{name: turnout, hash: {HASH!r}}}]}}", '"turnout" is reserved'),
        ("control: {people: [{name: a, hash: hunter2}]}", "not the hash of a key"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_place(section: str, said: str) -> None:
    """And what to do about it."""
    found = problems(f"{PLAIN}{section}\n")

    assert [said in each for each in found] == [True], found


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ("{static: openai/large, explore: 0.1}", "explore: static already decides"),
        ("{split: {openai/large: 1}, explore: 0.1}", "explore: split already decides"),
        ("{journal: required, explore: 0.1}", "explore: nothing is tried at random on an audited route"),
        ("{worth_usd: 0}", "worth_usd: must be greater than or equal to 1e-06"),
        ("{worth_usd: 1.0e-13}", "worth_usd: must be greater than or equal to 1e-06"),  # no pico-dollar, so that nothing could be divided by it
        ("{explore: 0.5}", "explore: must be less than or equal to 0.2"),
        ("{segments: [{model: openai/nope}]}", 'segments[0].model: no model "openai/nope"'),
        ("{approved: [openai/large], segments: [{model: openai/small}]}", 'segments[0].model: "openai/small" is not approved here'),
        ("{admitted: [openai/small]}", "admitted: there is no approved list"),
        ("{margin: {quality: 2}}", "margin.quality: must be less than or equal to 1"),
    ],
)  # fmt: skip
def test_each_mistake_of_a_route_is_told(route: str, said: str) -> None:
    """Where it stands."""
    found = problems(f"{PROVIDERS}routes: {{r: {route}}}\n")

    assert [f"routes.r.{said}" in each for each in found] == [True], found


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("release: {stages: [50, 100]}", "the first stage is above first_ceiling"),
        ("release: {approvals: {owner: true}}", "nobody can approve for route support: its owner is not among control.people"),
        ("suites: {support: {sample: {}}}", "there is nothing to draw from: route support keeps no content"),
        ("suites: {support: {file: a, schedule: daily}}", "no run ever begins: budget_usd is 0"),
        ("suites: {support: {file: a, judge: openai/small}}", '"openai/small" is a candidate of route support'),
        ("suites: {support: {file: a, judge: openai/blind}}", "of one family (openai)"),
        ("suites: {support: {file: a, judge: anthropic/clever, calibration: b}}", "suites.support.calibration: no file b"),
        ("alerts: {webhooks: [{name: a, url: 'https://hooks.slack.com/x'}]}", "whoever reads this address can post to it"),
        ("alerts: {email: {host: m}}", "nobody is written to"),
        (f"auth: {{keys: [{{name: w, hash: {HASH!r}}}]}}\ncontrol: {{people: [{{name: a, hash: {HASH!r}}}]}}", "of the data plane too"),
    ],
)  # fmt: skip
def test_what_may_be_meant_is_a_warning(section: str, said: str) -> None:
    """It does not keep anybody from serving."""
    text = f"{PLAIN}{section}\n"

    assert problems(text) == []
    assert any(said in each for each in warnings(text)), warnings(text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is looked for beside the policy file. A benchmark waits for it; requests do not."""
    text = f"{PLAIN}suites: {{support: {{file: s.jsonl}}}}\n"
    missing = inspect_text(text, tmp_path, ENV, CATALOG, TODAY)
    (tmp_path / "s.jsonl").touch()

    assert [each.message for each in missing.warnings] == ["no file s.jsonl"]
    assert inspect_text(text, tmp_path, ENV, CATALOG, TODAY).warnings == ()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("models.devv", 'no file models.devv; did you mean "models.dev"?'),
        ("vendor:opena", 'no provider "opena"; did you mean "openai"?'),
        ("http://prices.example/all.json", "http is not trusted with prices"),
        ("ftp://prices.example/all.json", "ftp is not trusted with prices"),
    ],
)
def test_a_source_that_is_nowhere_is_said_before_it_is_looked_at(source: str, said: str) -> None:
    """A file may come later: that alone is a warning."""
    text = f"{PLAIN}release: {{sources: ['{source}']}}\n"
    wrong, doubtful = problems(text), warnings(text)

    assert said in " ".join((*wrong, *doubtful))
    assert bool(doubtful) == source.startswith("models")


def test_sources_that_can_be_asked_are_fine() -> None:
    """Known names, lists of the policy's providers, https, and this machine's own."""
    named = "[models.dev, genai-prices, 'vendor:openai', 'https://x.example/news.rss', 'http://127.0.0.1:9000/prices.json']"
    text = f"{PLAIN}release: {{sources: {named}}}\n"
    assert problems(text) == warnings(text) == []
