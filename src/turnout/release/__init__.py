"""Releases: from a model event to adoption or rollback, one step at a time (ADR 10)."""
