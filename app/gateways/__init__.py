"""What carries texts. ``base.py`` has the protocol."""

from app.config import Settings

_SANDBOX_SENDER = "+15005550006"


def sender_of(_settings: Settings) -> str:
    """Our number, short code or name, as people see it."""
    return _SANDBOX_SENDER


def can_receive(_settings: Settings) -> bool:
    """Whether people can send texts to ``sender_of``."""
    return True
