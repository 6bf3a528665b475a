"""One place makes the engine, and no text of it holds a password."""

import builtins
import traceback
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.postgres import Postgres
from turnout.errors import Unusable
from turnout.store.engine import make_engine, said
from turnout.store.ledger import Ledger


@pytest.mark.parametrize("where", [Path("a%2Fb c?.db"), "a%2Fb c?.db"])
def test_a_path_is_taken_as_it_is(tmp_path: Path, where: Path | str):
    """Whatever characters it has, it is no URL."""
    engine = make_engine(str(tmp_path / where) if isinstance(where, str) else tmp_path / where)

    assert engine.url.database == str(tmp_path / where)
    engine.dispose()


@pytest.mark.parametrize(
    "url", ["postgresql://u:hunter2@h/d", "postgres://u:hunter2@h/d", "postgresql+psycopg://u@h/d?password=hunter2"]
)
def test_postgres_is_reached_by_psycopg_and_its_password_is_not_shown(url: str):
    """Neither by the engine nor by the name that messages use."""
    engine = make_engine(url)

    assert (engine.dialect.name, engine.dialect.driver) == ("postgresql", "psycopg")
    assert "hunter2" not in said(engine.url)
    assert engine.url.password in ("hunter2", None)


@pytest.mark.parametrize(
    "url", ["mysql://u:hunter2@h/d", "postgresql://u:hunter2@h:port/d", "postgresql+asyncpg://u:hunter2@h/d"]
)
def test_another_url_is_refused_and_not_repeated(url: str):
    """What may be written is said instead."""
    with pytest.raises(Unusable, match=r"write sqlite, sqlite:///PATH or postgresql://") as refused:
        make_engine(url)

    assert "hunter2" not in "".join(traceback.format_exception(refused.value, chain=False))


def test_a_missing_client_is_named(monkeypatch: pytest.MonkeyPatch):
    """With the extra that installs it."""
    real = builtins.__import__

    def without(name: str, *more: object, **named: object) -> object:
        if name.partition(".")[0] == "psycopg":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(
        Unusable, match=r"postgresql\+psycopg://u:\*\*\*@h/d needs PostgreSQL's client: pip install 'turnout\[postgres\]'"
    ):
        make_engine("postgresql://u:hunter2@h/d")


def test_a_server_that_is_not_there_is_said_to_be_away():
    """In a line, without the password."""
    with pytest.raises(Unusable, match=r"127\.0\.0\.1:1/ledger cannot be opened: connection failed") as refused:
        Ledger("postgresql://turnout:hunter2@127.0.0.1:1/ledger")

    assert "hunter2" not in str(refused.value)


def test_a_connection_says_whose_it_is_and_waits_for_no_statement_forever(postgres: Postgres):
    """A person who looks into the server sees it; what hangs ends. A URL may say otherwise."""
    url = postgres.fresh()

    for engine, expected in (
        (make_engine(url), ("turnout", "2min")),
        (make_engine(f"{url}&application_name=mine&options=-cstatement_timeout%3D50"), ("mine", "50ms")),
    ):
        with engine.connect() as raw:
            shown = tuple(raw.exec_driver_sql(f"show {name}").scalar() for name in ("application_name", "statement_timeout"))
            assert shown == expected
            if expected[1] == "50ms":
                with pytest.raises(OperationalError, match="statement timeout"):
                    raw.exec_driver_sql("select pg_sleep(5)")
        engine.dispose()
