"""What a worker knows of its providers right now: their health and their room. Local, recorded with each request, never replayed."""
