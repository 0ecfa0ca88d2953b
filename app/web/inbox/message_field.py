"""The field for the text of a message, the same in every form of the inbox."""

from typing import Any

from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from app.core.conversations.appending import BODY_MAX
from app.web.formkit import text
from app.web.i18n import lazy_gettext


def message_field(label: Any) -> Any:
    """A required text of at most ``BODY_MAX`` characters."""
    is_written = DataRequired(lazy_gettext("Write something first."))
    is_short = Length(max=BODY_MAX, message=lazy_gettext("Use at most %(most)s characters.", most=BODY_MAX))
    return TextAreaField(label, [is_written, is_short], filters=[text])
