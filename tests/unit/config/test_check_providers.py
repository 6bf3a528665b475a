import pytest

from .policies import ENV, checked, problems, warnings

ROUTE = "routes: {default: {models: [openai/large]}}\n"


def one(provider: str, env: dict[str, str] = ENV) -> str:
    """The only problem of this provider beside a sound one."""
    (problem,) = problems(f"providers:\n  openai: {{}}\n  {provider}\n{ROUTE}", env)
    return problem


def test_a_vendor_or_an_endpoint_of_ones_own():
    """One of them must be known."""
    assert 'no vendor "openia"; did you mean "openai"?' in one("x: {vendor: openia}")
    assert '"anthropc" is no known vendor, and its dialect or base_url is missing; did you mean "anthropic"?' in one(
        "anthropc: {}"
    )
    assert "dialect or base_url is missing" in one("mine: {dialect: openai-chat}")
    assert "base_url is missing" in one("azure-openai: {api_key: env:OPENAI_API_KEY}")
    assert "anthropic speaks anthropic-messages at its usual place" in one("anthropic: {dialect: openai-chat}")


def test_a_missing_secret_stops_serving_but_not_checking():
    """`turnout check` may run where the secrets are not."""
    text = f"providers: {{openai: {{}}}}\n{ROUTE}"

    assert problems(text, {}) == [
        "1  providers.openai: environment variable OPENAI_API_KEY is not set; export OPENAI_API_KEY=... before starting"
    ]
    lenient = checked(text, {}, secrets_needed=False)
    assert lenient.problems == ()
    assert "OPENAI_API_KEY" in lenient.warnings[0].message


def test_a_secret_file(tmp_path):
    """It must be there and hold something."""
    (tmp_path / "key").write_text("sk-1\n")

    assert "cannot be read" in one(f"anthropic: {{api_key: 'file:{tmp_path}/none'}}")
    assert problems(f"providers: {{openai: {{api_key: 'file:{tmp_path}/key'}}}}\n{ROUTE}", {}) == []


@pytest.mark.parametrize(
    ("provider", "place"),
    [
        ("x: {vendor: openai, api_key: sk-abc}", "api_key"),
        ("x: {vendor: openai, headers: {Authorization: Bearer abc}}", "headers.Authorization"),
        ("x: {vendor: openai, headers: {X-Access-Token: abc}}", "headers.X-Access-Token"),
        ("x: {vendor: openai, headers: {Ocp-Apim-Subscription-Key: abc}}", "headers.Ocp-Apim-Subscription-Key"),
        ("x: {vendor: openai, headers: {x-client-secret: abc}}", "headers.x-client-secret"),
        ("x: {vendor: openai, headers: {cf-authorization: abc}}", "headers.cf-authorization"),
        ("x: {vendor: openai, base_url: 'https://host/v1?api_key=abc'}", "base_url"),
        ("x: {vendor: openai, base_url: 'https://host/v1?v=1&Token='}", "base_url"),
        ("x: {vendor: openai, proxy: 'http://user:pw@proxy:3128'}", "proxy"),
        ("x: {vendor: openai, base_url: 'https://user:pw@host/v1'}", "base_url"),
        ("x: {vendor: openai, headers: {x-custom: sk-proj-abcdefgh}}", "headers.x-custom"),
        ("x: {vendor: openai, headers: {x-custom: 'Bearer abc'}}", "headers.x-custom"),
    ],
)
def test_secrets_may_not_stand_in_the_file(provider, place):
    """Wherever one could be written."""
    problem = one(provider)

    assert f"providers.x.{place}: a secret may not stand in the file" in problem
    assert "pw" not in problem
    assert "abc" not in problem


def test_a_header_may_name_a_secret():
    """The same references as everywhere."""
    assert problems(f"providers: {{openai: {{headers: {{x-team: env:TEAM}}}}}}\n{ROUTE}", {**ENV, "TEAM": "t"}) == []
    assert "environment variable TEAM is not set" in one("x: {vendor: openai, headers: {x-team: env:TEAM}}")
    assert "not a header that can be sent" in one('x: {vendor: openai, headers: {x-team: "a\\nb"}}')


