"""Who gave a command, as the audit trail and the policy's history name them."""

import getpass
import os
import re

LONGEST = 64
_ODD = re.compile(r"[^A-Za-z0-9._@-]+")


def actor() -> str:
    """``cli:USER``, by what the environment or the system calls the user, else the user's number. It is told, not proved."""
    try:
        named = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        named = ""
    plain = _ODD.sub("_", named)[:LONGEST].strip("_")
    return f"cli:{plain or _number()}"


def _number() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
