"""An outbound chat from its draft to its end: each recipient gets it once, at the next visit, or a reason."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts import erase, merge, profile, segments
from app.core.conversations import api_views, contact_messages, messages
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle as conversations
from app.core.conversations.appending import NewMessage
from app.core.errors import AssentError, InvalidInput, InvalidState
from app.core.forms import publishing
from app.core.inbox import lists
from app.core.inbox.lists import InboxList
from app.core.outbound_chats import delivering, drafts, expansion, lifecycle, report
from app.core.outbound_chats.drafts import ChatValues
from app.core.outbound_chats.report import Page
from app.db import Database
from app.jobs import run_outbound_chats
from app.models import (
    Contact,
    Conversation,
    ConversationState,
    InsertedForm,
    Message,
    OptInForm,
    OutboundChatRecipient,
)
from tests import make

MAX = "agent:1"


def begun(database: Database, people: int = 2, *, form: bool = True, chunk: int | None = None, **values: object) -> int:
    """An outbound chat that waits for the visits of so many people."""
    with database.unit_of_work() as session:
        live = make.live_type(session)
        made = make.form(session, live) if form else None
        for number in range(people):
            make.contact(
                session, name=f"Sam {number}", external_id=f"sam-{number}", phone_number=f"+1202555010{number}"
            )
        chat = make.outbound_chat(session, made, **values)
        lifecycle.send(session, chat.id, actor=MAX, at=make.NOON)
        chat_id = chat.id
    run_outbound_chats.run_until_active(database, chat_id, chunk=chunk)
    return chat_id


def sam(session: Session, number: int = 0) -> Contact:
    return session.scalars(select(Contact).where(Contact.external_id == f"sam-{number}")).one()


def visit(database: Database, number: int = 0) -> int:
    with database.unit_of_work() as session:
        return delivering.deliver(session, sam(session, number).id, at=clock.now())


def states(database: Database, chat_id: int) -> dict[str, int]:
    with database.read_only() as session:
        return {str(each): many for each, many in report.counts(session, chat_id, at=clock.now()).states.items()}


def reasons(database: Database, chat_id: int) -> dict[str, int]:
    with database.read_only() as session:
        return report.counts(session, chat_id, at=clock.now()).skipped


def test_a_recipient_gets_the_message_and_the_form_once_and_the_report_follows_the_form(database: Database) -> None:
    chat_id = begun(database)
    assert states(database, chat_id) == {"waiting": 2}
    assert visit(database) == 1
    assert visit(database) == 0
    with database.unit_of_work() as session:
        recipient = report.recipients_page(session, chat_id, Page(9), at=clock.now())[0]
        written = session.scalars(select(Message).order_by(Message.number)).all()
        assert [(each.author, each.body, each.kind) for each in written] == [
            (f"outbound:{chat_id}", "Hello Sam", "message"),
            (f"outbound:{chat_id}", "", "form"),
        ]
        inserted = session.scalars(select(InsertedForm)).one()
        assert (inserted.inserted_by, inserted.conversation_id) == (f"outbound:{chat_id}", recipient.conversation_id)
        assert not delivering.is_waiting(session, sam(session).id)
        assert delivering.is_waiting(session, sam(session, 1).id)
        messages.mark_seen_by_contact(session, inserted.conversation_id, 1, at=clock.now())
    assert states(database, chat_id) == {"waiting": 1, "seen": 1}
    with database.unit_of_work() as session:
        session.scalars(select(InsertedForm)).one().answered_at = clock.now()
    assert states(database, chat_id) == {"waiting": 1, "signed_up": 1}
    assert visit(database, 1) == 1
    assert states(database, chat_id) == {"delivered": 1, "signed_up": 1}
    run_outbound_chats.follow(database)
    with database.read_only() as session:
        chat = drafts.get(session, chat_id)
        assert (chat.state, chat.total, chat.eligible) == ("ended", 2, 2)
        (shown,) = report.recipients_page(session, chat_id, Page(9, "delivered"), at=clock.now())
        assert (shown.name, report.delivered_counts(session, [chat_id])) == ("Sam 1", {chat_id: 2})
        assert not report.recipients_page(
            session, chat_id, Page(9, "delivered", None, shown.contact_id), at=clock.now()
        )


def test_the_rules_are_asked_again_at_the_visit(database: Database) -> None:
    chat_id = begun(database, people=4)
    with database.unit_of_work() as session:
        form = session.scalars(select(OptInForm)).one()
        live = publishing.newest_version(session, form).subscription_type_id
        make.opt_in(session, sam(session, 0), session.get_one(make.SubscriptionType, live))
        profile.archive(session, sam(session, 1), actor=MAX, at=clock.now())
    assert [visit(database, number) for number in (0, 1)] == [0, 0]
    with database.unit_of_work() as session:
        publishing.archive(session, session.scalars(select(OptInForm)).one(), actor=MAX, at=clock.now())
    assert visit(database, 2) == 0
    assert reasons(database, chat_id) == {"already_opted_in": 1, "archived": 1, "form_not_offered": 1}
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 0
        shown = report.recipients_page(session, chat_id, Page(9, reason="archived"), at=clock.now())
        assert [each.name for each in shown] == ["Sam 1"]


def test_a_stopped_chat_is_delivered_to_nobody_and_can_take_back_its_forms(database: Database) -> None:
    chat_id = begun(database, people=3)
    assert [visit(database, 0), visit(database, 1)] == [1, 1]
    with database.unit_of_work() as session:
        answered = session.scalars(select(InsertedForm).order_by(InsertedForm.id)).first()
        assert answered
        answered.answered_at = clock.now()
        lifecycle.stop(session, chat_id, withdraws_forms=True, actor="agent:2", at=clock.now())
        with pytest.raises(InvalidState):
            lifecycle.stop(session, chat_id, withdraws_forms=False, actor=MAX, at=clock.now())
    assert visit(database, 2) == 0
    for _ in range(3):
        run_outbound_chats.follow(database)
    assert states(database, chat_id) == {"signed_up": 1, "withdrawn": 1, "stopped": 1}
    with database.read_only() as session:
        assert not drafts.get(session, chat_id).is_withdrawing
        assert delivering.is_waiting(session, sam(session, 2).id) is False


def test_a_chat_ends_at_its_end(database: Database) -> None:
    chat_id = begun(database, people=1, form=False, ends_at=clock.now() + timedelta(hours=1))
    with database.unit_of_work() as session:
        assert lifecycle.over(session, at=clock.now()) == []
        drafts.get(session, chat_id).ends_at = clock.now() - timedelta(seconds=1)
    assert visit(database) == 0
    run_outbound_chats.follow(database)
    run_outbound_chats.follow(database)
    assert states(database, chat_id) == {"stopped": 1}
    with database.read_only() as session:
        assert drafts.get(session, chat_id).state == "ended"


def test_an_expansion_that_was_interrupted_goes_on_and_repeats_nobody(database: Database) -> None:
    with database.unit_of_work() as session:
        people = [make.contact(session) for _ in range(5)]
        chat_id = make.outbound_chat(session).id
        lifecycle.send(session, chat_id, actor=MAX, at=make.NOON)
        ids = [each.id for each in people]
    assert run_outbound_chats.run_part(database, chat_id, "one", seconds=0, chunk=2)
    assert not run_outbound_chats.run_part(database, chat_id, "another", seconds=0, chunk=2)
    with database.unit_of_work() as session:  # as if the worker was killed before it committed
        chunk = expansion.read(session, chat_id, at=make.NOON, chunk=2)
        expansion.write(session, chat_id, "one", chunk, at=make.NOON)
        session.rollback()
    with database.unit_of_work() as session:
        assert expansion.due(session, at=clock.now()) == []  # until the claim of the killed worker is over
        assert expansion.due(session, at=clock.now() + timedelta(minutes=1)) == [chat_id]
        drafts.get(session, chat_id).claimed_at = clock.now() - timedelta(minutes=1)
    run_outbound_chats.run_until_active(database, chat_id, chunk=2)
    with database.read_only() as session:
        chat = drafts.get(session, chat_id)
        assert (chat.state, chat.total, chat.eligible, chat.claimed_by) == ("active", 5, 5, None)
        found = session.scalars(select(OutboundChatRecipient.contact_id).order_by(OutboundChatRecipient.contact_id))
        assert list(found) == ids


def test_an_outbound_chat_does_not_wait_for_a_person_who_was_erased_since_the_audience_was_read(
    database: Database,
) -> None:
    with database.unit_of_work() as session:
        sam, eve = (make.contact(session) for _ in range(2))
        chat_id = make.outbound_chat(session).id
        lifecycle.send(session, chat_id, actor=MAX, at=make.NOON)
    assert run_outbound_chats.run_part(database, chat_id, "one", seconds=0, chunk=1)
    with database.read_only() as session:
        chunk = expansion.read(session, chat_id, at=make.NOON)
    with database.unit_of_work() as session:
        erase.erase(session, session.get_one(Contact, eve.id), actor=MAX, at=make.NOON)
    with database.unit_of_work() as session:
        expansion.write(session, chat_id, "one", chunk, at=make.NOON)
    with database.read_only() as session:
        assert list(session.scalars(select(OutboundChatRecipient.contact_id))) == [sam.id]
        assert (drafts.get(session, chat_id).state, drafts.get(session, chat_id).total) == ("active", 1)


def test_two_tabs_deliver_a_chat_once(database: Database) -> None:
    chat_id = begun(database, people=1)
    at_once, delivered = threading.Barrier(3), []

    def tab() -> None:
        at_once.wait()
        delivered.append(visit(database))

    tabs = [threading.Thread(target=tab) for _ in range(3)]
    for each in tabs:
        each.start()
    for each in tabs:
        each.join()
    assert sorted(delivered) == [0, 0, 1]
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 2
    assert states(database, chat_id) == {"delivered": 1}


def test_a_merged_person_gets_it_once_and_an_erased_one_is_only_counted(database: Database) -> None:
    chat_id = begun(database, people=3)
    with database.unit_of_work() as session:
        into, gone = sam(session, 0), sam(session, 1)
        merge.merge(session, gone.public_id, into.public_id, actor=MAX, at=clock.now(), skip_duplicate_validation=True)
    assert visit(database, 0) == 1
    assert visit(database, 2) == 1
    with database.unit_of_work() as session:
        erase.erase(session, sam(session, 2), actor=MAX, at=clock.now())
    assert reasons(database, chat_id) == {"merged": 1}
    with database.read_only() as session:
        shown = report.recipients_page(session, chat_id, Page(9), at=clock.now())
        assert [(each.name, each.conversation_id is None) for each in shown][-1] == (None, True)


@pytest.mark.databases("sqlite")
def test_what_cannot_be_sent_is_refused_and_a_scheduled_one_stops_by_itself(database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, make.live_type(session))
        for wrong in (ChatValues("", "Hi"), ChatValues("A", " "), ChatValues("A", "{{ x"), ChatValues("A", "Hi", 99)):
            with pytest.raises(InvalidInput):
                drafts.create(session, wrong, actor=MAX, at=make.NOON)
        with pytest.raises(InvalidInput):
            make.outbound_chat(session, ends_at=make.NOON)
        chat = make.outbound_chat(session, form)
        for early in (make.NOON - timedelta(minutes=1), make.NOON + timedelta(days=9999)):
            with pytest.raises(InvalidInput):
                lifecycle.schedule(session, chat.id, early, actor=MAX, at=make.NOON)
        named = {"field": "name", "operator": "=", "value": "Sam"}
        saved = segments.create(session, "Sams", named, actor=MAX, at=make.NOON)
        of_segment = {"field": "segment_id", "operator": "=", "value": saved.public_id}
        values = ChatValues("Spring", "Hi", form.id, of_segment)
        drafts.change(session, chat.id, values, actor=MAX, at=make.NOON)
        with pytest.raises(AssentError):
            drafts.change(session, chat.id, values, revision=1, actor=MAX, at=make.NOON)
        lifecycle.schedule(session, chat.id, make.NOON, actor=MAX, at=make.NOON)
        with pytest.raises(InvalidState):
            segments.delete(session, saved, actor=MAX, at=make.NOON)
        lifecycle.unschedule(session, chat.id, actor=MAX, at=make.NOON)
        lifecycle.schedule(session, chat.id, make.NOON, actor=MAX, at=make.NOON)
        publishing.archive(session, form, actor=MAX, at=make.NOON)
        with pytest.raises(InvalidState) as refused:
            lifecycle.send(session, chat.id, actor=MAX, at=make.NOON)
        assert refused.value.code == "form_not_offered"
        chat_id = chat.id
    run_outbound_chats.run_until_active(database, chat_id)
    with database.read_only() as session:
        stopped = drafts.get(session, chat_id)
        assert (stopped.state, stopped.stop_reason, stopped.eligible) == ("stopped", "form_not_offered", 0)


@pytest.mark.databases("sqlite")
def test_a_form_that_was_withdrawn_one_by_one_counts_as_withdrawn(database: Database) -> None:
    chat_id = begun(database, people=1)
    visit(database)
    with database.unit_of_work() as session:
        inserted = session.scalars(select(InsertedForm)).one()
        conversation_forms.withdraw(session, inserted.id, actor=MAX, at=clock.now())
    assert states(database, chat_id) == {"withdrawn": 1}


def test_a_chat_is_in_no_list_of_the_inbox_until_a_person_writes_in_it(database: Database) -> None:
    begun(database, people=4)
    for number in range(4):
        assert visit(database, number) == 1
    with database.unit_of_work() as session:
        ana, at = make.agent(session).id, clock.now()
        chats = list(session.scalars(select(Conversation.id).order_by(Conversation.contact_id)))
        begun_by_it = session.scalars(select(Conversation)).all()
        assert [(each.state, api_views.state_of(each)) for each in begun_by_it] == [("outbound", "closed")] * 4
        for state in (ConversationState.OPEN, ConversationState.CLOSED):
            assert lists.page(session, ana, InboxList(state), at=at) == []
        assert (lists.counts(session, ana).all, lists.counts(session, ana).unread) == (0, 0)
        writer = contact_messages.lock(session, sam(session, 0).id)
        posted = contact_messages.post(session, writer, body="Which one?", client_key="a", at=at)
        assert posted.conversation_id == chats[0]
        messages.post(session, chats[1], NewMessage("agent:1", "Hello again"), at=at)
        conversations.assign(session, chats[2], ana, actor=MAX, at=at)
        closed = conversations.close(session, chats[3], actor=MAX, at=at)
        shown = lists.page(session, ana, InboxList(), at=at)
        assert [each.conversation_id for each in shown] == [chats[2], chats[1], chats[0]]
        assert (closed.state, lists.counts(session, ana).unread) == ("closed", 1)


def test_a_chat_in_a_conversation_that_an_agent_has_open_leaves_it_open(database: Database) -> None:
    begun(database, people=1)
    with database.unit_of_work() as session:
        writer = contact_messages.lock(session, sam(session).id)
        asked = contact_messages.post(session, writer, body="Hello?", client_key="a", at=make.NOON)
    assert visit(database) == 1
    with database.read_only() as session:
        conversation = session.scalars(select(Conversation)).one()
        assert (conversation.id, conversation.state, conversation.last_number) == (asked.conversation_id, "open", 3)
