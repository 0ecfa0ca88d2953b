"""The fields of a campaign: what the composer asks for, and how that becomes values of core."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired

from app.core.campaigns.drafts import CEILING_MAX_MICROS, CampaignValues
from app.core.errors import InvalidInput
from app.core.subscriptions import subscription_types
from app.models import Campaign, Channel, OptOutText, TypeState
from app.web import composing
from app.web.campaigns import labels
from app.web.composing import Built
from app.web.formkit import Form, choices, rule, text
from app.web.i18n import gettext, lazy_gettext
from app.web.ids import parse_id

_MICROS = 1_000_000


class CampaignForm(Form):
    """``revision`` is that of the campaign which the editor opened."""

    name = StringField(
        lazy_gettext("Name"), [DataRequired(lazy_gettext("Enter a name for the campaign."))], filters=[text]
    )
    subscription_type_id = SelectField(lazy_gettext("Subscription type"))
    audience = RadioField(lazy_gettext("Contacts"))
    segment = SelectField(lazy_gettext("Segment"), validate_choice=False)
    body = TextAreaField(lazy_gettext("Text"), [DataRequired(lazy_gettext("Write a text."))], filters=[text])
    opt_out_text = RadioField(lazy_gettext("Way to opt out"))
    price_ceiling = StringField(
        lazy_gettext("Price ceiling"), [rule(lambda typed: micros_of(typed or ""))], filters=[text]
    )
    revision = HiddenField()

    def __init__(self, session: Session, **values: Any) -> None:
        super().__init__(**values)
        types = [
            each
            for each in subscription_types.find_all(session)
            if each.channel == Channel.SMS and (each.state != TypeState.ARCHIVED or str(each.id) == self.type_id)
        ]
        self.subscription_type_id.choices = choices([(str(each.id), _type_label(each)) for each in types])
        composing.offer(self, session)
        self.opt_out_text.choices = choices([(str(key), gettext(words)) for key, words in labels.OPT_OUT_TEXTS.items()])

    @property
    def type_id(self) -> str:
        return str(self.subscription_type_id.data or "")

    def values(self, query: Mapping[str, Any] | None) -> CampaignValues:
        """As ``drafts.create`` takes them; not all of them need to be valid."""
        way_out = self.opt_out_text.data
        return CampaignValues(
            name=self.name.data or "",
            subscription_type_id=parse_id(self.type_id) or 0,
            body=self.body.data or "",
            opt_out_text=OptOutText(way_out if way_out in labels.OPT_OUT_TEXTS else OptOutText.LINK),
            query=query,
            price_ceiling_micros=micros_of(self.price_ceiling.data or ""),
        )


def values_of(campaign: Campaign, zone: ZoneInfo) -> tuple[dict[str, Any], Built]:
    """The values of the fields for a campaign, and its filter as rows."""
    chosen, built = composing.values_of(campaign.query, zone)
    ceiling = campaign.price_ceiling_micros
    values = {
        "name": campaign.name,
        "subscription_type_id": str(campaign.subscription_type_id),
        "body": campaign.body,
        "opt_out_text": campaign.opt_out_text,
        "price_ceiling": "" if ceiling is None else f"{Decimal(ceiling) / _MICROS:f}",
        "revision": str(campaign.revision),
    }
    return values | chosen, built


def micros_of(typed: str) -> int | None:
    """An amount in millionths; null where nothing is typed. :raises InvalidInput: it is no amount"""
    if not typed:
        return None
    try:
        micros = Decimal(typed.replace(",", ".").replace(" ", "")) * _MICROS
        is_amount = 0 < micros <= CEILING_MAX_MICROS
    except ArithmeticError:
        is_amount = False
    if not is_amount or not (whole := int(micros.to_integral_value())):
        raise InvalidInput("Enter an amount, such as 250 or 99.50.", field="price_ceiling")
    return whole


def _type_label(each: Any) -> str:
    if each.state == TypeState.LIVE:
        return str(each.name)
    return gettext("%(name)s (not live: nothing is sent)", name=each.name)
