"""The admin token: made on first start, readable by the owner only, never logged."""

import os
import secrets
from pathlib import Path

NAME = "admin-token"


def admin_token(data_dir: Path) -> str:
    """The token in the data directory; made there when there is none. Raises OSError."""
    path = data_dir / NAME
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(fd, "w") as file:
        token = secrets.token_urlsafe(32)
        file.write(token + "\n")
    return token
