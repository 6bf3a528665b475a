"""Usage, taken apart into disjoint buckets. Figures marked with a vendor's name are recorded ones."""

from typing import Any

import msgspec
import pytest

from turnout.dialects.anthropic_messages import usage as anthropic
from turnout.dialects.openai_chat import usage as openai
from turnout.types.reply import Usage


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        pytest.param(
            {
                "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
                "prompt_tokens_details": {"cached_tokens": 40, "audio_tokens": 10},
                "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 5},
            },
            Usage(input=50, cache_read=40, input_audio=10, output=25, reasoning=20, output_audio=5), id="openai: details are parts",
        ),
        pytest.param(
            {
                "prompt_tokens": 401, "completion_tokens": 44, "total_tokens": 630,
                "prompt_tokens_details": {"text_tokens": 401, "cached_tokens": 305}, "completion_tokens_details": {"reasoning_tokens": 185},
            },
            Usage(input=96, cache_read=305, output=44, reasoning=185), id="xai: thinking beside",
        ),
        pytest.param(
            {"prompt_tokens": 187, "completion_tokens": 26, "total_tokens": 213, "prompt_cache_hit_tokens": 128, "prompt_cache_miss_tokens": 59},
            Usage(input=59, cache_read=128, output=26), id="deepseek: cache hits",
        ),
        pytest.param(
            {"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50, "cached_tokens": 10, "completion_tokens_details": {"reasoning_tokens": 22}},
            Usage(input=10, cache_read=10, output=8, reasoning=22), id="moonshot: cached at the top",
        ),
        pytest.param(
            {"prompt_tokens": 9, "total_tokens": 585, "completion_tokens": 201, "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 375}},
            Usage(input=9, input_audio=375, output=201), id="mistral: audio beside",
        ),
        pytest.param(
            {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}, Usage(input=35, output=12, reasoning=62), id="gemini: thinking unnamed",
        ),
        pytest.param(
            {"prompt_tokens": 28, "completion_tokens": 9, "total_tokens": 37, "completion_tokens_details": {"reasoning_tokens": 61}},
            Usage(input=28, output=9, reasoning=61, complete=False), id="vercel: a part larger than its sum",
        ),
        pytest.param({"prompt_tokens": None, "completion_tokens": 3}, Usage(output=3, complete=False), id="a figure missing"),
        pytest.param({"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 7}, Usage(input=5, output=3, complete=False), id="sum too small"),
        pytest.param({"prompt_tokens": 5.0, "completion_tokens": 3.0}, Usage(input=5, output=3), id="floats"),
        pytest.param({"prompt_tokens": "many"}, Usage(complete=False), id="not figures"),
        pytest.param({"prompt_tokens": 10**30, "completion_tokens": 3}, Usage(complete=False), id="beyond any bill"),
        pytest.param({"prompt_tokens": 5, "completion_tokens": -3}, Usage(complete=False), id="money back"),
        pytest.param(None, None, id="null"),
    ],
)  # fmt: skip
def test_openai_figures_overlap_and_the_total_tells_how(reported: Any, expected: Usage | None) -> None:
    """The reading whose sum is the total is the right one; a contradiction is said, not smoothed over."""
    assert openai.read_usage(raw(reported)) == expected


def test_openai_buckets_are_written_as_parts_of_sums() -> None:
    """What is written reads back as it was."""
    usage = Usage(
        input=1, cache_read=2, cache_write=3, input_audio=4, input_image=5, output=6, reasoning=7, output_audio=8, output_image=9
    )

    assert openai.read_usage(raw(openai.write_usage(usage))) == usage


def test_anthropic_input_leaves_the_cached_out() -> None:
    """Writes for an hour are their own bucket, as they are their own price."""
    usage = anthropic.read_usage(raw({
        "input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30, "output_tokens": 9,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}, "output_tokens_details": {"thinking_tokens": 4},
    }))  # fmt: skip

    assert usage == Usage(input=10, cache_read=100, cache_write=20, cache_write_1h=10, output=5, reasoning=4)


def test_anthropic_figures_of_a_stream_are_cumulative() -> None:
    """What message_delta does not repeat still stands from message_start; what it repeats is newer."""
    tally = anthropic.Tally()
    tally.add(raw({"input_tokens": 10, "cache_read_input_tokens": 100, "output_tokens": 1}))

    assert tally.add(raw({"output_tokens": 42, "input_tokens": None})) == Usage(input=10, cache_read=100, output=42)


@pytest.mark.parametrize(
    "reported",
    [
        {"input_tokens": -5, "output_tokens": 3},
        {"input_tokens": 5, "output_tokens": 10**30},
        {"output_tokens": 1},
        {"input_tokens": "x", "output_tokens": 1},
        {"input_tokens": 1, "output_tokens": 1, "output_tokens_details": {"thinking_tokens": 2}},
    ],
)
def test_anthropic_contradictions_are_said(reported: Any) -> None:
    """A bill is not made of figures that are missing, unreadable or at odds."""
    usage = anthropic.read_usage(raw(reported))

    assert usage is not None
    assert not usage.complete


def test_anthropic_buckets_read_back_as_they_were() -> None:
    """Those that it has figures for."""
    usage = Usage(input=1, cache_read=2, cache_write=3, cache_write_1h=4, output=5, reasoning=6)

    assert anthropic.read_usage(raw(anthropic.write_usage(usage))) == usage
