"""Mail by SMTP."""

import pytest

from app import mail_client
from app.mail_client import MailFailed
from tests.mail_server import mail_server
from tests.processes import free_port

MAIL = {"recipient": "ana@example.com", "subject": "Your account", "body": "Hello Ana,\n.\nhere is your link: ümlaut\n"}


def test_a_mail_arrives_unchanged() -> None:
    with mail_server() as server:
        target = mail_client.server_of(server.url)
        assert target
        mail_client.send(target, **MAIL)
    (mail,) = server.mails
    assert (mail["From"], mail["To"], mail["Subject"]) == ("assent@example.com", "ana@example.com", "Your account")
    assert mail.get_content() == MAIL["body"]
    assert mail["Date"]
    assert mail["Message-ID"].endswith("@example.com>")


def test_a_refused_mail_and_an_unreachable_server_raise() -> None:
    with mail_server(refuses="ana@example.com") as server:
        target = mail_client.server_of(server.url)
        assert target
        with pytest.raises(MailFailed):
            mail_client.send(target, **MAIL)
    assert server.mails == []
    unreachable = mail_client.server_of(f"smtp://127.0.0.1:{free_port()}")
    assert unreachable
    with pytest.raises(MailFailed):
        mail_client.send(unreachable, **MAIL)


def test_a_subject_of_two_lines_is_refused() -> None:
    server = mail_client.server_of("smtp://127.0.0.1")
    assert server
    with pytest.raises(ValueError, match="linefeed"):
        mail_client.send(server, recipient="ana@example.com", subject="Hello\nBcc: eve@example.com", body="")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.com", ("smtp", 25, "assent@mail.example.com", "", "")),
        ("smtp+tls://sam:p%40ss@mail.example.com", ("smtp+tls", 587, "assent@mail.example.com", "sam", "p@ss")),
        ("smtps://mail.example.com:4650?from=a@b.example", ("smtps", 4650, "a@b.example", "", "")),
    ],
)
def test_the_setting_has_server_credentials_and_sender(url: str, expected: tuple[object, ...]) -> None:
    server = mail_client.server_of(url)
    assert server
    assert server.host == "mail.example.com"
    assert (server.scheme, server.port, server.sender, server.username, server.password) == expected
    assert "p@ss" not in repr(server)


def test_without_the_setting_there_is_no_mail_server() -> None:
    assert mail_client.server_of("") is None
