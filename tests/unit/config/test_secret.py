import pickle

import pytest

from turnout.config.secret import Secret, resolve
from turnout.errors import Problem


def test_a_secret_shows_itself_only_when_asked():
    """Not in a repr, a format, a container, a pickle."""
    secret = Secret("sk-123")

    assert secret.reveal() == "sk-123"
    assert "123" not in f"{secret} {secret!r} {secret:>20} {[secret]} {secret!s}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_secrets_compare_by_value():
    """So that a changed credential is noticed."""
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_from_the_environment(tmp_path):
    """Blanks around it are nobody's intention."""
    assert resolve("env:KEY", {"KEY": " sk-1\n"}) == Secret("sk-1")
    assert isinstance(resolve("env:KEY", {"KEY": "  "}), Problem)
    assert isinstance(resolve("env:KEY", {}), Problem)


def test_from_a_file(tmp_path):
    """As mounted by orchestrators, with its final newline."""
    path = tmp_path / "key"
    path.write_text("sk-2\n")

    assert resolve(f"file:{path}", {}) == Secret("sk-2")
    path.write_text("")
    assert "empty" in resolve(f"file:{path}", {}).message
    path.write_bytes(b"\xff\xfe")
    assert "cannot be read" in resolve(f"file:{path}", {}).message
    assert "cannot be read" in resolve(f"file:{tmp_path}", {}).message
    assert "cannot be read" in resolve("file:\x00", {}).message


@pytest.mark.parametrize("value", ["sk-1\nhost: evil", "schlüssel", "a\x00b"])
def test_what_cannot_be_sent_in_a_header_is_a_problem(value):
    """A line break in a secret would be a header of its own. The value is not quoted."""
    problem = resolve("env:KEY", {"KEY": value})

    assert isinstance(problem, Problem)
    assert value not in problem.text()


def test_anything_else_is_no_reference():
    """A literal is never taken for one."""
    assert "not a reference" in resolve("sk-literal", {}).message
