"""turnout.yaml into frozen values: read, shaped, checked, resolved. Every problem at once, each with its line."""
