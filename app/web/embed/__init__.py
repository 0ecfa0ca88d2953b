"""The embed: the opt-in form as people see it, in an iframe or by its link. It is an application of its own."""

from flask import Flask

from app.web import apart
from app.web.embed import errors as failures
from app.web.embed import views
from app.web.form_page import page as optin_page

__all__ = ["mount"]
MAX_BODY_BYTES = 16_384
_SURFACE = apart.Surface(
    name="app.web.embed",
    prefix="/f/",
    views=(
        ("GET", "/f/form/<key>", views.public_form),
        ("POST", "/f/form/<key>", views.answer_public_form),
        ("POST", "/f/form/<key>/seen", views.public_form_seen),
        ("GET", "/f/<token>", views.inserted_form),
        ("POST", "/f/<token>", views.answer_inserted_form),
        ("POST", "/f/<token>/seen", views.inserted_form_seen),
    ),
    status_of=failures.status_of,
    failure=failures.page,
    size_bytes_max=MAX_BODY_BYTES,
)


def mount(app: Flask) -> None:
    """Answer everything below ``/f/`` with the embed."""
    optin_page.keep_pages(app)
    apart.mount(app, _SURFACE)
