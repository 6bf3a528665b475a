"""Hooks of an operator, good and bad."""

import os
import re

from turnout.checks.answer import Answer


def passes(answer: Answer) -> None:
    pass


def short(answer: Answer) -> bool:
    return len(answer.text) < 10


def reasons(answer: Answer) -> str | None:
    return "too rude" if "fool" in answer.text else None


def long_reason(answer: Answer) -> str:
    return "x" * 1000


def breaks(answer: Answer) -> bool:
    raise KeyError(answer.text)


def leaves(answer: Answer) -> bool:
    raise SystemExit(0)


def counts(answer: Answer) -> int:
    return 1


def prints(answer: Answer) -> bool:
    print("noise that must not reach the verdicts", flush=True)
    return True


def dies(answer: Answer) -> bool:
    os._exit(3)


def closes_the_pipe(answer: Answer) -> bool:
    os.closerange(3, 64)
    re.search(r"^(a+)+$", "a" * 60 + "!")
    return True


async def waits(answer: Answer) -> bool:
    return True
