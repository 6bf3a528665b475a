"""The process that checks run in: one message in, one message out, each within its time.

Compiling, matching and validating hold the interpreter, and a pattern, a schema or a hook may never end. Here that costs nobody but
the answer at hand: the kernel's alarm ends the process, whatever it is busy with.
"""

import os
import resource
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

import msgspec

from turnout.checks.answer import Answer, Failed
from turnout.checks.verify import verify
from turnout.types.checks import Check

MEMORY = 2**30
"""Bytes of address space, so that a hostile source takes this process's memory and not the machine's."""


class Job(msgspec.Struct, frozen=True):
    """One check of one answer, and the seconds it may take."""

    check: Check
    answer: Answer
    seconds: float


JOB = msgspec.msgpack.Decoder(Job)
VERDICT: msgspec.msgpack.Decoder[Failed | None] = msgspec.msgpack.Decoder(Failed | None)
ENCODER = msgspec.msgpack.Encoder()
SIZE = 4


def framed(message: object) -> bytes:
    """A message with its length before it."""
    body = ENCODER.encode(message)
    return len(body).to_bytes(SIZE, "big") + body


def serve(jobs: BinaryIO, verdicts: BinaryIO) -> None:
    """Answer jobs until there are no more."""
    while head := jobs.read(SIZE):
        job = JOB.decode(jobs.read(int.from_bytes(head, "big")))
        signal.setitimer(signal.ITIMER_REAL, job.seconds)
        verdict = verify((job.check,), job.answer)
        signal.setitimer(signal.ITIMER_REAL, 0)
        verdicts.write(framed(verdict))
        verdicts.flush()


def main() -> None:
    """Serve on what stdin and stdout are; a hook that prints, prints to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the gateway, whose end closes stdin
    with suppress(ValueError, OSError):  # a system without this limit, or with a lower one
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    verdicts = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, verdicts)


if __name__ == "__main__":
    main()
