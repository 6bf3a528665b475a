"""Version 6: what the release loop keeps, and which trial a request was on."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, text

revision = "0006"
down_revision = "0005"

tables = MetaData()
releases = Table(
    "releases",
    tables,
    Column("id", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("event", String, nullable=False),
    Column("model", String, nullable=False),
    Column("route", String, nullable=False),
    Column("phase", String, nullable=False),
    Column("is_over", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("releases_at", "at"),
    Index("releases_open", "route", sqlite_where=text("is_over = 0"), postgresql_where=text("not is_over")),
)

release_steps = Table(
    "release_steps",
    tables,
    Column("release", String, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("phase", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("note", String, nullable=False),
    Column("share", Float, nullable=False),
    Column("evidence", String),
    Column("policy", Integer),
    Column("content", LargeBinary),
)

trial_points = Table(
    "trial_points",
    tables,
    Column("release", String, primary_key=True),
    Column("at", Float, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

trial_states = Table(
    "trial_states",
    tables,
    Column("release", String, primary_key=True),
    Column("upto", Float, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

lock = Table(
    "lock",
    tables,
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("actor", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

catalog_events = Table(
    "catalog_events",
    tables,
    Column("id", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("model", String, nullable=False),
    Column("state", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("catalog_events_at", "at"),
    Index("catalog_events_model", "model", "at"),
)

bench_runs = Table(
    "bench_runs",
    tables,
    Column("id", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("suite", String, nullable=False),
    Column("state", String, nullable=False),
    Column("release", String),
    Column("content", LargeBinary, nullable=False),
    Index("bench_runs_at", "at"),
)

bench_results = Table(
    "bench_results",
    tables,
    Column("run", String, primary_key=True),
    Column("case", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("repeat", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

cells = Table(
    "cells",
    tables,
    Column("model", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("band", String, primary_key=True),
    Column("basis", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

alerts = Table(
    "alerts",
    tables,
    Column("id", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("sent", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due", Float),
    Index("alerts_at", "at"),
    Index("alerts_key", "key", "at"),
    Index("alerts_due", "due", sqlite_where=text("due is not null"), postgresql_where=text("due is not null")),
)


def upgrade() -> None:
    for column in (Column("trial", String), Column("side", String), Column("propensity", Float), Column("unit", String)):
        op.add_column("requests", column)
    known = text("trial is not null")
    op.create_index("requests_trial", "requests", ["trial", "at"], sqlite_where=known, postgresql_where=known)
    drawn = text("unit is not null")
    op.create_index("requests_unit", "requests", ["unit", "at"], sqlite_where=drawn, postgresql_where=drawn)
    judged = text("verdict is not null")
    op.create_index("requests_judged", "requests", ["at"], sqlite_where=judged, postgresql_where=judged)
    tables.create_all(op.get_bind(), checkfirst=False)
