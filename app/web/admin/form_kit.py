"""The kit for the registration of a number with carriers: what reviewers ask for about one form, to print or download.

It holds the frozen version as people see it, the message flow written out, and the carrier rules that the form meets.
"""

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from flask import Response, current_app, render_template
from sqlalchemy.orm import Session

from app.core import clock, phone, public_urls
from app.core.bulk import csv_cells
from app.core.confirmations import message_flow
from app.core.confirmations.message_flow import Answers, Flow, Step
from app.core.errors import InvalidState
from app.core.forms import content as form_content
from app.core.forms import publishing
from app.core.forms.content import FormContent
from app.core.forms.form_view import State
from app.core.inbound import answers
from app.core.proof import disclosure
from app.core.proof.disclosure import Checked, DisclosedForm
from app.core.subscriptions import subscription_types
from app.core.wording import LOCALES
from app.core.workspace import settings
from app.models import Channel, OptInForm, OptInFormVersion, SubscriptionType, Workspace
from app.web.admin import form_disclosure
from app.web.admin.blueprint import blueprint
from app.web.form_page.preview import render_preview
from app.web.security import public_url
from app.web.services import read_only
from app.web.sign_in.setup import marketer_required
from app.web.texting import texting

# The page has its stylesheet inside; it runs no script and sends nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'"
_SCRIPT = re.compile(r"<script\b[^>]*></script>\s*")
_STYLESHEET = re.compile(r'<link rel="stylesheet"[^>]*>')


@dataclass(frozen=True)
class Kit:
    """:param pages: by language, the form as people see it, as a page that needs no other file"""

    form: OptInForm
    version: OptInFormVersion
    url: str
    steps: list[Step]
    checks: list[Checked]
    pages: dict[str, str]


@blueprint.get("/admin/forms/<int:form_id>/kit")
@marketer_required
def form_kit(form_id: int) -> str:
    with read_only() as session:
        return _html(_kit(session, form_id), session)


@blueprint.get("/admin/forms/<int:form_id>/kit/<locale>.html")
@marketer_required
def form_kit_page(form_id: int, locale: str) -> Response:
    """The frozen version in one language, inside the kit."""
    with read_only() as session:
        pages = _kit(session, form_id).pages
    html = pages.get(locale) or next(iter(pages.values()))
    response = Response(html)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    return response


@blueprint.get("/admin/forms/<int:form_id>/kit.zip")
@marketer_required
def form_kit_zip(form_id: int) -> Response:
    """The kit as one file: a page to print, the form in each language, the message flow and the checks."""
    with read_only() as session:
        kit = _kit(session, form_id)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("message-flow.txt", message_flow.as_text(kit.steps))
        archive.writestr("carrier-rules.csv", _csv(kit.checks))
        for locale, html in kit.pages.items():
            archive.writestr(f"form-{locale}.html", html)
        archive.writestr("README.txt", _readme(kit))
    name = f"carrier-kit-form-{kit.form.id}-version-{kit.version.number}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(file.getvalue(), mimetype="application/zip", headers=headers)


def _kit(session: Session, form_id: int) -> Kit:
    found = publishing.find(session, form_id)
    version = publishing.newest_version(session, found)
    content = form_content.content_of(version)
    subscription_type = subscription_types.find(session, content.subscription_type_id)
    if subscription_type.channel != Channel.SMS:
        raise InvalidState("Carriers register numbers for texts. This form is for emails.")
    workspace, url = settings.get(session), public_urls.public_form(found.key, base=public_url())
    locale = "en" if "en" in content.texts else content.locale
    first = form_disclosure.first_text(content, subscription_type, workspace, locale)
    form = DisclosedForm(content, locale, subscription_type, workspace, first, url)
    return Kit(
        found,
        version,
        url,
        message_flow.steps(_flow(session, found, form)),
        disclosure.check(form),
        {each: _page(content, workspace, subscription_type, each) for each in content.texts},
    )


def _flow(session: Session, found: OptInForm, form: DisclosedForm) -> Flow:
    """The form with what is really sent because of it."""
    workspace, able = form.workspace, texting()
    places = {
        "brand": workspace.name,
        "contact": workspace.help_contact,
        "type": form.subscription_type.name,
        "types": form.subscription_type.name,
    }
    of_keywords = Answers()
    if able.receives:
        names = ("help" if workspace.help_contact else "help_without_contact", "stopped", "started")
        of_keywords = Answers(*(answers.text_of(name, form.locale, places) for name in names))
    others = [
        public_urls.public_form(each.form.key, base=public_url())
        for each in publishing.find_offered(session)
        if each.form.id != found.id and each.subscription_type.id == form.subscription_type.id
    ]
    sender = phone.formatted(able.sender) if able.sender.startswith("+") else able.sender
    return Flow(form, of_keywords, others, sender, able.host)


def _page(content: FormContent, workspace: Workspace, subscription_type: SubscriptionType, locale: str) -> str:
    """The form in one language, with its stylesheet inside and without its script."""
    shown = render_preview(
        content,
        workspace=workspace,
        subscription_type=subscription_type,
        state=State.ASK,
        locale=locale,
        theme="light",
    )
    css = (Path(cast(str, current_app.static_folder)) / "css" / "embed.css").read_text()
    html = _SCRIPT.sub("", shown.get_data(as_text=True))
    return _STYLESHEET.sub(lambda _: f"<style>{css}</style>", html, count=1)


def _html(kit: Kit, session: Session) -> str:
    return render_template(
        "admin/form_kit.html",
        optin_form=kit.form,
        version=kit.version,
        url=kit.url,
        steps=kit.steps,
        checks=kit.checks,
        locales=list(kit.pages),
        languages=LOCALES,
        flow=message_flow.as_text(kit.steps),
        time_zone=settings.get(session).time_zone,
    )


def _csv(checks: list[Checked]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["rule", "codes", "result", "finding"])
    for each in checks:
        finding = each.finding
        row = [each.rule.name, " ".join(each.rule.codes), finding.verdict.value, finding.in_english]
        writer.writerow([csv_cells.write_cell(cell) for cell in row])
    return file.getvalue()


def _readme(kit: Kit) -> str:
    made = clock.now().strftime("%Y-%m-%d %H:%M UTC")
    files = "\n".join(f"  form-{locale}.html" for locale in kit.pages)
    return (
        f"Kit for carrier registration: form “{kit.form.name}”, version {kit.version.number}, made {made}.\n\n"
        f"Public page: {kit.url}\n\n"
        "  message-flow.txt    for the field “message flow” or “opt-in workflow”\n"
        "  carrier-rules.csv   what reviewers look for, with the codes of their refusals\n"
        f"{files}\n"
        "                      the form as people see it; open it in a browser, and take a picture for the reviewers\n"
    )
