from hashlib import sha256

from ruamel.yaml import YAML
from typer.testing import CliRunner

from turnout.cli.keys import app, key_hash, new_key
from turnout.config.document import read
from turnout.config.shape import shape
from turnout.content.seal import key_bytes


def test_a_new_key_and_its_line():
    """The key first, then a line that auth.keys accepts; its hash is the key's."""
    result = CliRunner().invoke(app, ["new", "web"])
    key, line = result.stdout.splitlines()

    assert result.exit_code == 0
    assert key.startswith("tk-")
    assert len(key) == 3 + 43
    entry = YAML(typ="safe", pure=True).load(line)[0]
    assert entry == {"name": "web", "hash": "sha256:" + sha256(key.encode()).hexdigest()}
    assert shape(read(f"auth:\n  keys:\n  {line}\n").tree).findings == ()


def test_a_name_that_the_policy_would_refuse():
    """Wrong usage, before a key is made."""
    result = CliRunner().invoke(app, ["new", "my key"])

    assert result.exit_code == 2
    assert "tk-" not in result.output


def test_keys_differ():
    """32 random bytes each."""
    assert len({new_key() for _ in range(50)}) == 50


def test_hashing_a_key_from_standard_input():
    """Never as an argument: those are seen by every process on the machine."""
    result = CliRunner().invoke(app, ["hash"], input="tk-abc\n")

    assert (result.exit_code, result.output.strip()) == (0, key_hash("tk-abc"))
    assert CliRunner().invoke(app, ["hash"], input="\n").exit_code == 2


def test_a_key_for_content():
    """On standard output alone, so that it can go into a file; what to do with it is said beside it."""
    first, second = (CliRunner().invoke(app, ["content"]) for _ in range(2))

    assert first.exit_code == 0
    assert len(key_bytes(first.stdout)) == 32
    assert first.stdout != second.stdout
    assert "content_key: file:PATH" in first.stderr
