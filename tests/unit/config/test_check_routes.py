import pytest

from .policies import checked, problems, warnings

BASE = "providers: {openai: {}, anthropic: {}}\n"


def routes(text: str) -> str:
    return f"{BASE}routes:\n" + "".join(f"  {line}\n" for line in text.strip().splitlines())


def one(text: str) -> str:
    """The only problem of these routes."""
    (problem,) = problems(routes(text))
    return problem


def none(text: str) -> None:
    assert problems(routes(text)) == []


def test_a_route_says_once_what_its_models_are():
    """static, split, models and approved exclude each other."""
    assert "static and models are both given" in one("r: {static: openai/large, models: [openai/small]}")
    assert "split and approved are both given" in one("r: {split: {openai/large: 1}, approved: [openai/small]}")


def test_objective_and_static_do_not_contradict():
    """A static route has nothing left to decide, and `static` needs to know the model."""
    assert "static already decides" in one("r: {static: openai/large, objective: cost}")
    assert "static needs" in one("r: {models: [openai/large], objective: static}")
    none("r: {static: openai/large, objective: static}")


def test_shares():
    """A mix sums to 100; a split has a weight somewhere."""
    assert "the shares sum to 110, not 100" in one("r: {mix: {cheap: 80}}")
    assert "every weight is zero" in one("r: {split: {openai/large: 0}}")
    none("r: {mix: {cheap: 33.4, mid: 33.3, premium: 33.3}}")
    none("r: {split: {openai/large: 0, openai/small: 7}}")


def test_reserved_names():
    """`auto` and `direct` mean something else as a model's name; `default` has no condition."""
    assert '"auto" is reserved' in one("auto: {}")
    assert '"direct" is reserved' in one("direct: {}")
    assert "default is what remains" in one("default: {when: {task: math}}")
    assert "a name holds letters" in one('"a/b": {}')


def test_unknown_models_and_providers():
    """Wherever a route names a model; the near match is of what is really served."""
    assert 'routes.r.static: no model "openai/larg"; did you mean "openai/large"' in one("r: {static: openai/larg}")
    assert 'routes.r.models[1]: no provider "openia"; did you mean "openai"?' in one("r: {models: [openai/large, openia/large]}")
    assert "add mistral under providers" in one("r: {approved: [openai/large, mistral/medium]}")
    assert "routes.r.fallback[0]" in one("r: {static: openai/large, fallback: [openai/nothing-like-it-at-all]}")
    assert "routes.r.split.openai/xxl" in one("r: {split: {openai/large: 1, openai/xxl: 1}}")


@pytest.mark.parametrize(
    "chain",
    [
        "r: {static: openai/large, fallback: [openai/large]}",
        "r: {models: [openai/large], fallback: [{model: openai/large, on: [unavailable]}]}",
        "r: {static: openai/large, fallback: [openai/small, anthropic/clever, openai/small]}",
    ],
)
def test_chains_that_come_back(chain):
    """Falling back to what has just failed is a loop."""
    assert "the chain " in one(chain)


def test_a_candidate_may_be_a_fallback_of_its_own_route():
    """Where there are several candidates another one may have been tried first."""
    none("r: {approved: [openai/large, openai/small], fallback: [openai/small]}")


def test_fallback_entries():
    """Exactly one target, at least one condition."""
    assert "exactly one of model, cache and queue" in one("r: {fallback: [{on: [any]}]}")
    assert "never tried" in one("r: {fallback: [{model: openai/small, on: []}]}")


def test_dead_rules():
    """A rule is dead when an earlier one, or all earlier ones together, take every request of it."""
    assert 'routes.b.when: dead rule: route "a" always wins' in one(
        "a: {when: {task: [math, code_generation]}}\nb: {when: {task: math, complexity: high}}"
    )
    assert "dead rule: the routes before it (a, b) always win" in one(
        "a: {when: {tokens: {below: 100}}}\nb: {when: {tokens: {at_least: 100}}}\nc: {when: {features: tools}}"
    )
    assert 'route "a" always wins' in one("a: {when: {}}\nb: {when: {task: math}}")
    none("b: {when: {task: math, complexity: high}}\na: {when: {task: [math, code_generation]}}")
    none("a: {}\nb: {when: {task: math}}")


def test_a_condition_with_a_broken_part_kills_no_other_rule():
    """What is left of it holds for every request, which is not what was meant: only its own problem is told."""
    assert "routes.a.when.all: must not be empty" in one("a: {when: {all: []}}\nb: {when: {task: math}}")
    assert "routes.b.when.complexity" in one("a: {when: {task: math}}\nb: {when: {task: math, complexity: hard}}")
    assert (
        "routes.b.when: dead rule"
        in problems(routes("a: {when: {task: math}}\nb: {when: {task: math}}\nc: {when: {any: []}}"))[0]
    )


@pytest.mark.parametrize("header", ["authorization", "X-API-Key", "api-key", "cookie", "Proxy-Authorization"])
def test_a_condition_reads_no_credential(header):
    """The headers that conditions read are kept in the traits and recorded; nested conditions are looked at too."""
    for when in (f"{{headers: {{{header}: x}}}}", f"{{any: [{{task: math}}, {{not: {{headers: {{{header}: x}}}}}}]}}"):
        assert f"headers.{header}: what a condition reads is recorded" in one(f"r: {{when: {when}}}")
    none("r: {when: {headers: {x-app: chat}}}")


def test_contradictions():
    """A rule that no request can meet."""
    assert "contradict" in one("r: {when: {all: [{complexity: simple}, {complexity: high}]}}")
    assert "contradict" in one("r: {when: {tokens: {at_least: 9, below: 5}}}")
    assert "contradict" in one("r: {when: {task: math, not: {task: [math, qa]}}}")


