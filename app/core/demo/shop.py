"""The coffee shop: its settings, subscription types and forms."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.core.demo import staff, texts
from app.core.demo.people import LETTER, OFFERS, ORDERS, SUMMER
from app.core.forms import publishing
from app.core.forms.content import FormContent
from app.core.forms.publishing import FormSettings
from app.core.subscriptions import preference_form, subscription_types
from app.core.subscriptions.subscription_types import NewSubscriptionType, Translations
from app.core.workspace import settings
from app.models import Channel, ConsentType, OptInForm, SubscriptionType, Workspace


@dataclass(frozen=True)
class Shop:
    """The subscription types, the form of each (none for order updates), and the agents, by key."""

    types: dict[str, SubscriptionType]
    forms: dict[str, OptInForm]
    contents: dict[str, FormContent]
    agents: dict[str, int]
    workspace: Workspace

    @property
    def agent(self) -> str:
        return f"agent:{self.agents['ana']}"

    @property
    def marketer(self) -> str:
        return f"agent:{self.agents['mia']}"


def change_settings(session: Session, *, at: datetime) -> None:
    """Name the shop, its links and who is responsible for the data. A demo sends at any hour."""
    settings.change(session, {**texts.WORKSPACE, "quiet_hours": None}, actor=staff.ACTOR, at=at)


def create(session: Session, password_hash: str, *, at: datetime) -> Shop:
    """Create the accounts, the subscription types and their forms.

    :param password_hash: of all accounts
    """
    ids = staff.create(session, password_hash, at=at)
    actor = f"agent:{ids['mia']}"
    sms, email, opt_in, opt_out = Channel.SMS, Channel.EMAIL, ConsentType.OPT_IN, ConsentType.OPT_OUT
    types = {
        OFFERS: _type(session, texts.OFFERS, sms, opt_in, actor=actor, at=at),
        ORDERS: _type(session, texts.ORDERS, sms, opt_out, actor=actor, at=at),
        LETTER: _type(session, texts.LETTER, email, opt_in, actor=actor, at=at),
        SUMMER: _type(session, texts.SUMMER, sms, opt_in, actor=actor, at=at),
    }
    for subscription_type in types.values():
        subscription_types.put_live(session, subscription_type, actor=actor, at=at)
    _type(session, texts.TASTINGS, sms, opt_in, actor=actor, at=at)
    settings.change(session, {"site_subscription_type_id": types[OFFERS].id}, actor=staff.ACTOR, at=at)
    contents = {
        OFFERS: FormContent(types[OFFERS].id, texts.SMS_FORM),
        LETTER: FormContent(types[LETTER].id, texts.EMAIL_FORM),
    }
    names = {OFFERS: "Shop page: offers by text", LETTER: "Footer: monthly letter"}
    forms = {
        type_key: publishing.create(
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
    return Shop(types, forms, contents, ids, settings.get(session))


def _type(
    session: Session,
    names: Translations,
    channel: Channel,
    consent_type: ConsentType,
    *,
    actor: str,
    at: datetime,
) -> SubscriptionType:
    name, description = names["en"]
    translations = {locale: text for locale, text in names.items() if locale != "en"}
    new = NewSubscriptionType(name, channel, consent_type, description, translations=translations)
    return subscription_types.create(session, new, actor=actor, at=at)
