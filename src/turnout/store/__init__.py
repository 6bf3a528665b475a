"""The ledger: the durable store of decisions, attempts and costs. SQLAlchemy Core, SQLite first, nothing only SQLite can do."""
