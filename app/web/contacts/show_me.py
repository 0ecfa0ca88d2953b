"""Show me: everything that is kept about one number or address, on a page and as one file for a lawyer.

Searches are POSTs: a number must not be in an address, where logs and the browser's history would keep it. The audit
log keeps who searched, with the keyed hash of the number.
"""

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from app import config
from app.core import audit, clock, phone
from app.core.errors import InvalidInput
from app.core.ledger import signing_keys
from app.core.proof import bundle, history, receipts, rule_words
from app.core.proof.history import History
from app.core.subscriptions import subscription_types
from app.core.subscriptions.earlier_texts import EarlierTypes
from app.core.workspace import settings
from app.web import formatting, shown_words
from app.web.contacts import labels
from app.web.contacts.blueprint import blueprint
from app.web.contacts.receipt import attachment
from app.web.formkit import Form, accepted, text
from app.web.i18n import lazy_gettext
from app.web.security import public_url
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required

_CSS = config.resource_folder("static") / "css" / "report.css"


class ShowMeForm(Form):
    destination = StringField(
        lazy_gettext("Phone number or email address"),
        [DataRequired(lazy_gettext("Enter a phone number or an email address.")), Length(max=255)],
        filters=[text],
    )


@blueprint.get("/show-me")
@marketer_required
def show_me() -> ResponseReturnValue:
    return render_template("contacts/show_me.html", form=ShowMeForm(formdata=None))


@blueprint.post("/show-me")
@marketer_required
def show_history() -> ResponseReturnValue:
    form = ShowMeForm()
    return accepted(form, _found) or (render_template("contacts/show_me.html", form=form), 422)


@blueprint.post("/show-me/file")
@marketer_required
def history_file() -> ResponseReturnValue:
    """A ZIP file with a report, every receipt, the keys and the program that checks them."""
    form, at = ShowMeForm(), clock.now()
    if not form.validate():
        return render_template("contacts/show_me.html", form=form), 422
    with read_only() as session:
        found = _search(session, form)
        made = receipts.receipts_of(session, found.lines, issuer=public_url(), at=at)
        report = render_template(
            "contacts/report.html",
            **shown(session, found),
            at=at,
            css=_CSS.read_text(encoding="utf-8"),
            receipts=made,
            altered={each for each, receipt in made.items() if not receipts.is_intact(session, receipt)},
            assessments=receipts.assessments(session, found.lines),
            elements=rule_words.ELEMENTS,
        )
        content = bundle.write(report, made, signing_keys.all_keys(session), at=at)
    _record(found, "destination.exported")
    return attachment(content, "application/zip", f"consent-record-{at:%Y-%m-%d}.zip")


def shown(session: Session, found: History) -> dict[str, object]:
    """What the templates need to show a history."""
    return {
        "found": found,
        "destinations": formatting.listed(phone.formatted(each) for each in found.destinations),
        "types": {each.id: each for each in subscription_types.find_all(session)},
        "type_of": EarlierTypes(session).of,
        "agents": formatting.actor_names(session),
        "time_zone": settings.get(session).time_zone,
        "workspace": settings.get(session),
        "labels": labels,
        "evidence": shown_words,
        "formatted": phone.formatted,
    }


def _found(form: ShowMeForm) -> ResponseReturnValue:
    with read_only() as session:
        found = _search(session, form)
        page = render_template("contacts/show_me.html", form=form, **shown(session, found))
    _record(found, "destination.shown")
    return page


def _search(session: Session, form: ShowMeForm) -> History:
    """:raises InvalidInput: nothing is found by a number that no country is known of: it may be kept all the same"""
    typed, region = form.destination.data or "", settings.get(session).default_country
    found = history.find(session, typed, region=region)
    if found.is_empty and phone.lacks_country(typed, region=region):
        refused = phone.refused("phone_country_code_missing")
        raise InvalidInput(refused.sentence, field="destination", code=refused.code)
    return found


def _record(found: History, action: str) -> None:
    """Write one audit entry, after the search: a search takes its time, and must not keep others from writing."""
    subject = f"destination:{found.hashes[0]}" if found.hashes else "destination"
    with unit_of_work() as session:
        audit.record(session, current_actor(), action, subject, {}, at=clock.now())
