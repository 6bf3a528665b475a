"""The names of releases: made from what they are about, so that an event that is seen twice opens none twice."""

from hashlib import sha256


def release_id(event: str, route: str) -> str:
    """Of a catalog event on a route: ``rel-`` and 12 hex digits."""
    return "rel-" + sha256(f"{event}\0{route}".encode()).hexdigest()[:12]
