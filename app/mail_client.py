"""Sends mail by SMTP. The only module that does."""

import smtplib
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import parse_qs, unquote, urlsplit

_DEFAULT_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
_TIMEOUT_S = 10


class MailFailed(Exception):
    """The mail server could not be reached or refused the mail. The message may contain the recipient."""


@dataclass(frozen=True)
class MailServer:
    """The server that accepts our mail. ``scheme`` is ``smtp``, ``smtp+tls`` (STARTTLS) or ``smtps``."""

    scheme: str
    host: str
    port: int
    sender: str
    username: str = ""
    password: str = field(default="", repr=False)


def server_of(url: str) -> MailServer | None:
    """Parse ``smtp[s|+tls]://user:password@host:port?from=address``; null when it is empty."""
    if not url:
        return None
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    return MailServer(
        scheme=parts.scheme,
        host=host,
        port=parts.port or _DEFAULT_PORTS[parts.scheme],
        sender=parse_qs(parts.query).get("from", [""])[0] or f"assent@{host}",
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def send(server: MailServer, *, recipient: str, subject: str, body: str) -> None:
    """Send one plain-text mail; returns when the server has accepted it. Must not be called in a transaction.

    :raises MailFailed: the server could not be reached or refused the mail
    """
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = server.sender, recipient, subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=server.sender.rpartition("@")[2])
    message.set_content(body)
    connect = smtplib.SMTP_SSL if server.scheme == "smtps" else smtplib.SMTP
    try:
        with connect(server.host, server.port, timeout=_TIMEOUT_S) as connection:
            if server.scheme == "smtp+tls":
                connection.starttls()
            if server.username:
                connection.login(server.username, server.password)
            connection.send_message(message)
    except OSError as problem:  # the errors of smtplib are OSErrors, too
        raise MailFailed(str(problem)) from problem
