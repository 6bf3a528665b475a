"""Every kind of entry that is written into the chain, by what it tells. A new kind is a line here, and stands in the dashboard by that."""

ORIGIN, CHECKPOINT, PRUNED = "origin", "checkpoint", "pruned"
"""The chain's own: where it begins, that it was signed, that its oldest part was let go."""
START, MIGRATED = "start", "migrated"
"""The control process began; the ledger's tables were taken up to another version."""
POLICY, KEYS, CATALOG = "policy", "keys", "catalog"
"""A policy version came in force; what it changed of keys, and of facts on models."""
REFRESH = "refresh"
"""What the world's catalogs say was taken in or kept apart, or somebody took or dismissed it."""
DECISIONS, RETENTION = "decisions", "retention"
"""An hour's requests, hashed; requests older than the policy keeps were deleted."""
DRILL, TICKET = "drill", "ticket"
"""A drill on real traffic began or ended; people settled a request that was handed to them."""
RELEASE, TRIAL = "release", "trial"
"""A release went a step; what a trial, or a mirror, did on traffic."""
APPROVAL, FREEZE, LOCK = "approval", "freeze", "lock"
"""Somebody's word on a proposal; everything was frozen, or thawed; people changed what releases had decided."""
CONTENT_DELETED, EXPORTED = "content_deleted", "export"
"""Somebody had content deleted, or took the chain or the decision log out."""

KINDS = (
    POLICY, RELEASE, TRIAL, APPROVAL, FREEZE, LOCK, KEYS, CATALOG, REFRESH, DECISIONS, CHECKPOINT, DRILL, TICKET, CONTENT_DELETED, EXPORTED,
    RETENTION, START, MIGRATED, ORIGIN, PRUNED,
)  # fmt: skip
"""In the order in which people look for them."""
