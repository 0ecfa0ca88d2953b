"""Mail, when there is a server for it; without one, one-time links are shown to the admin."""

from urllib.parse import parse_qs, unquote, urlsplit

from flask import Flask
from flask_mailman import Mail

from app.web import services

_DEFAULT_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def init_app(app: Flask) -> None:
    """Read ``smtp[s|+tls]://user:password@host:port?from=address``. Without it no mail is sent."""
    settings = services.services_of(app).settings
    parts = urlsplit(settings.smtp_url)
    sender = parse_qs(parts.query).get("from", [""])[0] or f"assent@{parts.hostname or 'localhost'}"
    app.config.update(
        MAIL_BACKEND="smtp" if settings.smtp_url else "dummy",
        MAIL_SERVER=parts.hostname or "localhost",
        MAIL_PORT=parts.port or _DEFAULT_PORTS.get(parts.scheme, 25),
        MAIL_USE_TLS=parts.scheme == "smtp+tls",
        MAIL_USE_SSL=parts.scheme == "smtps",
        MAIL_USERNAME=unquote(parts.username) if parts.username else None,
        MAIL_PASSWORD=unquote(parts.password) if parts.password else None,
        MAIL_DEFAULT_SENDER=sender,
        MAIL_TIMEOUT=10,
    )
    Mail(app)


def has_mail() -> bool:
    """Whether mails can be sent."""
    return bool(services.settings().smtp_url)
