"""Metrics and traces for other systems, under the names that those know."""
