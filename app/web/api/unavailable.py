"""Fields of Intercom's requests that have no effect here. They are refused, as they would be dropped silently."""

from collections.abc import Collection, Mapping
from typing import Any

from app.core.errors import NotAvailable

_ATTACHED = "Attachments cannot be sent. Put an address into the text."
_COPIES = "A message goes to one contact. Send another one to each of the others."
_SENTENCES: Mapping[str, str] = {
    "attachment_urls": _ATTACHED,
    "attachment_files": _ATTACHED,
    "reply_options": "Quick replies are not available.",
    "brand_id": "There are no brands here.",
    "cc": _COPIES,
    "bcc": _COPIES,
    "company_id": "There are no companies here.",
    "companies": "There are no companies here.",
}


def refuse(body: Mapping[str, Any], names: Collection[str]) -> None:
    """:raises NotAvailable: the body has a value for one of these fields"""
    for name in names:
        if body.get(name):
            raise NotAvailable(_SENTENCES[name], field=name)
