"""The page of the kit for the registration of a number with carriers, and its download: ``form_kit_files.py``."""

from flask import Response, render_template
from sqlalchemy.orm import Session

from app.core.confirmations import message_flow
from app.core.wording import LOCALES
from app.core.workspace import settings
from app.web.admin import form_kit_files
from app.web.admin.blueprint import blueprint
from app.web.admin.form_kit_files import Kit
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required


@blueprint.get("/admin/forms/<int:form_id>/kit")
@marketer_required
def form_kit(form_id: int) -> str:
    with read_only() as session:
        return _html(form_kit_files.kit_of(session, form_id), session)


@blueprint.get("/admin/forms/<int:form_id>/kit/<locale>.html")
@marketer_required
def form_kit_page(form_id: int, locale: str) -> Response:
    """The frozen version in one language, inside the kit."""
    with read_only() as session:
        html = form_kit_files.kit_of(session, form_id).page_of(locale)
    response = Response(html)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    return response


@blueprint.get("/admin/forms/<int:form_id>/kit.zip")
@marketer_required
def form_kit_zip(form_id: int) -> Response:
    """The kit as one file: the pages that people see in each language, the message flow and the checks."""
    with read_only() as session:
        kit = form_kit_files.kit_of(session, form_id)
    file = form_kit_files.archive(kit)
    name = f"carrier-kit-form-{kit.form.id}-version-{kit.version.number}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(file, mimetype="application/zip", headers=headers)


def _html(kit: Kit, session: Session) -> str:
    return render_template(
        "admin/form_kit.html",
        optin_form=kit.form,
        version=kit.version,
        url=kit.url,
        steps=kit.steps,
        checks=kit.checks,
        locales=kit.locales,
        languages=LOCALES,
        flow=message_flow.as_text(kit.steps),
        time_zone=settings.get(session).time_zone,
    )
