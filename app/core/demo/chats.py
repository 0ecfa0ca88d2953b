"""The conversations of the demo workspace: forms in every state, notes, and unread messages."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.conversations import appending, lifecycle, messages
from app.core.conversations import forms as conversation_forms
from app.core.conversations.appending import NewMessage
from app.core.forms import content as form_content
from app.core.forms import insertion, publishing
from app.core.forms.content import FormContent, FormText
from app.core.inbox import presence
from app.core.submissions import seen
from app.models import Contact, Conversation, InsertedForm, MessageKind, OptInForm


@dataclass(frozen=True)
class Chat:
    """A conversation with the contact of this name.

    ``lines`` are pairs of an author (``contact``, ``ana``, ``max``, ``note`` or ``form``) and a text. For ``form`` the
    text says which: ``inserted`` is the form that the contact has already; ``seen`` is the same, marked as seen;
    ``expired`` and ``new`` are further forms; ``inline`` is configured in the conversation.
    """

    name: str
    days_ago: float
    lines: tuple[tuple[str, str], ...]
    assigned_to: str = ""
    is_closed: bool = False
    is_read: bool = False


CHATS = (
    Chat(
        "Diego Luna",
        40,
        (("contact", "¿Tienen café de Chiapas?"), ("ana", "¡Sí! Llega cada dos semanas."), ("form", "expired")),
        is_closed=True,
    ),
    Chat(
        "Emma Clark",
        4.7025,
        (
            ("contact", "Do you ever have offers on the decaf?"),
            ("ana", "Every month or so. Shall I tell you by text when there is one?"),
            ("contact", "Yes please"),
            ("form", "inserted"),
            ("contact", "Done!"),
        ),
        assigned_to="ana",
        is_read=True,
    ),
    Chat(
        "Ravi Nair",
        2.45,
        (
            ("contact", "stop bothering me"),
            ("form", "new"),
            ("note", "He was rude on the phone, too. Blocked at his own wish."),
        ),
        is_closed=True,
    ),
    Chat(
        "Grace Kim",
        0.21,
        (
            ("contact", "Hi! Is Saturday’s tasting sold out?"),
            ("max", "Four seats are left. I can let you know by text if one more evening is added."),
            ("note", "Regular, comes with three friends. Keep the window table."),
            ("form", "inline"),
        ),
        assigned_to="max",
        is_read=True,
    ),
    Chat("Sam Rivera", 0.12, (("contact", "Am I on your list for offers?"), ("form", "inserted")), assigned_to="ana"),
    Chat(
        "Ines Costa",
        0.03,
        (
            ("contact", "Olá! Vocês avisam quando chega café novo?"),
            ("ana", "Olá Ines! Sim, por mensagem, poucas vezes por mês. É só confirmar aqui:"),
            ("form", "inserted"),
        ),
        assigned_to="ana",
        is_read=True,
    ),
    Chat(
        "Hannah Cole",
        0.011,
        (
            ("contact", "Hello, I’d like to hear about new roasts. How do I sign up?"),
            ("ana", "Right here: type your mobile number into the form."),
            ("form", "seen"),
            ("contact", "Is it free?"),
        ),
    ),
    Chat("Zoe Adams", 0.004, (("contact", "My order 4711 says packed since Tuesday. Is it on its way?"),)),
)
TASTINGS = FormText(
    "A text when a tasting is added",
    "Tell me first",
    "By signing up you agree to get recurring marketing texts from Harbour Coffee at this number, up to 4 a month. "
    "Consent is **not** a condition of purchase. Reply **HELP** for help, **STOP** to end.",
)


def fill(
    session: Session,
    forms: dict[str, OptInForm],
    contacts_by_name: dict[str, Contact],
    agents: dict[str, int],
    *,
    at: datetime,
) -> None:
    """Create all conversations.

    :param forms: by subscription type, ``offers`` and ``letter``
    :param agents: ids by ``max`` and ``ana``
    """
    for chat in CHATS:
        _fill(session, chat, forms, contacts_by_name[chat.name], agents, at=at - timedelta(days=chat.days_ago))


def _fill(
    session: Session, chat: Chat, forms: dict[str, OptInForm], contact: Contact, agents: dict[str, int], *, at: datetime
) -> None:
    conversation = lifecycle.start(session, contact.id, at=at, assignee_id=agents.get(chat.assigned_to))
    blocked_at, contact.blocked_at = contact.blocked_at, None  # they wrote before they were blocked
    for minute, (author, text) in enumerate(chat.lines):
        moment = at + timedelta(minutes=minute)
        agent = f"agent:{agents['max' if author == 'max' else 'ana']}"
        if author == "form":
            _place(session, conversation, forms, text, author=agent, at=moment)
            continue
        kind = MessageKind.NOTE if author == "note" else MessageKind.MESSAGE
        message = NewMessage("contact" if author == "contact" else agent, text, kind=kind)
        messages.post(session, conversation.id, message, at=moment)
    contact.blocked_at = blocked_at
    if chat.is_read or chat.is_closed:
        for agent_id in agents.values():
            presence.mark_read(session, conversation.id, agent_id, len(chat.lines) * 2)
    if chat.is_closed:
        closed_at = at + timedelta(minutes=len(chat.lines))
        lifecycle.close(session, conversation.id, actor=f"agent:{agents['ana']}", at=closed_at)
    session.flush()


def _place(
    session: Session, conversation: Conversation, forms: dict[str, OptInForm], which: str, *, author: str, at: datetime
) -> None:
    contact = session.get_one(Contact, conversation.contact_id)
    if which == "inline":
        offers = form_content.content_of(publishing.newest_version(session, forms["offers"]))
        content = FormContent(offers.subscription_type_id, {"en": TASTINGS})
        conversation_forms.insert_configured(session, conversation.id, content, actor=author, at=at)
        return
    if which in {"expired", "new"}:
        inserted = insertion.insert_for(
            session, forms["letter" if which == "new" else "offers"], contact, inserted_by=author, at=at
        )
    else:
        inserted_forms = select(InsertedForm).where(
            InsertedForm.contact_id == contact.id,
            InsertedForm.form_id == forms["offers"].id,
            InsertedForm.conversation_id.is_(None),
        )
        inserted = session.scalars(inserted_forms.order_by(InsertedForm.id.desc())).first() or insertion.insert_for(
            session, forms["offers"], contact, inserted_by=author, at=at
        )
    conversation_forms.place(session, appending.lock(session, conversation.id), inserted, author=author, at=at)
    if which == "seen":
        seen.inserted_form_seen(session, inserted.token, at=at)
    if inserted.answered_at is not None:
        conversation_forms.mark_changed(session, conversation.id, inserted.id, is_answered=True, at=at)
