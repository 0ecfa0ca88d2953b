"""A mail server for tests: it takes every mail over SMTP and keeps it."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """``mails`` are the mails taken so far; ``url`` is the value of ``ASSENT_SMTP_URL``."""

    url: str
    mails: list[EmailMessage] = field(default_factory=list)


@contextmanager
def mail_server(*, refuses: str = "") -> Iterator[MailServer]:
    """A server on a free port. It refuses the recipient ``refuses``."""
    mails: list[EmailMessage] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            while line := self.rfile.readline().decode().strip():
                command = line.upper()
                if refuses and command.startswith("RCPT") and refuses in line:
                    self._say("550 no such mailbox")
                elif command == "DATA":
                    self._say("354 go on")
                    mails.append(self._mail())
                    self._say("250 taken")
                else:
                    self._say("221 bye" if command == "QUIT" else "250 ok")
                if command == "QUIT":
                    return

        def _mail(self) -> EmailMessage:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            return message_from_bytes(b"".join(lines).replace(b"\r\n", b"\n"), policy=policy.default)  # type: ignore[return-value]

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield MailServer(f"smtp://127.0.0.1:{server.server_address[1]}?from=assent@example.com", mails)
        finally:
            server.shutdown()
            thread.join()
