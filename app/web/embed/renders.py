"""The signed token of a page that is rendered now."""

from app.core import clock
from app.core.destinations import Destination
from app.core.forms.render_token import RenderToken
from app.core.signing import random_token
from app.web.form_page.page import FormPage


def render_token(page: FormPage, saved: Destination | None, place: str, origin: str | None) -> RenderToken:
    """The token of a render that shows this saved destination, or asks for one."""
    return RenderToken(
        place=place,
        version_id=page.context.version_id,
        locale=page.context.locale,
        wording_hash=page.wording(is_saved=saved is not None).hash,
        destination_hash=saved.hash if saved else None,
        region=page.context.region,
        origin=origin,
        nonce=random_token(),
        at=clock.now(),
    )
