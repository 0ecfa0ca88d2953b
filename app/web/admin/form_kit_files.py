"""The kit for the registration of a number with carriers, as files: for a page, a download, and the command line.

It holds the frozen version as people see it, the message flow written out, and the carrier rules that the form meets.
"""

import csv
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from flask import current_app
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
from app.core.workspace import settings
from app.models import Channel, OptInForm, OptInFormVersion, SubscriptionType, VerifyNumber, Workspace
from app.web.admin import form_disclosure
from app.web.form_page.preview import PreviewOptions, render_preview
from app.web.security import public_url
from app.web.texting import texting

_SCRIPT = re.compile(r"<script\b[^>]*></script>\s*")
_STYLESHEET = re.compile(r'<link rel="stylesheet"[^>]*>')


@dataclass(frozen=True)
class Kit:
    """:param pages: what people see, by name such as ``form-en``, as pages that need no other file
    :param locales: the languages of the form; ``page_of`` has the page that asks, in one of them
    """

    form: OptInForm
    version: OptInFormVersion
    url: str
    steps: list[Step]
    checks: list[Checked]
    locales: list[str]
    pages: dict[str, str]

    def page_of(self, locale: str) -> str:
        return self.pages.get(f"form-{locale}") or next(iter(self.pages.values()))


def archive(kit: Kit, pictures: Mapping[str, bytes] | None = None) -> bytes:
    """The kit as a zip file.

    :param pictures: of its pages, by the name of their file
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("README.txt", _readme(kit, pictures or {}))
        written.writestr("message-flow.txt", message_flow.as_text(kit.steps))
        written.writestr("carrier-rules.csv", _csv(kit.checks))
        for name, html in kit.pages.items():
            written.writestr(f"{name}.html", html)
        for name, picture in (pictures or {}).items():
            written.writestr(f"pictures/{name}", picture)
    return file.getvalue()


def kit_of(session: Session, form_id: int) -> Kit:
    """The kit of the newest version of a form.

    :raises NotFound: there is no such form
    :raises InvalidState: it is for emails
    """
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
        list(content.texts),
        _pages(content, workspace, subscription_type),
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


def _pages(content: FormContent, workspace: Workspace, subscription_type: SubscriptionType) -> dict[str, str]:
    """What people see, one after the other, in each language: with their stylesheet inside and without scripts."""
    css = (Path(cast(str, current_app.static_folder)) / "css" / "embed.css").read_text()
    states = {State.ASK: "", State.SAVED: "-saved-number", State.CONFIRM: "-confirm", State.DONE: "-done"}
    if content.verify_number == VerifyNumber.OFF:
        del states[State.CONFIRM]
    pages = {}
    for locale in content.texts:
        for state, suffix in states.items():
            options = PreviewOptions(state, locale, theme="light")
            shown = render_preview(content, options, workspace=workspace, subscription_type=subscription_type)
            html = _SCRIPT.sub("", shown.get_data(as_text=True))
            pages[f"form-{locale}{suffix}"] = _STYLESHEET.sub(lambda _: f"<style>{css}</style>", html, count=1)
    return pages


def _csv(checks: list[Checked]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["rule", "codes", "result", "finding"])
    for each in checks:
        finding = each.finding
        row = [each.rule.name, ", ".join(each.rule.codes), finding.verdict.value]
        writer.writerow([*row, csv_cells.write_cell(finding.in_english)])
    return file.getvalue()


def _readme(kit: Kit, pictures: Mapping[str, bytes]) -> str:
    made = clock.now().strftime("%Y-%m-%d %H:%M UTC")
    files = "\n".join(f"  {name}.html" for name in kit.pages)
    seen = (
        "The folder “pictures” has each page as people see it on a phone (320 px) and on a computer (800 px).\n"
        if pictures
        else "There are no pictures in this file. Open the pages in a browser and take them, or run on the server:\n"
        f"  assent forms kit {kit.form.id} FILE\n"
    )
    return (
        f"Kit for carrier registration: form “{kit.form.name}”, version {kit.version.number}, made {made}.\n\n"
        f"Public page: {kit.url}\n\n"
        "  message-flow.txt    for the field “message flow” or “opt-in workflow”\n"
        "  carrier-rules.csv   what reviewers look for, with the codes of their refusals\n\n"
        "What people see, by language: the form, the form with a saved number, the page that asks to confirm the\n"
        "number (if the form does), and the page after the sign-up. The pages need no other file.\n\n"
        f"{files}\n\n{seen}"
    )
