"""The tables of version 5, the first that Alembic made: all of them. ``store.adopt`` brings older ledgers here."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    text,
)

revision = "0005"
down_revision = None

tables = MetaData()
requests = Table(
    "requests",
    tables,
    Column("id", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("worker", String, nullable=False),
    Column("policy", Integer, nullable=False),
    Column("view", String, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("plan", String, nullable=False),
    Column("route", String),
    Column("reason", String),
    Column("model", String),
    Column("outcome", String, nullable=False),
    Column("code", String),
    Column("status", SmallInteger, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("duration_ms", Float, nullable=False),
    Column("first_token_ms", Float),
    Column("decision_us", Float, nullable=False),
    Column("cost_pico", BigInteger),
    Column("baseline_pico", BigInteger),
    Column("attempts", SmallInteger, nullable=False),
    Column("task", String),
    Column("band", String),
    Column("complexity", Float),
    Column("caller", String),
    Column("session", String),
    Column("tokens_in", BigInteger),
    Column("tokens_out", BigInteger),
    Column("traits", LargeBinary),
    Column("skipped", String),
    Column("edition", SmallInteger, nullable=False),
    Column("saved_pico", BigInteger),
    Column("drill", String),
    Column("ticket", String),
    Column("copy_of", String),
    Column("trace", String),
    Column("turn_before", BigInteger),
    Column("turn", BigInteger),
    Column("digest", LargeBinary),
    Column("verdict", Float),
    Column("verdict_by", String),
    Index("requests_at", "at"),
    Index(
        "requests_session",
        "session",
        "at",
        sqlite_where=text("session is not null"),
        postgresql_where=text("session is not null"),
    ),
    Index("requests_turns", "at", sqlite_where=text("turn is not null"), postgresql_where=text("turn is not null")),
)

attempts = Table(
    "attempts",
    tables,
    Column("request_id", String, primary_key=True),
    Column("n", SmallInteger, primary_key=True, autoincrement=False),
    Column("model", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("started_ms", Float, nullable=False),
    Column("ended_ms", Float, nullable=False),
    Column("first_token_ms", Float),
    Column("status", SmallInteger),
    Column("fault", String),
    Column("detail", String),
    Column("cost_pico", BigInteger),
    Column("upstream_model", String),
    Column("input", BigInteger),
    Column("cache_read", BigInteger),
    Column("cache_write", BigInteger),
    Column("cache_write_1h", BigInteger),
    Column("input_audio", BigInteger),
    Column("input_image", BigInteger),
    Column("output", BigInteger),
    Column("reasoning", BigInteger),
    Column("output_audio", BigInteger),
    Column("output_image", BigInteger),
    Column("complete", Boolean),
    Column("edition", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)

journal_offsets = Table(
    "journal_offsets",
    tables,
    Column("segment", String, primary_key=True),
    Column("offset", BigInteger, nullable=False),
)

refused = Table(
    "refused",
    tables,
    Column("n", Integer, primary_key=True),
    Column("segment", String, nullable=False),
    Column("error", String, nullable=False),
    Column("record", LargeBinary, nullable=False),
)

views = Table(
    "views",
    tables,
    Column("hash", String, primary_key=True),
    Column("policy", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("note", String, nullable=False),
)

tickets = Table(
    "tickets",
    tables,
    Column("id", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("route", String, nullable=False),
    Column("tenant", String),
    Column("task", String),
    Column("why", String, nullable=False),
    Column("asked", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("text", String),
    Column("by", String),
    Column("settled_at", Float),
    Index("tickets_at", "at"),
    Index("tickets_state", "state", "at"),
    Index("tickets_settled", "settled_at"),
)

contents = Table(
    "contents",
    tables,
    Column("request_id", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("keeping", String, nullable=False),
    Column("key", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("contents_at", "at"),
)

feedback = Table(
    "feedback",
    tables,
    Column("id", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("source", String, nullable=False),
    Column("request_id", String),
    Column("session", String),
    Column("tenant", String),
    Column("name", String),
    Column("value", Float),
    Column("verdict", Float),
    Column("note", String),
    Column("state", String, nullable=False),
    Index("feedback_at", "at"),
    Index("feedback_request", "request_id"),
    Index("feedback_session", "session"),
    Index("feedback_waiting", "request_id", sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'")),
)

rollups = Table(
    "rollups",
    tables,
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("made", Float, nullable=False),
    Column("slice", LargeBinary, nullable=False),
)

rollups_due = Table(
    "rollups_due",
    tables,
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("mark", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    tables,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("payload", String, nullable=False),
    Column("prev", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("audit_at", "at"),
)

policies = Table(
    "policies",
    tables,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("base", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("note", String, nullable=False),
    Column("restores", Integer),
)

leases = Table(
    "leases",
    tables,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", Float, nullable=False),
)


def upgrade() -> None:
    tables.create_all(op.get_bind(), checkfirst=False)
