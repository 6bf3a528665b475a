"""What a query may say, and what is said of one that says something else."""

from typing import Literal

import msgspec
import pytest
from starlette.requests import Request

from turnout.control.wire import read_query


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    window: Literal["1h", "24h"] = "1h"
    limit: int = 5


def asked(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


def test_a_query_is_read():
    """By its fields, numbers too."""
    assert read_query(asked("window=24h&limit=7"), Asked) == Asked("24h", 7)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("window=2h", "`window`: '2h' is none of 1h, 24h"),
        ("span=1h", "`span`: unknown; there are window, limit"),
        ("limit=few", "Expected `int`"),
    ],
)
def test_what_is_wrong_is_said_with_what_there_is(query: str, said: str):
    """A choice's values, the known names, or the type."""
    with pytest.raises(msgspec.ValidationError, match=said):
        read_query(asked(query), Asked)
