"""How an outbound chat looks in the messenger, to some people of its audience."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.core.contacts import records
from app.core.errors import AssentError
from app.core.forms import publishing
from app.core.forms.content import FormText, content_of
from app.core.outbound_chats import audience, delivering
from app.core.workspace import settings
from app.models import Contact
from app.web.i18n import sentence_of

SAMPLES = 2


@dataclass(frozen=True)
class Card:
    """The form below the message, in its own language."""

    text: FormText
    locale: str
    type_name: str
    is_offered: bool


@dataclass(frozen=True)
class Preview:
    """:param people: the message as some people of the audience get it; with null: as someone without a name
    :param problem: why the message cannot be read
    """

    office: str
    card: Card | None = None
    people: tuple[tuple[Contact | None, str], ...] = ()
    problem: str = ""


def of(session: Session, body: str, form_id: int | None, query: Mapping[str, Any] | None) -> Preview:
    """The preview of a message, which need not be saved. Writes nothing."""
    workspace = settings.get(session)
    office, card = workspace.messenger_office_name or workspace.name, _card(session, form_id)
    if not body:
        return Preview(office, card)
    try:
        samples = _samples(session, form_id, query)
        people = tuple((each, delivering.text_for(body, each)) for each in [*samples, None])
    except AssentError as error:
        return Preview(office, card, problem=sentence_of(error))
    return Preview(office, card, people)


def _card(session: Session, form_id: int | None) -> Card | None:
    try:
        form = publishing.find(session, form_id) if form_id else None
    except AssentError:
        form = None
    if form is None:
        return None
    content = content_of(publishing.newest_version(session, form))
    name = audience.type_of(session, form).name
    return Card(content.texts[content.locale], content.locale, name, audience.is_form_offered(session, form))


def _samples(session: Session, form_id: int | None, query: Mapping[str, Any] | None) -> list[Contact]:
    try:
        ids = audience.people(session, form_id, query, None, limit=SAMPLES)
    except AssentError:
        return []  # said beside the audience
    found = records.find_by_ids(session, ids)
    return [found[each] for each in ids if each in found]