@pytest.mark.parametrize(
    ("route", "why"),
    [
        ("{static: openai/large, needs: {features: tools}, fallback: [openai/blind]}", "no tools"),
        ("{static: openai/large, when: {features: tools}, fallback: [openai/blind]}", "no tools, which `when` says"),
        ("{static: openai/large, when: {modalities: image}, fallback: [openai/blind]}", "no image input, which `when` says"),
        ("{static: openai/large, needs: {input: image}, fallback: [openai/blind]}", "no image input"),
        ("{static: openai/large, needs: {context: 300000}, fallback: [openai/small]}", "context 128000"),
        ("{approved: [openai/large], fallback: [openai/small]}", "not on the approved list"),
        ("{static: openai/large, needs: {quality: 8}, fallback: [openai/small]}", "quality 7.0 at best, needs >= 8"),
        ("{static: openai/large, needs: {coding: 8}, fallback: [openai/small]}", "coding 7, needs >= 8"),
        ("{static: openai/large, fallback: [openai/priceless]}", "price is unknown"),
        ("{static: openai/large, fallback: [openai/old]}", "retired on 2026-01-01"),
        ("{static: openai/large, needs: {features: json_schema}, fallback: [openai/unsure]}", "json_schema unknown"),
    ],
)
def test_fallbacks_that_can_never_carry_the_route(route, why):
    """A hole in the chain is found when the policy is read, not in the outage."""
    assert why in one(f"r: {route}")
    assert "routes.r.fallback[0]" in one(f"r: {route}")


def test_region_and_data_policy_come_from_the_provider():
    """A fallback outside the region, or without the promise, is a hole."""
    eu = "providers: {openai: {region: eu, data_policy: zdr}, anthropic: {region: us}}\nroutes: {r: {static: openai/large, needs: %s, fallback: [anthropic/clever]}}"

    assert "region us" in problems(eu % "{region: eu}")[0]
    assert "lacks zdr" in problems(eu % "{data_policy: [zdr]}")[0]
    assert problems(eu % "{region: [eu, us]}") == []


def test_what_the_policy_accepts_is_no_hole():
    """`unknown: {feature: allow}` and `unknown_price: warn`."""
    none("r: {static: openai/large, needs: {features: json_schema}, unknown: {json_schema: allow}, fallback: [openai/unsure]}")
    none("r: {static: openai/large, unknown_price: warn, fallback: [openai/priceless]}")


def test_a_route_nobody_can_serve():
    """An empty candidate set is a problem, with every reason."""
    said = one("r: {models: [openai/small, openai/blind], needs: {quality: 9.5}}")

    assert "routes.r: no model can ever serve it: openai/small (quality 7.0 at best" in said
    assert "openai/blind (quality 7.0" in said
    assert "price is unknown" in one("r: {static: openai/priceless}")
    assert "no model can ever serve it" in one("default: {needs: {context: 2000000}}")


def test_a_candidate_that_can_never_serve_is_a_warning():
    """The others still can."""
    text = routes("r: {models: [openai/large, openai/small], needs: {quality: 8}}")

    assert problems(text) == []
    assert 'routes.r.models[1]: "openai/small" can never serve here: quality 7.0' in warnings(text)[0]


def test_needs_name_skills_tasks_or_what_models_state():
    """Anything else is a slip."""
    assert 'routes.r.needs.codng: neither a need nor a skill or task; did you mean "coding"' in one("r: {needs: {codng: 1}}")
    assert 'did you mean "latency_p95"' in one("r: {needs: {latency_p99: 1}}")
    none("r: {needs: {coding: 7, math: 7}}")
    stated = f"{BASE}models: {{openai/large: {{quality: {{poetry: 8}}}}}}\nroutes: {{r: {{needs: {{poetry: 7}}, models: [openai/large]}}}}"
    assert problems(stated) == []


def test_a_task_of_ones_own_is_a_warning():
    """Callers may name any task by a tag; classification never will."""
    text = routes("a: {when: {task: poetry}}\nb: {when: {not: {task: maths}}}")

    assert problems(text) == []
    assert (
        'routes.a.when.task: classification never finds the task "poetry"; it holds only for requests that say task=poetry'
        in warnings(text)[0]
    )
    assert 'routes.b.when.not.task: classification never finds the task "maths"; did you mean "math"?' in warnings(text)[1]


def test_a_model_about_to_retire_is_a_warning():
    """In time to act, with the date."""
    assert '"openai/ageing" retires on 2026-12-03, in 10 days' in warnings(routes("r: {static: openai/ageing}"))[0]


def test_no_problem_follows_from_a_problem():
    """What was left out because it has no shape is not reported a second time as missing."""
    assert one("r: {models: [openai/large, 5], fallback: [openai/large]}").endswith('must be text; write "5" in quotes')
    assert "must be text" in one("r: {static: 5, objective: cost}")


def test_the_words_of_the_decider_are_those_of_the_check():
    """The policy that passes is the one that is served: routes in order, default last."""
    policy = checked(routes("default: {objective: cost}\nb: {when: {task: math}}\na: {static: openai/large}")).policy

    assert [route.name for route in policy.routes] == ["b", "a", "default"]


def test_a_wait_for_people_that_the_deadline_cuts_short():
    """Nobody waits past the request's deadline, so a longer wait says something that is not so."""
    said = warnings(routes("r: {static: openai/large, deadline: 10s, fallback: [{queue: human, wait: 1h}]}"))
    assert [warning for warning in said if "deadline of 10 s is over before" in warning]
    assert not warnings(routes("r: {static: openai/large, fallback: [{queue: human, wait: 1m}]}"))
