"""Where the ledger is may be written in five ways; a password in none of them."""

from pathlib import Path

import pytest

from turnout.build.ledger import ledger_place
from turnout.config.store import check_store, store_url
from turnout.errors import Problem, Unusable

SECRET = "postgresql://turnout:hunter2@db.example/ledger"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite",
        "sqlite:///ledger.db",
        "sqlite:////var/lib/ledger.db",
        "postgresql://turnout@db:5432/ledger",
        "postgres:///ledger?host=/run/pg",
    ],
)
def test_a_store_may_be_written_out(url: str):
    """As it is, where nothing of it is secret."""
    assert store_url(url, {}) == url
    assert list(check_store(url, {}, serving=True)) == []


def test_a_url_may_be_kept_elsewhere(tmp_path: Path):
    """In the environment or in a file, and then it may hold a password."""
    (tmp_path / "url").write_text(SECRET + "\n")

    assert store_url("env:STORE", {"STORE": SECRET}) == SECRET
    assert store_url(f"file:{tmp_path / 'url'}", {}) == SECRET
    assert list(check_store("env:STORE", {"STORE": SECRET}, serving=True)) == []


@pytest.mark.parametrize("url", [SECRET, "postgresql://db/ledger?user=turnout&password=hunter2"])
def test_a_password_may_not_stand_in_the_file(url: str):
    """It is named as what it is, and not repeated."""
    (found,) = check_store(url, {}, serving=True)

    assert (found.message, found.warning) == ("a password may not stand in the file", False)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://db/ledger",
        "sqlite://",
        "sqlite:ledger.db",
        "postgresql://db",
        "postgresql://u:hunter2/@db/x",
        "postgresql://db:x/y",
        "ledger.db",
    ],
)
def test_what_is_no_store_is_refused_without_being_repeated(url: str):
    """In the file, and where the file refers to; by a start too."""
    found = store_url("env:STORE", {"STORE": url})

    assert isinstance(found, Problem)
    assert found.message == "what env:STORE holds is not a store's URL"
    assert [each.message for each in check_store(url, {}, serving=False)] == ["not a store"]
    with pytest.raises(Unusable) as refused:
        ledger_place(Path("data"), "env:STORE", {"STORE": url})
    assert "hunter2" not in str(refused.value)


def test_a_variable_that_is_not_set_stops_a_start_only():
    """A file may be meant for another machine."""
    (serving,), (looking,) = (list(check_store("env:STORE", {}, serving=each)) for each in (True, False))

    assert (serving.message, serving.warning, looking.warning) == ("environment variable STORE is not set", False, True)


def test_the_default_is_in_the_data_directory():
    """Every other place is as written."""
    assert ledger_place(Path("data"), "sqlite") == Path("data/ledger.db")
    assert ledger_place(Path("data"), "sqlite:///other.db") == "sqlite:///other.db"
