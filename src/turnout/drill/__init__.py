"""Rehearsed failures: what is injected, what is measured, what the report says. No provider is touched."""
