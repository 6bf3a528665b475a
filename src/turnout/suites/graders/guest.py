"""Runs inside the sandbox, alone: an answer's code, then its tests, within bounds. The standard library and nothing of ours.

What it finds leaves by a pipe of its own, each line behind a token that the code it runs has not been told, so that a program that
prints, or ends itself before its tests, has not passed them.
"""

import json
import os
import resource
import sys
import types
from typing import Any

MEMORY = 512 * 2**20
"""Bytes of address space, of each process."""
PROCESSES = 16
FILE = 8 * 2**20
"""Bytes a file may have."""
FILES = 64
SAID = 200
"""Characters of what an exception says."""


def confine(seconds: float) -> None:
    """Limits that hold for this process and all it starts, and that none of them can raise."""
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_NPROC: PROCESSES,
        resource.RLIMIT_FSIZE: FILE,
        resource.RLIMIT_NOFILE: FILES,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))


def verdict(code: str, tests: str) -> str | None:
    """What went wrong, None when the tests passed."""
    module = types.ModuleType("answer")
    sys.modules["answer"] = sys.modules["__main__"] = module  # where unittest and dataclasses look
    for stage, source in (("code", code), ("tests", tests)):
        try:
            exec(compile(source, stage, "exec", dont_inherit=True), module.__dict__)  # noqa: S102  what a sandbox is for
        except SystemExit as end:
            if _line(end, "code"):  # unittest.main() ends the program when all is well: tests may, what they test may not
                return "the code ends the program before its tests are done"
            if end.code:
                return f"tests: the program ended with {end.code!r:.{SAID}}"
        except BaseException as error:  # noqa: BLE001  the edge to code that is not ours
            return f"{_place(error, stage)}: {_said(error)}"
    return None


def _place(error: BaseException, stage: str) -> str:
    """Stage and line, of the tests rather than of what they called: ``tests, line 3``."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == stage else _line(error, stage)
    return f"{stage}, line {line}" if line else stage


def _line(error: BaseException, stage: str) -> int | None:
    """The outermost line of that source that the exception went through."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == stage:
            return trace.tb_lineno
        trace = trace.tb_next
    return None


def _said(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  its __str__ is not ours either
        text = ""
    return f"{type(error).__name__}: {text[:SAID]}" if text else type(error).__name__


def main() -> None:
    """One job from stdin, as JSON; ``TOKEN ready``, then ``TOKEN`` and the finding as JSON, to what stdout was."""
    job: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    out = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    token, own = job["token"], os.getpid()
    confine(job["seconds"])
    os.write(out, f"{token} ready\n".encode())
    found = verdict(job["code"], job["tests"])
    if os.getpid() == own:  # a copy that the code made of itself has no say
        os.write(out, f"{token} {json.dumps(found)}\n".encode())
    os._exit(0)  # threads and exit handlers of the code have had their time


if __name__ == "__main__":
    main()
