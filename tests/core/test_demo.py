"""The demo workspace: filled once, in every state that a page can show, with nobody real in it."""

import json
from collections import Counter
from collections.abc import Iterator

import phonenumbers
import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import demo, wording
from app.core.bulk import items, jobs
from app.core.consent import eligibility
from app.core.consent.eligibility import Reason
from app.core.demo.staff import SIGN_INS
from app.core.errors import InvalidState
from app.core.forms import publishing
from app.core.outbound_chats import report
from app.core.preferences import erasure_requests
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.db import Database
from app.jobs import route_outbox
from app.models import (
    Agent,
    AuditEntry,
    Base,
    ConsentEvent,
    ConsentEvidence,
    Contact,
    InsertedForm,
    JobState,
    OptInFormText,
    OutboundChat,
    Source,
    SubscriptionType,
    Wording,
)
from tests import make
from tests.conftest import KINDS
from tests.crossing import cross
from tests.installations import own_postgresql, own_sqlite
from tests.make import NOON

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="module", params=KINDS)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The demo workspace, which its tests share: filling it takes longer than all of them."""
    template = request.getfixturevalue(f"{request.param}_template")
    own = own_sqlite if request.param == "sqlite" else own_postgresql
    with own(template, tmp_path_factory.mktemp("demo")) as installation:
        with installation.database.unit_of_work() as session:
            demo.fill(session, at=NOON, password_hash=CHEAP.hash(demo.DEMO_PASSWORD))
        yield installation.database
        installation.close()


def row_counts(database: Database) -> dict[str, int]:
    with database.read_only() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def test_filling_twice_changes_nothing(filled: Database) -> None:
    before = row_counts(filled)
    with filled.unit_of_work() as session:
        assert demo.is_filled(session)
        demo.fill(session, at=NOON, password_hash="other")
    assert row_counts(filled) == before


@pytest.mark.databases("postgresql")
def test_two_that_fill_at_the_same_moment_fill_it_once(database: Database) -> None:
    def fill(session: Session) -> bool:
        demo.fill(session, at=NOON, password_hash="x")
        return demo.is_filled(session)

    assert cross(database, fill, fill)
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Agent)) == len(SIGN_INS)


def test_a_workspace_with_data_is_never_filled(database: Database) -> None:
    with database.unit_of_work() as session:
        make.contact(session)
    with pytest.raises(InvalidState), database.unit_of_work() as session:
        demo.fill(session, at=NOON, password_hash="x")
    with database.read_only() as session:
        assert not demo.is_filled(session)
        assert session.scalars(select(Agent)).all() == []


def test_there_are_three_live_types_a_draft_and_an_archived_one(filled: Database) -> None:
    with filled.read_only() as session:
        types = subscription_types.find_all(session)
        assert Counter(each.state for each in types) == {"live": 3, "draft": 1, "archived": 1}
        live = {(each.channel, each.consent_type) for each in types if each.state == "live"}
        assert live == {("sms", "opt_in"), ("sms", "opt_out"), ("email", "opt_in")}
        translated = [each for each in types if len(each.translations) == len(wording.LOCALES) - 1]
        assert len(translated) == 3


def test_the_sms_form_has_every_language_and_the_required_legal_text(filled: Database) -> None:
    with filled.read_only() as session:
        published = publishing.find_all(session)
        assert {each.subscription_type.channel for each in published} == {"sms", "email"}
        sms = next(each for each in published if each.subscription_type.channel == "sms")
        texts = session.scalars(select(OptInFormText).where(OptInFormText.version_id == sms.version.id)).all()
        assert {text.locale for text in texts} == set(wording.LOCALES)
        assert len({text.title for text in texts}) == len(texts)  # each is in its own language
        for text in texts:
            assert all(part in text.legal_text for part in ("HELP", "STOP", "4", "Harbour Coffee"))
            assert 'href="https://harbour-coffee.example.com/privacy"' in wording.legal_html(text.legal_text)


def test_the_contacts_have_every_reason_that_pages_show(filled: Database) -> None:
    with filled.read_only() as session:
        reasons: Counter[str] = Counter()
        for contact in session.scalars(select(Contact)):
            for each in session.scalars(select(SubscriptionType).where(SubscriptionType.state == "live")):
                status = eligibility.status(session, contact, each)
                reasons.update(status.reasons or ("reachable",))
    expected = (Reason.NO_PHONE, Reason.BLOCKED, Reason.GDPR_OPTOUT, Reason.OPTED_OUT, Reason.NUMBER_CHANGED)
    assert all(reasons[reason] for reason in (*expected, Reason.NOT_OPTED_IN, Reason.NO_EMAIL))
    assert reasons["reachable"] > 10


def test_a_bulk_change_has_every_kind_of_result(filled: Database) -> None:
    with filled.read_only() as session:
        (job,) = jobs.newest(session, limit=9)
        assert (job.state, job.changed, job.unchanged) == (JobState.DONE, 4, 1)
        assert job.skipped == {"gdpr_optout": 1, "blocked": 1, "no_email": 1}
        assert len(items.page(session, job.id, limit=99)) == job.total == 8


def test_each_opt_in_by_form_stores_the_wording_in_the_language_of_the_contact(filled: Database) -> None:
    with filled.read_only() as session:
        rows = session.execute(
            select(ConsentEvent, ConsentEvidence, Contact, Wording.body)
            .join(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
            .join(Contact, Contact.id == ConsentEvent.contact_id)
            .join(Wording, Wording.hash == ConsentEvidence.wording_hash)
            .where(ConsentEvent.source == Source.FORM)
        ).all()
        assert len(rows) > 10
        assert {row[1].locale for row in rows} == set(wording.LOCALES)
        for line, evidence, contact, body in rows:
            assert evidence.locale == contact.locale
            assert json.loads(body)["legal_html"]
            assert line.form_version_id
            assert line.occurred_at < NOON
        answered = session.scalars(select(InsertedForm).where(InsertedForm.answered_at.is_not(None))).all()
        assert {form.id for form in answered} == {row[0].inserted_form_id for row in rows}


def test_ledger_and_audit_log_are_in_the_order_of_time(filled: Database) -> None:
    with filled.read_only() as session:
        for model in (ConsentEvent, AuditEntry):
            times = session.scalars(select(model.occurred_at).order_by(model.id)).all()
            assert times == sorted(times)


def test_one_person_waits_for_the_deletion_of_their_data(filled: Database) -> None:
    with filled.read_only() as session:
        (waiting,) = erasure_requests.open_requests(session)
        assert waiting.contact.name == "Tom Becker"
        assert not waiting.is_overdue(NOON)


def test_contacts_with_and_without_a_number_have_unanswered_forms(filled: Database) -> None:
    with filled.read_only() as session:
        waiting = session.execute(
            select(Contact.phone)
            .join(InsertedForm, InsertedForm.contact_id == Contact.id)
            .where(InsertedForm.answered_at.is_(None))
        ).scalars()
        assert {phone is None for phone in waiting} == {True, False}


def test_the_counts_of_the_forms_add_up_after_routing(filled: Database) -> None:
    route_outbox.sweep_outbox(filled)
    with filled.read_only() as session:
        for numbers in (each.totals for each in publishing.find_all(session)):
            assert numbers.inserted >= numbers.seen >= numbers.submitted > 0


def test_numbers_and_addresses_belong_to_no_real_person(filled: Database) -> None:
    with filled.read_only() as session:
        contacts = session.scalars(select(Contact)).all()
        assert len(contacts) >= 20
        for contact in contacts:
            assert contact.email is None or contact.email.endswith("@example.com")
        addresses = session.scalars(select(Agent.email)).all()
        assert sorted(addresses) == ["ana@example.com", "max@example.com", "mia@example.com"]
        assert settings.get(session).help_contact.endswith("example.com")
        for number in filter(None, (contact.phone for contact in contacts)):
            assert is_fictional(number), number


def is_fictional(number: str) -> bool:
    """Whether a number is in the North American range for fiction (555-0100 to 555-0199), or a plan's example."""
    parsed = phonenumbers.parse(number)
    country = phonenumbers.region_code_for_number(parsed)
    example = phonenumbers.example_number_for_type(country or "", phonenumbers.PhoneNumberType.MOBILE)
    return parsed == example or (number.startswith("+1") and number[5:10] == "55501")


def test_both_agents_can_sign_in_with_the_demo_password(filled: Database) -> None:
    with filled.read_only() as session:
        agents = {agent.email: agent for agent in session.scalars(select(Agent))}
        assert {email: agent.role for email, agent in agents.items()} == dict(demo.SIGN_INS)
        assert all(CHEAP.verify(agent.password or "", demo.DEMO_PASSWORD) for agent in agents.values())


def test_an_outbound_chat_has_ended_with_one_person_signed_up(filled: Database) -> None:
    with filled.read_only() as session:
        chat = session.scalars(select(OutboundChat)).one()
        found = report.counts(session, chat.id, at=NOON)
        assert (chat.state, chat.total, chat.eligible) == ("ended", 4, 4)
        assert found.states == {"seen": 2, "signed_up": 1, "stopped": 1}
