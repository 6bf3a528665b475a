"""Any other table or JSON lines: columns by their common names, or as ``--map`` names them."""

from collections.abc import Iterator, Mapping

from turnout.reports.logs import asked
from turnout.reports.logs.call import Call
from turnout.reports.logs.fields import (
    Bad,
    Row,
    between,
    count,
    ending,
    error_class,
    flag,
    millis,
    moment,
    money,
    tagged,
    text,
    words,
)

NAME = "columns"

KNOWN: Mapping[str, tuple[str, ...]] = {
    "model": ("model", "model_name", "model_id", "modelname", "llm", "engine", "deployment"),
    "id": ("id", "request_id", "requestid", "call_id", "uuid", "trace_id"),
    "at": ("timestamp", "time", "created_at", "created", "start_time", "starttime", "started_at", "date", "datetime", "ts", "at"),
    "end": ("end_time", "endtime", "ended_at", "finished_at", "completed_at"),
    "provider": ("provider", "vendor", "custom_llm_provider", "service"),
    "caller": ("user", "user_id", "caller", "key_name", "api_key_alias", "team", "customer", "api_key"),
    "use_case": ("use_case", "usecase", "route", "feature", "app", "application", "project", "name", "operation", "endpoint"),
    "tags": ("tags", "request_tags", "labels"),
    "input": ("prompt_tokens", "input_tokens", "tokens_in", "input", "prompttokens", "inputtokens", "n_context_tokens_total"),
    "cached_input": ("cached_tokens", "cache_read_tokens", "cached_input_tokens", "cache_read_input_tokens"),
    "output": (
        "completion_tokens",
        "output_tokens",
        "tokens_out",
        "output",
        "completiontokens",
        "outputtokens",
        "n_generated_tokens_total",
    ),
    "reasoning": ("reasoning_tokens", "thinking_tokens"),
    "total": ("total_tokens", "tokens", "totaltokens"),
    "cost": ("cost_usd", "cost", "spend", "total_cost", "price", "usd", "amount"),
    "latency_ms": ("latency_ms", "duration_ms", "response_time_ms", "elapsed_ms", "response_ms"),
    "latency_s": ("latency", "duration", "latency_s", "duration_s", "response_time", "elapsed"),
    "ttft_ms": ("ttft_ms", "first_token_ms", "time_to_first_token_ms"),
    "status": ("status", "status_code", "http_status", "code", "level", "success"),
    "error": ("error", "error_message", "error_type", "statusmessage", "exception"),
    "ending": ("finish_reason", "stop_reason"),
    "cached": ("cache_hit", "cached", "from_cache"),
    "stream": ("stream", "streaming"),
    "prompt": ("messages", "prompt", "input_text", "question", "query"),
}
"""What is wanted, and the columns that are taken for it, in lower case; the first that a row has."""
_FAILED = {"error", "failure", "failed", "false", "exception"}


def knows(row: Row) -> bool:
    """Whether something in a row can be taken for a model."""
    return any(name.lower() in KNOWN["model"] for name in row)


class Columns:
    """Reads rows by columns; ``mapping`` says which column is which of :data:`KNOWN`, where the common names do not."""

    def __init__(self, mapping: Mapping[str, str]) -> None:
        self._mapping = mapping
        self._of: dict[tuple[str, ...], dict[str, str]] = {}

    def calls(self, row: Row, file: str, line: int, *, texts: bool) -> Iterator[Call]:
        """The one call of a row. Raises Bad."""
        column = self._columns(tuple(row))

        def at(what: str) -> object:
            return row.get(column[what]) if what in column else None

        model = text(at("model"))
        if model is None:
            raise Bad("no model is named")
        start, end = moment(at("at"), column.get("at", "")), moment(at("end"), column.get("end", ""))
        labels = words(at("tags"))
        yield Call(
            file=file, line=line, model=model,
            id=text(at("id")) or (str(at("id")) if isinstance(at("id"), int) else None),
            at=start,
            provider=text(at("provider")),
            caller=text(at("caller")),
            use_case=text(at("use_case")) or (labels[0] if labels else None),
            tags=tagged(labels),
            usage=asked.counted(
                *(count(at(what), column.get(what, "")) for what in ("input", "output")),
                cached=count(at("cached_input"), "cached tokens"), reasoning=count(at("reasoning"), "reasoning tokens"),
                total=count(at("total"), "total tokens"),
            ),
            stated=money(at("cost"), column.get("cost", "")),
            latency_ms=millis(at("latency_ms"), "latency") or millis(at("latency_s"), "latency", unit=1000) or between(start, end, "its end"),
            first_token_ms=millis(at("ttft_ms"), "first token"),
            error=_error(at("status"), at("error")),
            ending=ending(at("ending")),
            cached=flag(at("cached")) is True,
            stream=flag(at("stream")),
            sketch=asked.conversation(at("prompt"), model) if texts and at("prompt") else None,
        )  # fmt: skip

    def _columns(self, names: tuple[str, ...]) -> dict[str, str]:
        if names not in self._of:
            lower = {name.lower().strip().replace(" ", "_"): name for name in reversed(names)}
            guessed = {what: lower[name] for what, known in KNOWN.items() for name in reversed(known) if name in lower}
            if len(self._of) > 1_000:  # rows of ever other fields: nothing is to be gained by remembering them
                self._of.clear()
            self._of[names] = guessed | {what: name for what, name in self._mapping.items() if name in names}
        return self._of[names]


def _error(status: object, said: object) -> str | None:
    word = str("" if status is None else status).strip().lower()
    code = int(word) if word.isascii() and word.isdigit() and len(word) < 5 else None
    if (
        (code is not None and code >= 400)
        or word in _FAILED
        or (said not in (None, "") and code is None and word in {"", "none"})
    ):
        return error_class(code, said)
    return None
