"""How a drill and its figures are said."""

from turnout.types.drill import Drill


def counted(number: int, thing: str) -> str:
    """``1 request``, ``1,200 requests``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def were(number: int) -> str:
    """Of so many."""
    return "was" if number == 1 else "were"


def setting(ms: float) -> str:
    """As a policy has it, in round figures: ``400ms``, ``3s``."""
    return f"{max(round(ms / 50), 1) * 50}ms" if ms < 975 else f"{round(ms / 1000)}s"


def said_target(drill: Drill) -> str:
    """What is drilled, in a word or two: ``openai``, ``region eu``."""
    if drill.region is not None:
        return f"region {drill.region}"
    return drill.model if drill.model != "*" else drill.provider


def happened(drill: Drill) -> str:
    """As a clause: ``openai was down``."""
    target = said_target(drill)
    match drill.kind:
        case "outage":
            return f"{target} was down" if drill.look == "refused" else f"{target} fell silent"
        case "degradation":
            return f"{target} was {drill.factor:g} times slower"
        case "rate_limiting":
            return f"{target} refused calls for its rate limit"
        case "partial_failure":
            return f"{drill.rate:.0%} of the calls to {target} failed"
        case "bad_credentials":
            return f"{target} refused our credentials"
        case "regional_loss":
            return f"{target} was lost" if drill.look == "refused" else f"{target} fell silent"
        case "bad_content":
            return f"{target} answered with nothing of use"


def duration(seconds: float) -> str:
    """``40 ms``, ``1.4 s``, ``12 s``, ``2 min``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 and seconds % 1 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
