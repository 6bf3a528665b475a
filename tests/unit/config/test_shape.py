import typing

from hypothesis import given
from hypothesis import strategies as st

from turnout.config.document import read
from turnout.config.scalars import DialectName, FaultWord, FeatureName, ModalityName
from turnout.config.schema import File
from turnout.config.shape import shape
from turnout.dialects.registry import DIALECTS
from turnout.types.models import Feature, Modality, names
from turnout.types.policy import FaultCondition


def found(text: str) -> list[tuple[str, str, str | None]]:
    shaped = shape(read(text).tree)
    return [(".".join(map(str, finding.path)), finding.message, finding.suggestion) for finding in shaped.findings]


def test_the_words_of_the_schema_are_those_of_the_types():
    """What the file may say and what the program knows are one list each."""
    assert typing.get_args(FeatureName) == names(~Feature(0))
    assert typing.get_args(ModalityName) == names(~Modality(0))
    assert set(typing.get_args(DialectName)) == set(DIALECTS)
    assert set(typing.get_args(FaultWord)) == set(typing.get_args(FaultCondition))


def test_unknown_keys_at_any_depth_name_the_near_one():
    """Also inside what keys of the user's own lead to."""
    assert found("srever: {}") == [("srever", "unknown key", 'did you mean "server"?')]
    assert found("providers: {x: {vendr: openai}}") == [("providers.x.vendr", "unknown key", 'did you mean "vendor"?')]
    assert found("routes: {r: {fallback: [{modell: a/b}]}}")[0] == (
        "routes.r.fallback.0.modell",
        "unknown key",
        'did you mean "model"?',
    )
    assert found("routes: {r: {when: {any: [{taks: x}]}}}")[0][2] == 'did you mean "task" or "tags"?'
    assert found("zzz: 1") == [("zzz", "unknown key", None)]


def test_the_rest_of_the_file_survives_what_is_wrong():
    """A bad value is left out, its neighbours are kept."""
    shaped = shape(read("server: {port: nine, workers: 3}\nroutes: {r: {models: [a/b, 5], sticky: false}}").tree)

    assert shaped.file.server.workers == 3
    assert shaped.file.routes["r"].sticky is False
    assert shaped.file.routes["r"].models is None
    assert not shaped.is_whole("routes", "r", "models")
    assert shaped.is_whole("routes", "r", "static")
    assert len(shaped.findings) == 2


def test_a_name_holds_no_control_character():
    """Answers name their route and model in headers, where such a character would begin another or break the head."""
    for wrong in ("\\n", "\\r\\nset-cookie: a", "\\0", "\\x1b", "\\x7f"):
        assert found(f'routes: {{r: {{static: "a/b{wrong}"}}}}') == [
            ("routes.r.static", "not the name of a model", "write provider/model")
        ]
        assert found(f'models: {{"a{wrong}/b": {{context: 1}}}}')[0][1] == "not the name of a model"
        assert found(f'routes: {{"r{wrong}": {{static: a/b}}}}')
    assert not found('routes: {r: {static: "a/b:7ü"}}')


def test_two_bad_items_of_one_list_are_both_said():
    """Leaving the list out must not hide the second."""
    assert [path for path, _, _ in found("routes: {r: {models: [1, a/b, c]}}")] == ["routes.r.models.0", "routes.r.models.2"]


def test_one_mistake_is_said_once():
    """A required key that is wrong is not reported as missing as well."""
    assert found("auth: {keys: [{name: a, hash: nonsense}]}") == [
        ("auth.keys.0.hash", "not the hash of a key", "`turnout keys new NAME` makes a key and prints its hash")
    ]


def test_text_must_be_quoted_where_yaml_sees_something_else():
    """Tags are compared as text: an unquoted true is a common slip."""
    assert found("routes: {r: {when: {tags: {audit: true}}}}") == [
        ("routes.r.when.tags.audit", "must be text", 'write "true" in quotes')
    ]


def test_numbers_are_not_text_and_words_are_not_numbers():
    """No coercion in either direction."""
    assert found('server: {port: "8080"}')[0][1] == "must be a whole number"
    assert found("routes: {r: {sticky: yes}}")[0][1] == "must be true or false"
    assert found("routes: {r: {band: .inf}}")[0][1] == "must be a finite number"
    assert found("server: {workers: true}")[0][1] == "must be a whole number"


def test_a_secret_in_the_file_is_never_repeated():
    """The message must not carry the secret into a log."""
    (path, message, suggestion), *rest = found("providers: {openai: {api_key: sk-very-secret}}")

    assert (path, message, rest) == ("providers.openai.api_key", "a secret may not stand in the file", [])
    assert "sk-very-secret" not in (suggestion or "")


def test_other_gateways_words_are_translated():
    """``on: timeout`` is what many would write."""
    assert found("routes: {r: {fallback: [{model: a/b, on: [timeout]}]}}")[0][2] == 'nothing raises it; write "unavailable"'


def test_an_empty_section_is_its_defaults():
    """``openai:`` with nothing behind it."""
    shaped = shape(read("providers:\n  openai:\nserver:\n").tree)

    assert shaped.findings == ()
    assert list(shaped.file.providers) == ["openai"]


def test_one_value_may_stand_for_a_list():
    """``task: math`` and ``task: [math]`` are the same."""
    for text in ("math", "[math]"):
        assert shape(read(f"routes: {{r: {{when: {{task: {text}}}}}}}").tree).file.routes["r"].when.task == ("math",)


keys = st.sampled_from(
    [*File.model_fields, "web", "openai", "when", "any", "not", "static", "models", "price", "keys", "on", "fallback", "x/y", ""]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.floats()
    | st.sampled_from(["openai/large", "1s", "env:X", "any", "", "\x00"])
)
trees = st.recursive(
    scalars, lambda inner: st.dictionaries(keys, inner, max_size=4) | st.lists(inner, max_size=3).map(tuple), max_leaves=25
)


@given(st.dictionaries(keys, trees, max_size=5))
def test_any_tree_is_shaped(tree):
    """Whatever the values, what fits is kept and the rest is a finding; nothing is raised and the input is not changed."""
    before = repr(tree)
    shaped = shape(tree)

    assert isinstance(shaped.file, File)
    assert repr(tree) == before
    assert bool(shaped.findings) == bool(shaped.left_out)
