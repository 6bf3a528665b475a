"""Every error a caller acts on, in one tree, classified once at the boundary.

TurnoutError                what the client is told: a code, a status, a message that says what to do
ProviderFault               how one upstream attempt failed; decides fallback and blame, and what the client is told at the chain's end
ClientGone                  nobody is there to be told anything
ConfigProblems              every problem of a policy file at once
Unusable                    the data directory or the ledger cannot be used: told to the person who started the program
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar, NamedTuple


class Code(StrEnum):
    """The closed set of error codes (PRODUCT section 4)."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    MODEL_NOT_FOUND = "model_not_found"
    TOO_LARGE = "too_large"
    NO_CANDIDATE = "no_candidate"
    RATE_LIMITED = "rate_limited"
    BUDGET_EXHAUSTED = "budget_exhausted"
    UPSTREAM_FAILED = "upstream_failed"
    OVERLOADED = "overloaded"
    DEADLINE_EXCEEDED = "deadline_exceeded"


STATUS: dict[Code, int] = {
    Code.INVALID_REQUEST: 400,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.MODEL_NOT_FOUND: 404,
    Code.TOO_LARGE: 413,
    Code.NO_CANDIDATE: 422,
    Code.RATE_LIMITED: 429,
    Code.BUDGET_EXHAUSTED: 429,
    Code.UPSTREAM_FAILED: 502,
    Code.OVERLOADED: 503,
    Code.DEADLINE_EXCEEDED: 504,
}


class TurnoutError(Exception):
    """What the client is told. ``param`` names the field at fault where there is one.

    ``retry`` False tells SDKs not to retry (``x-should-retry: false``), since our chain has done so, or the same request can only fail
    again; None says nothing of it. ``status`` is told instead of the code's own: an upstream's 4xx that is the caller's to mend, or one
    of HTTP's own (404, 405, 408, 431).
    """

    def __init__(
        self, code: Code, message: str, *, param: str | None = None, retry: bool | None = None, retry_after: float | None = None,
        status: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.retry = retry
        self.retry_after = retry_after
        self.status = status or STATUS[code]


class Blame(StrEnum):
    """Whose fault, and so what is done about it: only health counts against a breaker."""

    QUALITY = "quality"
    CAPACITY = "capacity"
    CONFIGURATION = "configuration"
    HEALTH = "health"
    CALLER = "caller"


class ProviderFault(Exception):
    """One upstream attempt failed. ``condition`` is what a fallback's ``on`` is matched with; None: no fallback may follow.

    ``status`` is the upstream's HTTP status (None: there was none), ``kind`` the dialect's own word for the error,
    ``retry_after`` seconds. Never holds a credential or a body beyond the provider's message.
    """

    blame: ClassVar[Blame] = Blame.HEALTH
    condition: ClassVar[str | None] = "unavailable"

    def __init__(
        self, message: str, *, status: int | None = None, kind: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.retry_after = retry_after

    @property
    def name(self) -> str:
        """The word records and metrics use: ``rate_limited``, ``timeout`` ..."""
        return FAULT_NAMES[type(self)]


class RateLimited(ProviderFault):
    """429, 529 and their like: the provider is well but has no room for us."""

    blame = Blame.CAPACITY
    condition = "rate_limited"


class Unavailable(ProviderFault):
    """5xx, a refused or reset connection, a reply that is not what the protocol says."""


class Unanswered(Unavailable):
    """The connection ended after the request was sent and before an answer began: it may have been served, and billed."""


class TimedOut(ProviderFault):
    """No connection, no first token or no next byte within its time."""


class Broken(ProviderFault):
    """A reply was accepted and then could not be read: bad JSON, a cut stream, an error inside a 200."""


class Misconfigured(ProviderFault):
    """401, 403, 404: our credential or model name is wrong there. Others may serve; someone must be told."""

    blame = Blame.CONFIGURATION


class ContextOverflow(ProviderFault):
    """The request was too long for this model."""

    blame = Blame.CALLER
    condition = "context_overflow"


class ContentFiltered(ProviderFault):
    """The provider's filter refused the request."""

    blame = Blame.CALLER
    condition = "content_filter"


class CallerFault(ProviderFault):
    """400, 413, 422: the request itself is wrong and would be everywhere."""

    blame = Blame.CALLER
    condition = None


class Unfit(ProviderFault):
    """A whole answer that did not pass a check of its step: the provider is well, the model was not good enough."""

    blame = Blame.QUALITY
    condition = "check"


class Unusable(Exception):
    """Something the program stands on cannot be used. The message says what, where, and what to do."""


class ClientGone(Exception):
    """The client has left: nobody is there to be answered, and the upstream call is to be cancelled."""


FAULT_NAMES: dict[type[ProviderFault], str] = {
    ProviderFault: "fault",
    RateLimited: "rate_limited",
    Unavailable: "unavailable",
    Unanswered: "unavailable",
    TimedOut: "timeout",
    Broken: "broken",
    Misconfigured: "misconfigured",
    ContextOverflow: "context_overflow",
    ContentFiltered: "content_filter",
    CallerFault: "caller_error",
    Unfit: "check_failed",
}


class Problem(NamedTuple):
    """One thing wrong in a policy file: where (``routes.code.when``, line from 1, None when there is no file), what, and what to do."""

    path: str
    line: int | None
    message: str
    suggestion: str | None = None

    def text(self, file: str | None = None) -> str:
        """``turnout.yaml:12  routes.code.aproved: unknown key; did you mean "approved"?``."""
        place = ":".join(str(part) for part in (file, self.line) if part is not None)
        said = "; ".join(part for part in (self.message, self.suggestion) if part)
        return f"{place}  {self.path}: {said}".lstrip() if self.path else f"{place}  {said}".lstrip()


class ConfigProblems(Exception):
    """A policy file cannot be used; holds every problem found in it, in the file's order."""

    def __init__(self, problems: Iterable[Problem], *, file: str | None = None) -> None:
        self.problems = tuple(problems)
        self.file = file
        super().__init__("\n".join(problem.text(file) for problem in self.problems))
