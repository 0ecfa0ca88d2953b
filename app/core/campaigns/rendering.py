"""The text that each recipient gets: variables filled in, the brand first, short links, and how to opt out at the end.

A text is written when it is claimed for sending, so that it has the person's name and link of that moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload

from app.core import message_template, public_urls, sms_text, wording
from app.core.campaigns import audience_sql, short_links
from app.core.campaigns import wording as campaign_wording
from app.core.campaigns.audience_sql import Scope
from app.core.message_template import Template
from app.core.preferences import links
from app.core.sms_text import Packed
from app.core.workspace import settings
from app.db import run
from app.models import (
    Campaign,
    Contact,
    OptOutText,
    SmsMessage,
    SubscriptionType,
)

# As long as a real one, for previews.
_SAMPLE_TOKEN = "x" * 16
# What a text can say about its recipient, beside custom attributes.
_NAMES = ("name", "first_name", "email", "phone")


@dataclass(frozen=True)
class Preview:
    """The text that one person would get. ``contact_id`` is null for an example."""

    contact_id: int | None
    body: str
    packed: Packed


def render(session: Session, messages: Sequence[SmsMessage], *, base: str, at: datetime, one_way: bool = False) -> None:
    """Write the bodies of claimed texts of campaigns. Others are left as they are, and those without a contact.

    Whether a text may be sent is not asked here: the gate decides that afterwards. Flushes, does not commit.

    :param base: the address of this server
    :param one_way: people cannot reply to the gateway's sender, so each text names another way out
    """
    to_write = [each for each in messages if each.campaign_id is not None and each.body is None]
    campaigns = _campaigns(session, {each.campaign_id for each in to_write if each.campaign_id})
    contacts = _contacts(session, [each.contact_id for each in to_write if each.contact_id])
    needing = {
        contacts[each.contact_id].id
        for each in to_write
        if each.contact_id in contacts and _needs_link(campaigns[each.campaign_id or 0], one_way=one_way)
    }
    tokens = links.issue_all(session, needing, at=at) if needing else {}
    writers = {each.id: _writer(session, each, base=base, one_way=one_way) for each in campaigns.values()}
    for message in to_write:
        contact = contacts.get(message.contact_id or 0)
        if contact is not None:
            text = writers[message.campaign_id or 0].text(contact, tokens.get(contact.id, _SAMPLE_TOKEN))
            packed = sms_text.pack(text)
            message.body, message.encoding, message.segments = text, packed.encoding, packed.segments
    session.flush()


def previews(
    session: Session, campaign: Campaign, contact_ids: Sequence[int], *, base: str, one_way: bool = False
) -> list[Preview]:
    """The texts that these contacts would get, with links that lead nowhere. Writes nothing.

    :raises InvalidInput: the text has a variable that cannot be read
    """
    writer, contacts = _writer(session, campaign, base=base, one_way=one_way), _contacts(session, contact_ids)
    return [_preview(writer, contacts[each]) for each in contact_ids if each in contacts]


def measure(session: Session, campaign: Campaign, *, base: str, one_way: bool = False) -> Preview:
    """The text for a person without any known value: every variable has its fallback. Writes nothing."""
    return _preview(_writer(session, campaign, base=base, one_way=one_way), None)


def sample_sizes(
    session: Session, campaign: Campaign, scope: Scope, *, base: str, limit: int, one_way: bool
) -> list[int]:
    """The segments of the texts of some eligible people; of an example where there is none."""
    some = list(run(session, audience_sql.page(scope, None, None, limit)).scalars())
    found = previews(session, campaign, some, base=base, one_way=one_way)
    found = found or [measure(session, campaign, base=base, one_way=one_way)]
    return [each.packed.segments for each in found]


@dataclass(frozen=True)
class _Writer:
    """Writes the texts of one campaign."""

    template: Template
    brand: str
    opt_out_text: OptOutText
    locale: str
    base: str
    one_way: bool

    def text(self, contact: Contact | None, token: str) -> str:
        """The whole text for one contact; ``token`` is that of its preference link."""
        text = self.template.fill(_values(contact)).strip()
        if self.brand.casefold() not in text.casefold():
            text = f"{self.brand}: {text}"
        return f"{text}\n{self._way_out(contact, public_urls.preferences(token, base=self.base))}"

    def _way_out(self, contact: Contact | None, address: str) -> str:
        known = contact is not None and contact.locale
        locale = wording.negotiate(contact.locale if contact is not None and known else self.locale, "")
        if self.one_way:
            return campaign_wording.one_way(locale, address)
        match self.opt_out_text:
            case OptOutText.REPLY:
                return campaign_wording.reply(locale)
            case OptOutText.BOTH:
                return campaign_wording.reply_or_link(locale, address)
        return campaign_wording.link(locale, address)


def _writer(session: Session, campaign: Campaign, *, base: str, one_way: bool) -> _Writer:
    """:raises InvalidInput: the text has a variable that cannot be read"""
    tokens = dict.fromkeys(short_links.addresses_in(campaign.body), "x" * 12)
    if campaign.id is not None:
        tokens |= short_links.of_campaign(session, campaign.id)
    body = short_links.shorten(campaign.body, tokens, base=base)
    subscription_type = session.get(SubscriptionType, campaign.subscription_type_id)
    locale = subscription_type.locale if subscription_type is not None else wording.DEFAULT_LOCALE
    brand = settings.get(session).name
    template = message_template.parse(body)
    return _Writer(template, brand, OptOutText(campaign.opt_out_text), locale, base, one_way)


def _preview(writer: _Writer, contact: Contact | None) -> Preview:
    text = writer.text(contact, _SAMPLE_TOKEN)
    return Preview(contact.id if contact is not None else None, text, sms_text.pack(text))


def _values(contact: Contact | None) -> Mapping[str, str | None]:
    if contact is None:
        return dict.fromkeys(_NAMES)
    attributes = {name: _shown(value) for name, value in contact.custom_attributes.items()}
    first_name = contact.name.split()[0] if contact.name and contact.name.split() else None
    own = {"name": contact.name, "first_name": first_name, "email": contact.email, "phone": contact.phone}
    return attributes | own


def _shown(value: Any) -> str | None:
    """A custom attribute as text; null for true, false and lists, which read badly in a sentence."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _needs_link(campaign: Campaign, *, one_way: bool) -> bool:
    return one_way or campaign.opt_out_text != OptOutText.REPLY


def _campaigns(session: Session, ids: Iterable[int]) -> dict[int, Campaign]:
    return {each.id: each for each in session.scalars(select(Campaign).where(Campaign.id.in_(set(ids))))}


def _contacts(session: Session, ids: Iterable[int]) -> dict[int, Contact]:
    query = select(Contact).where(Contact.id.in_(set(ids))).options(lazyload("*"))
    return {each.id: each for each in session.scalars(query)}
