"""What the pages and the poll of the inbox show: read once, rendered from the same templates."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import request
from sqlalchemy.orm import Session

from app.core import phone
from app.core.accounts import agents as accounts
from app.core.consent import eligibility
from app.core.contacts import records as contacts
from app.core.conversations import views as conversation_views
from app.core.conversations.views import AgentView
from app.core.forms import publishing as optin_forms
from app.core.inbox import lists as inbox
from app.core.inbox import search as inbox_search
from app.core.inbox.lists import Assigned, Row
from app.core.ledger import events as ledger
from app.core.workspace import settings
from app.models import Contact, Conversation, ConversationState, TypeState
from app.web import formatting as display
from app.web.inbox import labels as words
from app.web.sign_in.setup import current_agent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Choice:
    """Which list is shown. ``query`` keeps it from page to page."""

    box: ConversationState
    assigned: Assigned
    typed: str
    before: tuple[datetime, int] | None

    @classmethod
    def of_request(cls) -> "Choice":
        box, assigned = request.args.get("box", ""), request.args.get("assigned", "")
        return cls(
            ConversationState(box) if box in set(ConversationState) else ConversationState.OPEN,
            Assigned(assigned) if assigned in set(Assigned) else Assigned.ALL,
            request.args.get("q", "")[:200].strip(),
            _place(request.args.get("before", "")),
        )

    @property
    def is_live(self) -> bool:
        """Whether it follows what happens: the first page of a list does; a search and older pages stand."""
        return not self.typed and self.before is None

    @property
    def query(self) -> str:
        return self.with_()

    def with_(self, box: str | None = None, assigned: str | None = None, before: str = "") -> str:
        """``?box=closed&assigned=me`` for this list, changed in places; empty for the standard one."""
        chosen = {
            "box": box or self.box.value,
            "assigned": assigned or self.assigned.value,
            "q": self.typed if box is None and assigned is None else "",
            "before": before,
        }
        standard = {"box": "open", "assigned": "all", "q": "", "before": ""}
        said = {name: value for name, value in chosen.items() if value != standard[name]}
        return f"?{urlencode(said)}" if said else ""


def my_id() -> int:
    """Of whoever is signed in. For views that are open to agents only."""
    agent = current_agent()
    assert agent is not None  # noqa: S101 - agent_required saw to it
    return agent.id


def list_of(session: Session, choice: Choice, *, at: datetime) -> dict[str, Any]:
    """What ``inbox/_list.html`` shows."""
    me, workspace = my_id(), settings.get(session)
    if choice.typed:
        rows = inbox_search.search(session, me, choice.typed, region=workspace.default_country, at=at)
        following = ""
    else:
        found = inbox.page(
            session,
            me,
            at=at,
            state=choice.box,
            assigned=choice.assigned,
            before=choice.before,
            limit=inbox.PAGE_SIZE + 1,
        )
        rows = found[: inbox.PAGE_SIZE]
        following = choice.with_(before=_place_of(rows[-1])) if len(found) > inbox.PAGE_SIZE else ""
    return {
        "choice": choice,
        "rows": rows,
        "following": following,
        "counts": inbox.counts(session, me),
        "agents": display.agent_names(session),
        "me": me,
        "time_zone": workspace.time_zone,
        "words": words,
    }


def conversation_of(session: Session, found: Conversation, view: AgentView, *, at: datetime) -> dict[str, Any]:
    """What ``inbox/_head.html``, ``_lines.html`` and ``_panel.html`` show."""
    contact = contacts.find_by_ids(session, [found.contact_id])[found.contact_id]
    me, workspace = my_id(), settings.get(session)
    answered = [line.form.inserted_form_id for line in view.lines if line.form and line.form.answered_at]
    records = ledger.of_inserted_forms(session, answered)
    return {
        "conversation": found,
        "contact": contact,
        "view": view,
        "agreed": {number: words.agreed(line) for number, line in records.items()},
        "assignable": {each.id: accounts.label(each) for each in accounts.find_all(session) if each.active},
        "others": inbox.other_viewers(session, found.id, me, at=at),
        "agents": display.agent_names(session),
        "me": me,
        "time_zone": workspace.time_zone,
        "words": words,
        "client_key": new_key(),
        **_about(session, contact, found.id),
    }


def new_key() -> str:
    """What makes that which is sent twice from one page stand once."""
    return secrets.token_urlsafe(12)


def number_of(text: str | None) -> int | None:
    """The id that was chosen of a list; null when it is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def offered_forms(session: Session) -> list[tuple[str, str]]:
    """The saved forms that can be inserted, for a list to choose from."""
    return [
        (str(each.form.id), f"{each.form.name} ({each.subscription_type.name})")
        for each in optin_forms.find_all(session)
        if each.form.archived_at is None and each.subscription_type.state == TypeState.LIVE
    ]


def _about(session: Session, contact: Contact, conversation_id: int) -> dict[str, Any]:
    return {
        "standings": [
            each for each in eligibility.standings(session, contact) if each.subscription_type.state == "live"
        ],
        "refusal": phone.refusal_of_stored(contact.phone) if contact.phone else None,
        "formatted": phone.formatted,
        "previous": [
            each for each in conversation_views.for_contact(session, contact.id) if each.id != conversation_id
        ],
    }


def _place_of(row: Row) -> str:
    moment, conversation_id = row.key
    return f"{(moment - _EPOCH) // timedelta(microseconds=1)}-{conversation_id}"


def _place(text: str) -> tuple[datetime, int] | None:
    micros, _, conversation_id = text.partition("-")
    if not (text.isascii() and micros.isdigit() and conversation_id.isdigit() and len(text) < 40):
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(micros)), min(int(conversation_id), 2**62)
    except OverflowError:
        return None
