"""Makers: whatever a test needs to exist, in one call, with sensible values."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.accounts import agents
from app.core.accounts.agents import NewAgent
from app.core.campaigns import drafts as campaigns
from app.core.campaigns.drafts import CampaignValues
from app.core.consent import changes as consent
from app.core.consent import locking
from app.core.contacts import records as contacts
from app.core.contacts.records import NewContact
from app.core.forms import insertion, publishing
from app.core.forms.content import FormContent, FormText
from app.core.forms.publishing import FormSettings
from app.core.ledger.evidence import Evidence
from app.core.outbound_chats import drafts as outbound_chats
from app.core.outbound_chats.drafts import ChatValues
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import NewSubscriptionType
from app.models import (
    Agent,
    Campaign,
    Channel,
    Confirmation,
    ConsentType,
    Contact,
    ContactRole,
    EvidenceLevel,
    InsertedForm,
    OptInForm,
    OutboundChat,
    Role,
    Source,
    SubscriptionType,
    VerifyNumber,
)

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
# Valid, and nobody's: ranges that regulators keep for fiction, or examples of the numbering plans.
SAMS_NUMBER = "+12025550123"
EVES_NUMBER = "+12025550199"
BRITISH_NUMBER = "+447400123456"
_serial = count(1)


def agent(session: Session, **values: Any) -> Agent:
    number = next(_serial)
    values = {"email": f"agent{number}@example.com", "name": f"Ana {number}", "role": Role.AGENT} | values
    return agents.create_agent(session, NewAgent(**values), at=NOON)


def live_type(session: Session, **values: Any) -> SubscriptionType:
    made = draft_type(session, **values)
    subscription_types.put_live(session, made, actor="agent:1", at=NOON)
    return made


def draft_type(session: Session, **values: Any) -> SubscriptionType:
    values = {"name": "Offers", "channel": Channel.SMS, "consent_type": ConsentType.OPT_IN} | values
    return subscription_types.create(session, NewSubscriptionType(**values), actor="agent:1", at=NOON)


def form(
    session: Session,
    subscription_type: SubscriptionType | None = None,
    *,
    allowed_origins: tuple[str, ...] = (),
    texts: dict[str, FormText] | None = None,
    name: str = "",
    **values: Any,
) -> OptInForm:
    subscription_type = subscription_type or live_type(session)
    title = FormText("Texts from Harbour Coffee", legal_text="By signing up you agree to get texts. **No** obligation.")
    content = FormContent(subscription_type.id, texts or {"en": title}, **values)
    return publishing.create(session, content, FormSettings(name, allowed_origins), actor="agent:1", at=NOON)


def contact(session: Session, **values: Any) -> Contact:
    number = next(_serial)
    at = values.pop("at", NOON)
    values = {"role": ContactRole.USER, "external_id": f"user-{number}", "name": f"Sam {number}"} | values
    return contacts.create(session, NewContact(**values), at=at)


def inserted(session: Session, form: OptInForm, contact: Contact | None, **values: Any) -> InsertedForm:
    values = {"inserted_by": "agent:1", "at": clock.now()} | values
    options = {name: values.pop(name) for name in ("origin", "expires_in") if name in values}
    values["link"] = insertion.LinkOptions(**options)
    return insertion.insert_for(session, form, contact, **values)


def evidence(source: Source = Source.FORM, **values: Any) -> Evidence:
    return Evidence(**({"source": source, "actor": "contact", "level": EvidenceLevel.PERSONAL_LINK} | values))


def opt_in(session: Session, contact: Contact, subscription_type: SubscriptionType, **values: Any) -> consent.Change:
    session.flush()
    destination = contact.phone if subscription_type.channel == Channel.SMS else contact.email
    assert destination
    return consent.opt_in(
        session,
        locking.lock(session, contact.id),
        subscription_type.id,
        destination,
        values.pop("evidence", evidence()),
        at=values.pop("at", NOON),
    )


def opt_out(session: Session, contact: Contact, subscription_type: SubscriptionType, **values: Any) -> consent.Change:
    session.flush()
    destination = contact.phone if subscription_type.channel == Channel.SMS else contact.email
    return consent.opt_out(
        session,
        locking.lock(session, contact.id),
        subscription_type.id,
        destination,
        values.pop("evidence", evidence(Source.PREFERENCE_CENTER)),
        at=values.pop("at", NOON + timedelta(hours=1)),
    )


def pending_confirmation(session: Session, contact: Contact, subscription_type: SubscriptionType) -> Confirmation:
    session.flush()
    made = Confirmation(
        token=f"confirmation{next(_serial)}",
        method=VerifyNumber.CODE,
        contact_id=contact.id,
        subscription_type_id=subscription_type.id,
        phone=contact.phone,
        phone_hash=contact.phone_hash,
        locale="en",
        created_at=NOON,
        expires_at=NOON + timedelta(minutes=10),
    )
    session.add(made)
    session.flush()
    return made


def campaign(session: Session, subscription_type: SubscriptionType, **values: Any) -> Campaign:
    values = {"name": "Spring", "body": "Hello {{ name | there }}", "actor": "agent:1", "at": NOON} | values
    actor, at = values.pop("actor"), values.pop("at")
    content = CampaignValues(subscription_type_id=subscription_type.id, **values)
    return campaigns.create(session, content, actor=actor, at=at)


def outbound_chat(session: Session, form: OptInForm | None = None, **values: Any) -> OutboundChat:
    values = {"name": "Spring", "body": "Hello {{ first_name | there }}", "actor": "agent:1", "at": NOON} | values
    actor, at = values.pop("actor"), values.pop("at")
    content = ChatValues(form_id=form.id if form else None, **values)
    return outbound_chats.create(session, content, actor=actor, at=at)