def test_what_is_no_secret_may_stand_in_the_file():
    """Headers and queries that say what is asked for, not who asks."""
    plain = "{HTTP-Referer: 'https://app.example', OpenAI-Organization: org-1}"
    text = f"providers: {{openai: {{headers: {plain}, base_url: 'https://host/v1?api-version=2026-01-01'}}}}\n{ROUTE}"

    assert problems(text) == []


def test_local_vendors_need_no_key():
    """Ollama, vLLM and the like run without; a key that is named must be there."""
    text = "providers: {ollama: {}}\nmodels: {ollama/x: {context: 8000, price: {input: 0, output: 0}}}\n"

    assert problems(text, {}) == []
    assert "environment variable K is not set" in problems(text.replace("ollama: {}", "ollama: {api_key: env:K}"), {})[0]


def test_local_models_must_be_declared():
    """What is installed there nobody else knows."""
    text = "providers: {openai: {}, ollama: {}}\nroutes: {r: {models: [ollama/llama, openai/large]}}\n"

    assert 'routes.r.models[0]: no model "ollama/llama"; declare it under models: ollama/llama' in problems(text)[0]
    assert "providers.ollama: serves no known model" in warnings(text)[0]


def test_a_pool_of_credentials():
    """With or without limits; each is named, and named once."""
    pool = "{env: OPENAI_API_KEY, rpm: 5, input_tpm: 9}, {env: ANTHROPIC_API_KEY}"

    def said(keys: str) -> list[str]:
        return [found.split(":", 1)[1].strip() for found in problems(f"providers: {{openai: {{keys: [{keys}]}}}}\n{ROUTE}")]

    assert said(pool) == []
    assert said(pool + ", {}") == ["needs one of env and file; write {env: NAME}"]
    assert said(pool + ", {env: OPENAI_API_KEY}") == ["the same credential twice: there is no load to be spread; keep one"]


def test_an_unencrypted_way_is_a_warning():
    """Only where a credential would take it, and not on this machine."""
    local = "models: {x/m: {price: {input: 1, output: 1}}}\nproviders: {x: {dialect: openai-chat, base_url: %s, api_key: env:OPENAI_API_KEY}}"

    assert "unencrypted" in warnings(local % "http://models.example/v1")[0]
    assert warnings(local % "http://127.0.0.1:9/v1") == []
    assert warnings((local % "http://models.example/v1").replace(", api_key: env:OPENAI_API_KEY", "")) == []


def test_files_and_urls_are_looked_at():
    """A certificate file that is not there, a URL without a host, a proxy that is none."""
    assert "no file /nowhere.pem" in one("x: {vendor: openai, ca_file: /nowhere.pem}")
    assert "not a URL" in one("x: {vendor: openai, base_url: ftp://x}")
    assert "not a URL with a host" in one("x: {vendor: openai, base_url: 'https://:99999'}")
    assert "not a proxy's URL" in one("x: {vendor: openai, proxy: proxy-3128}")
    assert "not a proxy's URL" in one("x: {vendor: openai, proxy: 'http://proxy..example:3128'}")
    for host in ("api..example.com", ".example.com", "a" * 64 + ".example", "h:0"):
        assert "base_url: not a URL that can be called" in one(f"x: {{vendor: openai, base_url: 'https://{host}/v1'}}")
    assert problems(f"providers: {{openai: {{proxy: none}}}}\n{ROUTE}") == []


def test_declared_models():
    """Their provider exists, what they are the same as exists, and there is no circle."""

    def said(models: str) -> str:
        return "\n".join(problems(f"providers: {{openai: {{}}}}\nmodels: {models}\n{ROUTE}"))

    assert 'models.opnai/x: no provider "opnai"; did you mean "openai"?' in said("{opnai/x: {}}")
    assert 'models.openai/x.same_as: no model "openai/lrge"' in said("{openai/x: {same_as: openai/lrge}}")
    assert "goes in a circle: openai/x -> openai/y -> openai/x" in said(
        "{openai/x: {same_as: openai/y}, openai/y: {same_as: openai/x}}"
    )
    assert said("{openai/x: {same_as: openai/y}, openai/y: {same_as: anthropic/clever}}") == "", (
        "a vendor's model that is not configured"
    )


