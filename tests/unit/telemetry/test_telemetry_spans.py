"""A record's spans: laws that hold of every record that can be."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import TRAITS, attempt, record, records
from turnout.telemetry.names import ATTRIBUTES, BOTH, NEW, OLD
from turnout.telemetry.spans import LONGEST, Span, place_of, spans_of

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def spans(one, profiles=BOTH) -> list[Span]:
    return list(spans_of(one, profiles, place_of(one), sessions=True))


@given(records)
def test_children_lie_within_the_request(one) -> None:
    """In time and in the tree; ids are of the sizes that the standard has, none is zero, none comes twice."""
    request, *below = spans(one)

    assert request.start <= request.end
    assert all(request.start <= span.start <= span.end <= request.end for span in below)
    assert all(span.parent_id == request.span_id and span.trace_id == request.trace_id for span in below)
    ids = [span.span_id for span in (request, *below)]
    assert len(set(ids)) == len(ids)
    assert all(0 < id_ < 2**64 for id_ in ids)
    assert 0 < request.trace_id < 2**128
    assert len(below) == len(one.attempts) + (one.traits is not None)


@given(records)
def test_the_same_record_is_the_same_spans(one) -> None:
    """Exported again they are the same, not others that look alike."""
    assert spans(one) == spans(one)


@given(records, st.sampled_from([OLD, NEW, BOTH]))
def test_each_attribute_is_in_the_table(one, profiles) -> None:
    """Ours are documented by it; all others are a convention's."""
    names = {name for span in spans(one, profiles) for name in span.attributes}

    assert {name for name in names if name.startswith("turnout.")} <= ATTRIBUTES.keys()
    assert {name.partition(".")[0] for name in names} <= {"turnout", "gen_ai", "http", "error"}


def test_texts_of_others_are_bounded() -> None:
    """A caller, and a provider, may call things what they like."""
    long = "x" * 5000
    told = record(0, traits=msgspec.structs.replace(TRAITS, model=long, session=long), attempts=(attempt(upstream_model=long),))
    texts = {name: value for span in spans(told) for name, value in span.attributes.items() if long[:10] in str(value)}

    assert texts.keys() == {"turnout.requested_model", "gen_ai.conversation.id", "gen_ai.response.model"}
    assert {len(text) for text in texts.values()} == {LONGEST}


def test_a_trace_begins_with_the_request_or_with_its_caller() -> None:
    """What is no traceparent begins a new one."""
    own, callers, odd = (place_of(record(0, trace=trace)) for trace in (None, TRACE, "00-" + "0" * 32 + TRACE[35:]))

    assert (own.parent_id, own.parent_sampled) == (None, None)
    assert odd == own
    assert (callers.trace_id, callers.parent_id) == (int(TRACE[3:35], 16), int(TRACE[36:52], 16))
    assert callers.span_id == own.span_id
    assert (callers.parent_sampled, place_of(record(0, trace=TRACE[:-1] + "0")).parent_sampled) == (True, False)


def test_the_callers_mistake_is_no_failure_of_ours() -> None:
    """As the conventions for servers have it; the error's code is there all the same."""
    theirs = spans(record(0, outcome="rejected", code="model_not_found", status=404, traits=None, attempts=()))[0]
    ours = spans(record(0, outcome="rejected", code="overloaded", status=503, traits=None, attempts=()))[0]
    left = spans(record(0, outcome="cancelled"))[0]

    assert (theirs.error, theirs.attributes["error.type"]) == (None, "model_not_found")
    assert ours.error == "overloaded"
    assert (left.error, left.attributes["turnout.outcome"]) == (None, "cancelled")


def test_a_copy_follows_from_its_original() -> None:
    """Wherever that was traced."""
    original, traced = record(1), record(1, trace=TRACE)
    copy, copy_of_traced = record(2, copy_of="req-1"), record(2, copy_of="req-1", trace=TRACE)

    for asked, made in ((original, copy), (traced, copy_of_traced)):
        [link] = spans(made)[0].links
        assert (link.trace_id, link.span_id) == (place_of(asked).trace_id, place_of(asked).span_id)
        assert place_of(made).trace_id != place_of(asked).trace_id
