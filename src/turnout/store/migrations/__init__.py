"""How the tables came to be as they are, step by step (Alembic). ``store.upgrade`` decides when they run."""
