"""Rules that an answer can be held to before anyone sees it."""
