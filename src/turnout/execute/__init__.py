"""Doing what a plan says: attempts (pure rules), commit (what is held back), watch (limits), executor (the I/O)."""
