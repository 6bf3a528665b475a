"""The ledger's tables. Money in pico-dollars, times in unix seconds and milliseconds, tokens in disjoint buckets (types.reply.Usage)."""

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

metadata = MetaData()

VERSION = 6
"""Raised with every change of a table. ``store.upgrade`` adds what is new to an older ledger; any other is refused in words, not in SQL."""

# Ids begin with the time of arrival: in that order a key's page is nearly always the one at hand, and an insert costs half.
requests = Table(
    "requests",
    metadata,
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
    # Copies of what queries filter and group by; the traits themselves are the truth.
    Column("task", String),
    Column("band", String),
    Column("complexity", Float),
    Column("caller", String),
    Column("session", String),
    # Sums over the attempts that reported usage, None when none did.
    Column("tokens_in", BigInteger),
    Column("tokens_out", BigInteger),
    Column("traits", LargeBinary),
    # Steps that dispatch left out, as JSON [[model, reason], ...]; None when it left out none.
    Column("skipped", String),
    # A request may have several records; its rows are those of the highest edition that has come.
    Column("edition", SmallInteger, nullable=False),
    # What a cached answer would have cost; the drill it was part of; the ticket it was handed over with; whose copy it is.
    Column("saved_pico", BigInteger),
    Column("drill", String),
    Column("ticket", String),
    Column("copy_of", String),
    Column("trace", String),
    # A session's turn (types.record): what came before the last message, and the message.
    Column("turn_before", BigInteger),
    Column("turn", BigInteger),
    # The release on whose trial it was, its arm, and with which probability that was drawn.
    Column("trial", String),
    Column("side", String),
    Column("propensity", Float),
    # Of all columns above and the attempts' (store.digests): what was stored is what was recorded.
    Column("digest", LargeBinary),
    # Whom a trial drew an arm for: the session's or the user's name; None: the request alone, or no trial.
    Column("unit", String),
    # What feedback says of the answer, 0..1, and who said it; not a part of the record.
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
    Index("requests_trial", "trial", "at", sqlite_where=text("trial is not null"), postgresql_where=text("trial is not null")),
    Index("requests_unit", "unit", "at", sqlite_where=text("unit is not null"), postgresql_where=text("unit is not null")),
    Index("requests_judged", "at", sqlite_where=text("verdict is not null"), postgresql_where=text("verdict is not null")),
)

attempts = Table(
    "attempts",
    metadata,
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
    # Usage: all null when the provider reported none.
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
    # Of the record it came with.
    Column("edition", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)

# How far each segment has been read, changed in the transaction that stores what was read.
journal_offsets = Table(
    "journal_offsets",
    metadata,
    Column("segment", String, primary_key=True),
    Column("offset", BigInteger, nullable=False),
)

# Records that the ledger could not take, kept as they came: nothing is lost silently, and one bad record stops no other.
refused = Table(
    "refused",
    metadata,
    Column("n", Integer, primary_key=True),
    Column("segment", String, nullable=False),
    Column("error", String, nullable=False),
    Column("record", LargeBinary, nullable=False),
)

# Each view that was ever published, and the policy version it carries.
views = Table(
    "views",
    metadata,
    Column("hash", String, primary_key=True),
    Column("policy", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("note", String, nullable=False),
)

# Requests handed to people (types.tickets). Copies of what lists show and filter by; the content, as JSON, is the truth.
tickets = Table(
    "tickets",
    metadata,
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
    # What people said: the answer, or why there is none.
    Column("text", String),
    Column("by", String),
    Column("settled_at", Float),
    Index("tickets_at", "at"),
    Index("tickets_state", "state", "at"),
    Index("tickets_settled", "settled_at"),
)

# What was asked and answered, where a route keeps it, encrypted (types.content); deleted apart from the rest.
contents = Table(
    "contents",
    metadata,
    Column("request_id", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("keeping", String, nullable=False),
    Column("key", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("contents_at", "at"),
)

# What was thought of answers (types.feedback). ``state``: joined, waiting (its request has not come), foreign (another tenant's).
feedback = Table(
    "feedback",
    metadata,
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

# Sums over a minute, an hour or a day (store.rollups): one row each, as one value. ``made`` is when, unix seconds.
rollups = Table(
    "rollups",
    metadata,
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("made", Float, nullable=False),
    Column("slice", LargeBinary, nullable=False),
)

# Minutes whose requests have changed since they were summed; ``mark`` rises with each change.
rollups_due = Table(
    "rollups_due",
    metadata,
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("mark", BigInteger, nullable=False),
)

# The chain of everything that changed what the router does (turnout.audit). ``payload`` is the canonical JSON that was hashed.
audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("payload", String, nullable=False),
    Column("prev", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("audit_at", "at"),
)

# Each policy version, and why it is in force. ``base`` is the hash of the file that holds policy and facts (turnout.view).
policies = Table(
    "policies",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("base", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("note", String, nullable=False),
    # The version that this one brought back, where it did.
    Column("restores", Integer),
)

# Who does the control work: one process at a time (DESIGN section 1).
leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", Float, nullable=False),
)

# Releases (types.release): one row for each model event on a route. ``content`` is the whole as JSON, the columns are copies to filter by.
releases = Table(
    "releases",
    metadata,
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

# Their histories, a line a step. ``content`` is the evidence a step rested on, as JSON.
release_steps = Table(
    "release_steps",
    metadata,
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

# Evidence over time, for charts: a trial's readings now and then, as JSON (types.evidence).
trial_points = Table(
    "trial_points",
    metadata,
    Column("release", String, primary_key=True),
    Column("at", Float, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

# Where the fold of a trial's settled exposures stands: everything that arrived before ``upto``.
trial_states = Table(
    "trial_states",
    metadata,
    Column("release", String, primary_key=True),
    Column("upto", Float, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

# What releases decided (types.lock): one row, ``n`` 1, changed by compare-and-set on ``revision``.
lock = Table(
    "lock",
    metadata,
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("actor", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# What differed between two looks at the world's catalogs (types.release.CatalogEvent).
catalog_events = Table(
    "catalog_events",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("model", String, nullable=False),
    Column("state", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("catalog_events_at", "at"),
    Index("catalog_events_model", "model", "at"),
)

# Benchmarks (types.suite): runs, and each answer with its judgement.
bench_runs = Table(
    "bench_runs",
    metadata,
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
    metadata,
    Column("run", String, primary_key=True),
    Column("case", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("repeat", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# Measured quality (types.matrix): the latest cell of each kind. ``band`` is empty over all bands, ``suite`` for live cells.
cells = Table(
    "cells",
    metadata,
    Column("model", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("band", String, primary_key=True),
    Column("basis", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# What people are to be told (types.alert). ``sent`` names, as JSON, the channels that have it; ``due`` is when the next try is, None when done.
alerts = Table(
    "alerts",
    metadata,
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
