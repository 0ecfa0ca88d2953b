"""The messenger: the panel's page, in an iframe on allowed sites, and the API that it speaks to. No cookie.

The API is an application of its own: panels ask it all the time.
"""

from flask import Flask

from app.web import apart
from app.web.exchange import refuse_other_sites
from app.web.messenger import api
from app.web.messenger.frame import blueprint

__all__ = ["blueprint", "mount"]
_SURFACE = apart.Surface(
    name="app.web.messenger",
    prefix="/messenger/api/",
    views=(
        ("GET", "/messenger/api/session", api.session_of_a_signed_user),
        ("POST", "/messenger/api/sign-in", api.sign_in),
        ("GET", "/messenger/api/poll", api.poll),
        ("GET", "/messenger/api/earlier", api.earlier),
        ("POST", "/messenger/api/messages", api.write),
        ("POST", "/messenger/api/seen", api.seen),
    ),
    status_of=api.status_of,
    failure=api.failure,
    size_bytes_max=api.MAX_BODY_BYTES,
    before=refuse_other_sites,
)


def mount(app: Flask) -> None:
    """Answer everything below ``/messenger/api/``."""
    apart.mount(app, _SURFACE)
