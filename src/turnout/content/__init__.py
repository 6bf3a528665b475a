"""Prompts and answers where a route keeps them: redacted, sealed, opened."""
