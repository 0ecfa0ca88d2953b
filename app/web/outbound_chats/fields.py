"""The fields of an outbound chat: what the composer asks for, and how that becomes values of core."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import DateTimeLocalField
from wtforms.validators import DataRequired, Optional

from app.core.forms import publishing
from app.core.outbound_chats.drafts import ChatValues
from app.models import OutboundChat
from app.web import composing
from app.web.composing import Built
from app.web.formkit import Form, choices, text
from app.web.i18n import gettext, lazy_gettext
from app.web.ids import parse_id


class ChatForm(Form):
    """``revision`` is that of the outbound chat which the editor opened."""

    name = StringField(
        lazy_gettext("Name"), [DataRequired(lazy_gettext("Enter a name for the outbound chat."))], filters=[text]
    )
    audience = RadioField(lazy_gettext("Contacts"))
    segment = SelectField(lazy_gettext("Segment"), validate_choice=False)
    body = TextAreaField(lazy_gettext("Text"), [DataRequired(lazy_gettext("Write a message."))], filters=[text])
    form_id = SelectField(lazy_gettext("Form"))
    ends_at = DateTimeLocalField(lazy_gettext("End"), [Optional()], format=composing.MOMENTS)
    revision = HiddenField()

    def __init__(self, session: Session, **values: Any) -> None:
        super().__init__(**values)
        composing.offer(self, session)
        offered = [
            (
                str(each.form.id),
                each.form.name if each.is_offered else gettext("%(name)s (not offered)", name=each.form.name),
            )
            for each in publishing.find_all(session)
            if each.is_offered or str(each.form.id) == self.form_id.data
        ]
        self.form_id.choices = choices([("", gettext("No form")), *offered])

    def values(self, query: Mapping[str, Any] | None, zone: ZoneInfo) -> ChatValues:
        """As ``drafts.create`` takes them; not all of them need to be valid."""
        local: datetime | None = self.ends_at.data
        return ChatValues(
            name=self.name.data or "",
            body=self.body.data or "",
            form_id=parse_id(str(self.form_id.data or "")),
            query=query,
            ends_at=local.replace(tzinfo=zone) if local is not None else None,
        )


def values_of(chat: OutboundChat, zone: ZoneInfo) -> tuple[dict[str, Any], Built]:
    """The values of the fields for an outbound chat, and its filter as rows."""
    chosen, built = composing.values_of(chat.query, zone)
    values = {
        "name": chat.name,
        "body": chat.body,
        "form_id": str(chat.form_id or ""),
        "ends_at": composing.local(chat.ends_at, str(zone)),
        "revision": str(chat.revision),
    }
    return values | chosen, built
