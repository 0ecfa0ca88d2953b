"""What people did, and agents for them: by the rules that hold for everyone."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core import wording
from app.core.consent import changes as consent
from app.core.consent import locking
from app.core.contacts import records as contacts
from app.core.demo import texts
from app.core.demo.people import Step
from app.core.demo.shop import Shop
from app.core.forms import insertion
from app.core.forms import wording as form_wording
from app.core.forms.form_view import evidence_details
from app.core.forms.insertion import LinkOptions
from app.core.forms.wording import WordingContext
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.core.submissions import seen
from app.models import Channel, Contact, EvidenceLevel, Source

_USER_AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"


def take(session: Session, shop: Shop, contact: Contact, step: Step, *, at: datetime) -> None:
    """Take one step of a person. Writes what the step would write in any other workspace."""
    locking.lock_contact(session, contact.id)
    if step.action == "change_number":
        contacts.change_phone(session, contact, step.subject, at=at)
    elif step.action == "gdpr_opt_out":
        contacts.change_gdpr_optin(session, contact, gdpr_optin=False, at=at)
    elif step.action == "block":
        contacts.block(session, contact, at=at)
    elif step.action == "opt_out":
        _opt_out(session, shop, contact, step.subject, at=at)
    elif step.action == "opt_in_by_agent":
        note = "Asked for it at the counter, signed the card in the till."
        evidence = Evidence(Source.AGENT, shop.agent, EvidenceLevel.REPORTED, locale=contact.locale, note=note)
        _opt_in(session, shop, contact, step.subject, evidence, at=at)
    else:
        _answer_form(session, shop, contact, step.subject, at=at)


def _answer_form(session: Session, shop: Shop, contact: Contact, type_key: str, *, at: datetime) -> None:
    """Insert a form, mark it as seen a little later, then opt in by it, as the page of the shop does."""
    form = shop.forms[type_key]
    inserted = insertion.insert_for(
        session,
        form,
        contact,
        inserted_by=shop.agent,
        at=at - timedelta(minutes=2),
        link=LinkOptions(texts.SITE),
    )
    locale = contact.locale or wording.DEFAULT_LOCALE
    seen.inserted_form_seen(session, inserted.token, locale=locale, at=at - timedelta(seconds=40))
    evidence = Evidence(
        Source.FORM,
        "contact",
        EvidenceLevel.PERSONAL_LINK,
        ip_address=f"192.0.2.{contact.id % 250 + 1}",
        user_agent=_USER_AGENT,
        origin=texts.SITE,
        page=f"{texts.SITE}/",
        locale=locale,
        words=_wording(shop, type_key, locale),
        form_version_id=inserted.version_id,
        inserted_form_id=inserted.id,
        details=evidence_details(shop.types[type_key].name, shop.types[type_key].channel),
    )
    destination = _opt_in(session, shop, contact, type_key, evidence, at=at)
    inserted.answered_at, inserted.submitted_destination_hash = at, keys_of(session).destination_hash(destination)
    session.flush()


def _opt_in(
    session: Session,
    shop: Shop,
    contact: Contact,
    type_key: str,
    evidence: Evidence,
    *,
    at: datetime,
) -> str:
    subscription_type = shop.types[type_key]
    destination = (contact.phone if subscription_type.channel == Channel.SMS else contact.email) or ""
    locked = locking.lock(session, contact.id)
    if evidence.inserted_form_id:
        locked.later_topics = ("form.submitted",)
    consent.opt_in(session, locked, subscription_type.id, destination, evidence, at=at)
    return destination


def _opt_out(session: Session, shop: Shop, contact: Contact, type_key: str, *, at: datetime) -> None:
    subscription_type = shop.types[type_key]
    destination = contact.phone if subscription_type.channel == Channel.SMS else contact.email
    evidence = Evidence(
        Source.PREFERENCE_CENTER,
        "contact",
        EvidenceLevel.PERSONAL_LINK,
        ip_address=f"198.51.100.{contact.id % 250 + 1}",
        user_agent=_USER_AGENT,
        locale=contact.locale,
    )
    consent.opt_out(session, locking.lock(session, contact.id), subscription_type.id, destination, evidence, at=at)


def _wording(shop: Shop, type_key: str, locale: str) -> wording.FrozenWording:
    """The wording of the form as its page shows it to a person whose number or address is saved."""
    workspace = shop.workspace
    context = WordingContext(
        locale=locale,
        region=None,
        channel=shop.types[type_key].channel,
        brand=workspace.name,
        privacy_url=workspace.privacy_url,
        terms_url=workspace.terms_url,
        help_contact=workspace.help_contact,
    )
    return form_wording.evidence_wording(
        context, form_wording.page_texts(context, shop.contents[type_key]), is_saved=True
    )
