"""One file for each version of the tables, never edited once it was released. ``v0005`` is the first."""
