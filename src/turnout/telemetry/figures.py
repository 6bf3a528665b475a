"""GenAI metrics, counted from records in plain values: what a call costs here is a look into a dict and some sums.

Series are as many as models, what their providers call them, and faults; whatever comes beyond a bound is counted as one, as
OpenTelemetry has it, since a provider may call its model something else each time.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from turnout.metrics import SECONDS
from turnout.telemetry.names import FEEDBACK, TOKENS, Profile, provider_name
from turnout.telemetry.spans import LONGEST, Attributes, modality
from turnout.types.feedback import Feedback
from turnout.types.models import Modality
from turnout.types.record import Attempt, Record
from turnout.types.reply import Usage

MOST_SERIES = 2000
"""OpenTelemetry's own bound for an instrument."""
OVERFLOW: Attributes = {"otel.metric.overflow": True}

_VERDICTS = FEEDBACK[1].edges


class Distribution:
    """A histogram's figures; the last bucket is what exceeds all edges."""

    __slots__ = ("buckets", "count", "edges", "sum")

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges = edges
        self.buckets = [0] * (len(edges) + 1)
        self.count = 0
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.buckets[bisect_left(self.edges, value)] += 1
        self.count += 1
        self.sum += value


class Point(NamedTuple):
    """One series' figure of an instrument."""

    name: str
    attributes: Attributes
    value: float | Distribution


class _Call(NamedTuple):
    model: str
    upstream_model: str | None
    fault: str | None


class _Series(msgspec.Struct):
    """Of all calls alike."""

    seconds: Distribution
    first_chunk: Distribution
    read: Distribution
    written: Distribution
    spent: defaultdict[tuple[str, str], int]


_BEYOND = _Call("", None, None)


class Figures:
    """Cumulative since it was made. Not for several threads at once."""

    def __init__(self) -> None:
        self._calls: dict[_Call, _Series] = {}
        self._feedback: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._verdicts: dict[str, Distribution] = {}

    def count(self, record: Record) -> None:
        """All its calls, a copy's too: they were made, and are billed."""
        traits = record.traits
        read, written = (traits.input, traits.output) if traits is not None else (0, 0)
        for attempt in record.attempts:
            self._count_call(attempt, record.stream, modality(read), modality(written or Modality.TEXT))

    def count_feedback(self, feedback: Feedback) -> None:
        """One opinion."""
        self._feedback[feedback.kind, feedback.source] += 1
        if feedback.verdict is not None:
            if feedback.source not in self._verdicts:
                self._verdicts[feedback.source] = Distribution(_VERDICTS)
            self._verdicts[feedback.source].add(feedback.verdict)

    def _count_call(self, attempt: Attempt, stream: bool, read: str, written: str) -> None:  # noqa: FBT001 - a record's own field, passed on
        series = self._series(attempt)
        series.seconds.add(max(0.0, attempt.ended_ms - attempt.started_ms) / 1e3)
        if stream and attempt.first_token_ms is not None:
            series.first_chunk.add(max(0.0, attempt.first_token_ms - attempt.started_ms) / 1e3)
        usage = attempt.usage
        if usage is None:  # a counter that says nothing of a call would hide it
            series.spent["input_tokens", "unknown"] += 0
            series.spent["output_tokens", "unknown"] += 0
            return
        series.read.add(usage.total_input)
        series.written.add(usage.total_output)
        _spend(series.spent, usage, read, written)

    def _series(self, attempt: Attempt) -> _Series:
        upstream = attempt.upstream_model
        call = _Call(attempt.model, upstream if upstream is None else upstream[:LONGEST], attempt.fault)
        series = self._calls.get(call)
        if series is not None:
            return series
        if len(self._calls) >= MOST_SERIES:
            call = _BEYOND
        return self._calls.setdefault(
            call,
            _Series(Distribution(SECONDS), Distribution(SECONDS), Distribution(TOKENS), Distribution(TOKENS), defaultdict(int)),
        )

    def points(self, profiles: frozenset[Profile]) -> Iterator[Point]:
        """All that was counted, under the names of these profiles."""
        for call, series in self._calls.items():
            common = OVERFLOW if call is _BEYOND else _common(call)
            failed = common if call.fault is None else {**common, "error.type": call.fault}
            if "old" in profiles:
                yield from _old(series, failed)
            if "new" in profiles:
                yield from _new(series, common, failed)
        for (kind, source), count in self._feedback.items():
            yield Point("turnout.feedback", {"kind": kind, "source": source}, count)
        for source, verdicts in self._verdicts.items():
            yield Point("turnout.verdict", {"source": source}, verdicts)


def _common(call: _Call) -> Attributes:
    provider, _, name = call.model.partition("/")
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider_name(provider),
        "gen_ai.request.model": name or call.model,
    }
    return attributes if call.upstream_model is None else {**attributes, "gen_ai.response.model": call.upstream_model}


def _old(series: _Series, failed: Attributes) -> Iterator[Point]:
    yield Point("gen_ai.client.operation.duration", failed, series.seconds)
    if series.first_chunk.count:
        yield Point("gen_ai.client.operation.time_to_first_chunk", failed, series.first_chunk)
    if series.read.count:
        yield Point("gen_ai.client.token.usage", {**failed, "gen_ai.token.type": "input"}, series.read)
        yield Point("gen_ai.client.token.usage", {**failed, "gen_ai.token.type": "output"}, series.written)


def _new(series: _Series, common: Attributes, failed: Attributes) -> Iterator[Point]:
    """Counters count failed calls too, distributions of tokens do not."""
    yield Point("gen_ai.client.inference.duration", failed, series.seconds)
    if series.first_chunk.count:
        yield Point("gen_ai.client.inference.time_to_first_chunk", failed, series.first_chunk)
    if series.read.count and failed is common:
        yield Point("gen_ai.client.inference.operation.input_tokens", common, series.read)
        yield Point("gen_ai.client.inference.operation.output_tokens", common, series.written)
    for (what, medium), tokens in series.spent.items():
        yield Point(f"gen_ai.client.inference.usage.{what}", {**failed, "gen_ai.token.modality": medium}, tokens)


def _spend(spent: defaultdict[tuple[str, str], int], usage: Usage, read: str, written: str) -> None:
    """``read`` and ``written`` are the modalities of what the provider did not tell apart."""
    for what, medium, tokens in (
        ("input_tokens", read, usage.total_input - usage.input_audio - usage.input_image),
        ("output_tokens", written, usage.total_output - usage.output_audio - usage.output_image),
        ("cache_read.input_tokens", read, usage.cache_read),
        ("cache_write.input_tokens", read, usage.cache_write + usage.cache_write_1h),
        ("reasoning.output_tokens", written, usage.reasoning),
        ("input_tokens", "audio", usage.input_audio),
        ("input_tokens", "image", usage.input_image),
        ("output_tokens", "audio", usage.output_audio),
        ("output_tokens", "image", usage.output_image),
    ):
        if tokens or medium in (read, written):
            spent[what, medium] += tokens
