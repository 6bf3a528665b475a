"""A mail that was taken is sent, however the server takes leave."""

import socket
import threading
from email.message import EmailMessage

import pytest

from turnout.alerts.send import Unsent, mail
from turnout.types.alert import Mailing


def _talk(listening: socket.socket, taken: str, leave: str | None, heard: list[str]) -> None:
    """One conversation: ``taken`` answers the message, ``leave`` the farewell; None hangs up on it."""
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 here\r\n")
        while line := lines.readline():
            word = line.split()[0].upper().decode()
            heard.append(word)
            if word == "QUIT":
                if leave is not None:
                    connection.sendall(leave.encode() + b"\r\n")
                return
            if word == "DATA":
                connection.sendall(b"354 go on\r\n")
                while lines.readline() != b".\r\n":
                    pass
                connection.sendall(taken.encode() + b"\r\n")
            else:
                connection.sendall(b"250 yes\r\n")


def _mailed(taken: str, leave: str | None) -> list[str]:
    message = EmailMessage()
    message["From"], message["To"] = "turnout@localhost", "ann@example.org"
    message.set_content("hello")
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=_talk, args=(listening, taken, leave, heard))
        server.start()
        try:
            mail(message, Mailing("127.0.0.1", listening.getsockname()[1], "none"), None)
        finally:
            server.join(10)
    return heard


@pytest.mark.parametrize("leave", ["221 bye", "421 too busy to say so", "garbage", None])
def test_a_mail_that_was_taken_is_sent(leave):
    """No Unsent, on which it would be sent again."""
    assert _mailed("250 taken", leave)[-2:] == ["DATA", "QUIT"]


def test_a_mail_that_was_refused_is_not_sent():
    """The server's word on the message itself counts."""
    with pytest.raises(Unsent, match="554"):
        _mailed("554 spam", "221 bye")
