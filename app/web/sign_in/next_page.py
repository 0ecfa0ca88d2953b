"""``next``: the page that a sign-in leads on to. Anyone may have written the link that has it."""

import re

from flask import abort, request
from flask_security.utils import validate_redirect_url

# Browsers read a backslash as a slash, and leave out control characters: both hide another host from other readers.
_MISLEADING = re.compile(r"[\x00-\x1f\x7f\\]")


def asked() -> str:
    """The page that the address of this request asks for; empty where it is of another site."""
    address = request.args.get("next", "")
    return address if is_ours(address) else ""


def is_ours(address: str) -> bool:
    """Whether a browser that follows this address stays on this server."""
    return not _MISLEADING.search(address) and validate_redirect_url(address)


def refuse_unreadable() -> None:
    """Refuse an address that Flask-Security, which looks at all of them, could not read."""
    for sent in (request.args, request.form):
        try:
            is_ours(sent.get("next", ""))
        except ValueError:
            abort(400)
