"""What the page of a form offers for publishing it: snippets, link, QR code and the height of a plain iframe."""

from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from app.core import public_urls
from app.core.forms import content as form_content
from app.core.forms import publishing
from app.core.subscriptions import subscription_types
from app.models import OptInForm
from app.web.admin.blueprint import blueprint
from app.web.admin.form_snippet import MOMENTS, PLACES, Placement
from app.web.form_page import share
from app.web.i18n import gettext
from app.web.security import public_url
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required


@blueprint.get("/admin/forms/<int:form_id>/qr.svg")
@marketer_required
def form_qr_code(form_id: int) -> Response:
    """The QR code of the form's link, to print."""
    with read_only() as session:
        found = publishing.find(session, form_id)
    svg = share.qr_svg(_link(found), title=found.name)
    svg = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    headers = {"Content-Disposition": f'attachment; filename="form-{found.id}-qr-code.svg"'}
    return Response(svg, mimetype="image/svg+xml", headers=headers)


def values(session: Session, found: OptInForm) -> dict[str, Any]:
    """The variables of the part *Publish* of ``admin/form.html``."""
    content = form_content.content_of(publishing.newest_version(session, found))
    channel = subscription_types.find(session, content.subscription_type_id).channel
    placement = Placement.read(request.args)
    return {
        "placement": placement,
        "places": PLACES,
        "moments": MOMENTS,
        **placement.snippets(found.key, base=public_url()),
        "form_url": _link(found),
        "qr_code": share.qr_svg(_link(found), title=gettext("QR code of the link")),
        "iframe_height": share.iframe_height(content, channel),
    }


def _link(found: OptInForm) -> str:
    return public_urls.public_form(found.key, base=public_url())
