"""`turnout keys`: make virtual keys and hash them, and make keys for content. Each is shown once; the policy has no key itself."""

import re
import secrets
import sys
from hashlib import sha256
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Virtual keys: make one, or hash one. Keys for content: make one.")

PREFIX = "tk-"


def new_key() -> str:
    """32 random bytes behind a prefix that secret scanners can look for."""
    return PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> str:
    """``sha256:HEX``, what ``auth.keys`` holds.

    One plain SHA-256 is enough: a key is 256 random bits, not a password, so there is nothing that a slow hash would
    make harder to guess, and each request hashes its key anew.
    """
    return f"sha256:{sha256(key.encode()).hexdigest()}"


@app.command()
def new(name: Annotated[str, typer.Argument(help="Who will use it; records carry this name.")]) -> None:
    """Print a fresh key, once, and the line for auth.keys."""
    from turnout.config.scalars import NAME_PATTERN

    if not re.fullmatch(NAME_PATTERN, name):
        print("a name holds letters, digits, `_`, `.`, `-` only, at most 64", file=sys.stderr)
        raise typer.Exit(2)
    key = new_key()
    print(key)
    print("# It is not stored anywhere: keep it now. Its line in turnout.yaml, under auth.keys:", file=sys.stderr)
    print(f'- {{name: {name}, hash: "{key_hash(key)}"}}')


@app.command("hash")
def hash_() -> None:
    """Read a key on standard input and print its hash."""
    line = sys.stdin.buffer.readline().strip()
    if not line:
        print("no key on standard input", file=sys.stderr)
        raise typer.Exit(2)
    if not (line.isascii() and line.decode().isprintable()):
        print("a key is one line of printable ASCII: nothing else can be sent in a header", file=sys.stderr)
        raise typer.Exit(2)
    print(key_hash(line.decode()))


@app.command()
def content() -> None:
    """Print a fresh key that content is sealed with, and the line for turnout.yaml."""
    from turnout.content.seal import new_key as fresh

    print(fresh())
    print(
        "# Whoever has it reads all content, and nobody else does: a lost key cannot be made again.\n"
        "# Keep it in a file that only this user reads, or in an environment variable. In turnout.yaml, under store:\n"
        "#   content_key: file:PATH       # or env:NAME; [NEW, OLD] when it is replaced",
        file=sys.stderr,
    )
