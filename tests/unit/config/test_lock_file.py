"""The lock's face: written for people, read as it was written."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.config.lock import lock_path, lock_text, read_lock, write_lock
from turnout.errors import ConfigProblems
from turnout.types.checks import Check, Hook, JsonSchema, JsonValid, Length, NotRefusal, PythonCompiles, Regex
from turnout.types.lock import Adopted, Frozen, Lock, Mirroring, RouteLock, Running
from turnout.types.money import PicoDollars

WHEN = {"any": [{"complexity": ["simple", "moderate"]}, {"tags": {"plan": "yes"}}], "tokens": {"below": 4000}}
ADOPTED = Adopted("rel-1", "segment", "openai/small", 1_795_000_000.25, "ann", WHEN, (JsonValid(),), approved=True)
TRIAL = Running("rel-2", "cascade", "local/llama", 0.05, "0011", None, (PythonCompiles(), Regex('no: "x" #', found=False)))
LOCK = Lock(
    7,
    {
        "support": RouteLock("aa", "bb", (ADOPTED,), TRIAL),
        "code": RouteLock("0123", "1e5", mirror=Mirroring("rel-3", "a/b", 0.1, PicoDollars(12), WHEN)),
    },
    Frozen("bob", 1_795_000_001.0, "it is: Friday"),
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Also what YAML could take for something else: digests that look like numbers, words that look like answers."""
    path = tmp_path / "turnout.lock.yaml"
    content = write_lock(path, LOCK, 12)

    assert read_lock(path) == LOCK
    assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["turnout.lock.yaml"]


def test_it_tells_people_what_it_is(tmp_path: Path) -> None:
    """Who wrote it, how to take it over, how to go back; routes by name, moments in words."""
    text = lock_text(LOCK, 12, tmp_path / "mine.lock.yaml")

    assert text.startswith("# Written by Turnout: what releases made of the routes in mine.yaml.")
    assert "turnout policy pull" in text
    assert "&id" not in text
    assert "turnout policy rollback" in text
    assert text.index("  code:") < text.index("  support:")
    assert "at: 1795000000.25 # 2026-11-18 11:06:40 UTC" in " ".join(text.split())
    assert "policy: 12 # the version in force with it" in " ".join(text.split())


TEXTS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Co", "Cn", "Zl", "Zp"), blacklist_characters="\ufeff"),
    min_size=1,
    max_size=12,
)
CHECKS: st.SearchStrategy[Check] = st.one_of(
    st.just(JsonValid()), st.just(PythonCompiles()), st.just(NotRefusal()), st.just(JsonSchema()),
    st.just(JsonSchema('{"type": "object"}')), st.builds(Regex, TEXTS, st.booleans()), st.builds(Length, st.just(1), st.just(9)),
    st.just(Hook("a.b:c")),
)  # fmt: skip
WHENS: st.SearchStrategy[Any] = st.none() | st.builds(lambda key, value: {"tags": {key: value}, "task": [value]}, TEXTS, TEXTS)
ADOPTIONS = st.builds(
    Adopted, TEXTS, st.sampled_from(["primary", "segment", "cascade"]), st.just("a/b"), st.floats(0, 4e9), TEXTS, WHENS,
    st.lists(CHECKS, max_size=3).map(tuple), st.booleans(),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(ADOPTIONS, max_size=3), TEXTS)
def test_any_lock_goes_there_and_back(tmp_path_factory: pytest.TempPathFactory, adopted: list[Adopted], why: str) -> None:
    """Whatever people put into names, patterns and reasons."""
    lock = Lock(1, {"support": RouteLock("a", "b", tuple(adopted))}, Frozen("x", 1.0, why))
    path = tmp_path_factory.mktemp("lock") / "turnout.lock.yaml"
    write_lock(path, lock, None)

    assert read_lock(path) == lock


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("revision: 1\nroutes: [", "not readable as YAML"),
        ("routes: {}", "revision: missing"),
        ("revision: 1\nroutes:\n  support: {over: a, chooses: b, trail: 1}", "3  routes.support.trail: unknown key; take it out"),
        ("revision: 1\nroutes:\n  s:\n    over: a\n    chooses: b\n    adopted:\n      - {release: r}", "7  routes.s.adopted[0].role: missing"),
        ("revision: x", "1  revision: must be a whole number"),
        ("revision: 1\nrevision: 2", "written twice"),
        ("revision: 1\nroutes: {s: {over: a, chooses: b, mirror: {release: r, model: a/b, sample: 2, budget: 1}}}", "less than or equal to 1"),
        ("revision: 1\nroutes: {s: {over: a, chooses: b, mirror: {release: r, model: a/b, sample: 1, budget: 1, when: {tusk: x}}}}",
         "routes.s.mirror.when.tusk: unknown key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Somebody edited it, and wants to know."""
    path = tmp_path / "turnout.lock.yaml"
    path.write_text(text)

    with pytest.raises(ConfigProblems, match=r"turnout\.lock\.yaml") as refused:
        read_lock(path)
    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """As any that cannot be read."""
    with pytest.raises(ConfigProblems, match="cannot be read: No such file"):
        read_lock(tmp_path / "none.lock.yaml")


def test_where_it_lies(tmp_path: Path) -> None:
    """Two policies in one folder have one each."""
    assert lock_path(tmp_path / "turnout.yaml", Path("/data")) == tmp_path / "turnout.lock.yaml"
    assert lock_path(tmp_path / "eu.yaml", Path("/data")) == tmp_path / "eu.lock.yaml"
    assert lock_path(None, Path("/data")) == Path("/data/turnout.lock.yaml")