def test_keys():
    """Names and hashes differ, routes exist, reserved tags say what they may."""
    hashed = "sha256:" + "a" * 64
    text = f"providers: {{openai: {{}}}}\nauth:\n  keys:\n    - {{name: a, hash: '{hashed}', routes: [defalt, default]}}\n    - {{name: a, hash: '{hashed}', tags: {{quality: superb, team: x}}}}\n{ROUTE}"

    assert [problem.partition("  ")[2] for problem in problems(text)] == [
        'auth.keys[0].routes[0]: no route "defalt"; did you mean "default"?',
        "auth.keys[1].hash: two entries are the same key; make one of them anew with `turnout keys new NAME`",
        'auth.keys[1].name: two keys are called "a"; records could not tell them apart',
        'auth.keys[1].tags.quality: "superb" is not one of acceptable, balanced, critical',
    ]


def test_other_machines_need_keys():
    """Listening beyond loopback without a key is refused."""
    assert "auth.keys is empty" in problems(f"server: {{host: 0.0.0.0}}\nproviders: {{openai: {{}}}}\n{ROUTE}")[0]
    assert problems(f"server: {{host: '::1'}}\nproviders: {{openai: {{}}}}\n{ROUTE}") == []


def test_an_address_that_is_open_already_needs_keys_whatever_the_file_says():
    """The command line, or the file at the start, opened it; a policy without keys would let everybody in."""
    text = f"providers: {{openai: {{}}}}\n{ROUTE}"

    (problem,) = checked(text, served_on="0.0.0.0").problems
    assert problem.message == "0.0.0.0 can be reached from other machines and auth.keys is empty"
    assert checked(text, served_on="127.0.0.1").problems == ()
    assert len(checked(f"server: {{host: 0.0.0.0}}\n{text}", served_on="0.0.0.0").problems) == 1
    assert len(checked(f"server: {{host: '::'}}\n{text}", served_on="127.0.0.1").problems) == 1


def test_a_route_that_a_keys_tags_force_should_be_among_its_routes():
    """They send it there whether it is listed or not: worth a warning, in either spelling of the tag's condition."""
    text = f"""\
        auth:
          keys:
            - {{name: bank, hash: "sha256:{"a" * 64}", routes: [chat], tags: {{audit: "true"}}}}
            - {{name: listed, hash: "sha256:{"b" * 64}", routes: [finance], tags: {{audit: "true"}}}}
            - {{name: anywhere, hash: "sha256:{"c" * 64}", tags: {{audit: "true"}}}}
            - {{name: free, hash: "sha256:{"d" * 64}", routes: [chat], tags: {{audit: "false"}}}}
        providers: {{openai: {{}}}}
        routes:
          finance: {{when: {{tags: {{audit: ["true", "yes"]}}}}, static: openai/large}}
          chat: {{models: [openai/small]}}
        """

    assert problems(text) == []
    (warning,) = warnings(text)
    assert warning.startswith(
        '3  auth.keys[0].routes: the key\'s tags send all it asks for to route "finance", which is not listed'
    )


def test_retention_is_a_day_at_least():
    """Less would take away what today's sums are made of."""
    text = f"providers: {{openai: {{}}}}\n{ROUTE}"

    assert "store.retention" in problems(f"store: {{retention: 23h}}\n{text}")[0]
    assert problems(f"store: {{retention: 1d}}\n{text}") == []


def test_an_empty_section_is_its_defaults():
    """A file may be written from a skeleton."""
    empty = f"providers: {{openai: {{}}}}\nhealth: {{}}\ncache: {{}}\nalerts: {{}}\nquota: {{}}\nsuites: {{}}\nrelease:\n{ROUTE}"

    assert problems(empty) == []


def test_no_provider_at_all():
    """A file that only has rules."""
    assert "providers: no provider; add one" in problems("routes: {default: {objective: cost}}")[0]
