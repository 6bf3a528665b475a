"""The sockets that the supervisor opens for its children."""

import socket

import pytest

from turnout.build import supervisor


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no TCP_USER_TIMEOUT")
def test_a_client_that_takes_nothing_is_given_up_by_the_kernel():
    """Accepted connections inherit the limit, so that nobody holds a stream's memory for ever."""
    with supervisor._listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        listening.setblocking(True)
        accepted, _ = listening.accept()
        with accepted:
            limit = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert limit == supervisor.DEAF_CLIENT_MS


def test_an_address_that_cannot_be_had_is_named():
    """The error's text is what the person is told."""
    with supervisor._listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            supervisor._listen("127.0.0.1", port)
