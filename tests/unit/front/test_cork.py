"""An answer's headers leave with its first bytes, in one write."""

import asyncio

import pytest

from turnout.front.cork import CONTINUE, Cork


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: object) -> None:
        self.writes.append(bytes(data))  # type: ignore[call-overload]

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ([b"HEAD", b"body"], [b"HEADbody"]),
        ([b"HEAD", b""], [b"HEAD"]),
        ([b"HEAD", b"one", b"two"], [b"HEADone", b"two"]),
        ([CONTINUE + b"Continue", b"HEAD", b"body"], [CONTINUE + b"Continue", b"HEADbody"]),
    ],
)
def test_headers_and_first_bytes_are_one_write(written: list[bytes], sent: list[bytes]) -> None:
    """An interim answer is not an answer's head."""
    wire = Wire()
    cork = Cork(wire)
    for data in written:
        cork.write(data)

    assert wire.writes == sent


def test_a_close_lets_go_what_was_held() -> None:
    """Nothing that was written is lost."""
    wire = Wire()
    cork = Cork(wire)
    cork.write(b"HEAD")
    cork.close()

    assert wire.writes == [b"HEAD"]
    assert cork.is_closing()
