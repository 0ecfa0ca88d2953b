"""The demo workspace: a small coffee shop. It is filled once, by the same rules as any other workspace."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import phone, wording
from app.core.consent import changes as consent
from app.core.consent import locking
from app.core.contacts import records as contacts
from app.core.conversations import saved_replies
from app.core.conversations.saved_replies import ReplyContent
from app.core.demo import chats, staff, texts
from app.core.demo.people import LETTER, OFFERS, ORDERS, PEOPLE, WAITING, Person, Step
from app.core.demo.staff import ADMIN, AGENT, DEMO_PASSWORD, MARKETER, SIGN_INS
from app.core.errors import InvalidState
from app.core.forms import insertion
from app.core.forms import publishing as optin_forms
from app.core.forms import wording as form_wording
from app.core.forms.content import FormContent
from app.core.forms.insertion import LinkOptions
from app.core.forms.publishing import FormSettings
from app.core.forms.wording import WordingContext
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.core.submissions import seen
from app.core.subscriptions import preference_form, subscription_types
from app.core.subscriptions.subscription_types import Translations
from app.core.workspace import settings
from app.models import (
    Agent,
    Channel,
    ConsentType,
    Contact,
    ContactRole,
    EvidenceLevel,
    OptInForm,
    Source,
    SubscriptionType,
    Workspace,
)

__all__ = ["ADMIN", "AGENT", "DEMO_PASSWORD", "MARKETER", "SIGN_INS", "fill", "is_filled"]
_USER_AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"


@dataclass(frozen=True)
class _Shop:
    """The subscription types, the form of each (none for order updates), and the agents, by key."""

    types: dict[str, SubscriptionType]
    forms: dict[str, OptInForm]
    contents: dict[str, FormContent]
    agents: dict[str, int]
    workspace: Workspace

    @property
    def agent(self) -> str:
        return f"agent:{self.agents['ana']}"


def is_filled(session: Session) -> bool:
    return settings.get(session).is_demo


def fill(session: Session, *, at: datetime, password_hash: str) -> None:
    """Fill the workspace as if it had been in use for weeks. Nothing changes when it is filled already.

    :param at: now; all data has earlier times
    :param password_hash: of ``DEMO_PASSWORD``, for all accounts
    :raises InvalidState: the workspace has data already
    """
    workspace = settings.get(session)
    if workspace.is_demo:
        return
    for model in (Agent, Contact, SubscriptionType):
        if session.execute(select(model.id).limit(1)).first() is not None:
            raise InvalidState("This workspace is in use. Give the demo a database of its own (ASSENT_INSTANCE).")
    _workspace(session, at=at - timedelta(days=60))
    shop = _shop(session, password_hash, at=at - timedelta(days=59))
    contacts_by_name = {
        person.name: _person(session, shop, number, person, at=at) for number, person in enumerate(PEOPLE, 1)
    }
    for name in WAITING:
        insertion.insert_for(session, shop.forms[OFFERS], contacts_by_name[name], inserted_by=shop.agent, at=at)
    chats.fill(session, shop.forms, contacts_by_name, shop.agents, at=at)
    for name, body, with_form in texts.SAVED_REPLIES:
        content = ReplyContent(name, body, shop.forms[OFFERS].id if with_form else None)
        saved_replies.create(session, content, actor=shop.agent, at=at - timedelta(days=30))
    staff.sign_in(session, shop.agents, at=at)
    workspace.is_demo = True
    session.flush()


def _workspace(session: Session, *, at: datetime) -> None:
    settings.change(session, texts.WORKSPACE, actor=staff.ACTOR, at=at)


def _shop(session: Session, password_hash: str, *, at: datetime) -> _Shop:
    ids = staff.create(session, password_hash, at=at)
    actor = f"agent:{ids['mia']}"
    sms, email, opt_in, opt_out = Channel.SMS, Channel.EMAIL, ConsentType.OPT_IN, ConsentType.OPT_OUT
    types = {
        OFFERS: _type(session, texts.OFFERS, sms, opt_in, actor=actor, at=at),
        ORDERS: _type(session, texts.ORDERS, sms, opt_out, actor=actor, at=at),
        LETTER: _type(session, texts.LETTER, email, opt_in, actor=actor, at=at),
    }
    _type(session, texts.TASTINGS, sms, opt_in, actor=actor, at=at, is_live=False)
    summer = _type(session, texts.SUMMER, sms, opt_in, actor=actor, at=at)
    subscription_types.archive(session, summer, actor=actor, at=at + timedelta(days=30))
    contents = {
        OFFERS: FormContent(types[OFFERS].id, texts.SMS_FORM),
        LETTER: FormContent(types[LETTER].id, texts.EMAIL_FORM),
    }
    names = {OFFERS: "Shop page: offers by text", LETTER: "Footer: monthly letter"}
    forms = {
        type_key: optin_forms.create(
            session,
            contents[type_key],
            FormSettings(names[type_key], [texts.SITE]),
            actor=actor,
            at=at,
        )
        for type_key in (OFFERS, LETTER)
    }
    for type_key, form in forms.items():
        preference_form.choose(session, types[type_key], form.id, actor=actor, at=at)
    return _Shop(types, forms, contents, ids, settings.get(session))


def _type(
    session: Session,
    names: Translations,
    channel: Channel,
    consent_type: ConsentType,
    *,
    actor: str,
    at: datetime,
    is_live: bool = True,
) -> SubscriptionType:
    name, description = names["en"]
    translations = {locale: text for locale, text in names.items() if locale != "en"}
    subscription_type = subscription_types.create(
        session,
        name=name,
        description=description,
        channel=channel,
        consent_type=consent_type,
        translations=translations,
        actor=actor,
        at=at,
    )
    if is_live:
        subscription_types.put_live(session, subscription_type, actor=actor, at=at)
    return subscription_type


def _person(session: Session, shop: _Shop, number: int, person: Person, *, at: datetime) -> Contact:
    contact = contacts.create(
        session,
        role=ContactRole.USER,
        external_id=f"harbour-{1000 + number}",
        name=person.name,
        email_address=f"{person.handle}@example.com" if person.has_email else None,
        phone_number=_number(person.phone),
        locale=person.locale,
        at=at - timedelta(days=45, hours=-number),
    )
    for step in person.steps:
        _apply(session, shop, contact, step, at=at - timedelta(days=step.days_ago))
    return contact


def _number(phone_or_country: str | None) -> str | None:
    if phone_or_country is None or phone_or_country.startswith("+"):
        return phone_or_country
    return phone.read(phone.example(phone_or_country), region=phone_or_country).e164


def _apply(session: Session, shop: _Shop, contact: Contact, step: Step, *, at: datetime) -> None:
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


def _answer_form(session: Session, shop: _Shop, contact: Contact, type_key: str, *, at: datetime) -> None:
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
        details=form_wording.evidence_details(shop.types[type_key].name, shop.types[type_key].channel),
    )
    destination = _opt_in(session, shop, contact, type_key, evidence, at=at)
    inserted.answered_at, inserted.submitted_destination_hash = at, keys_of(session).destination_hash(destination)
    session.flush()


def _opt_in(
    session: Session,
    shop: _Shop,
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


def _opt_out(session: Session, shop: _Shop, contact: Contact, type_key: str, *, at: datetime) -> None:
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


def _wording(shop: _Shop, type_key: str, locale: str) -> wording.FrozenWording:
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
