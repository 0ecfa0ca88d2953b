import pytest

from app.core.errors import ImmutableField, InvalidInput, InvalidState, NotFound
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import TypeChange
from app.db import Database
from app.models import Channel, ConsentType
from tests import make


def test_a_new_type_is_a_draft_and_not_offered(database: Database) -> None:
    with database.unit_of_work() as session:
        draft = make.draft_type(session, name="  Weekly   offers ")
        assert (draft.name, draft.state) == ("Weekly offers", "draft")
        assert subscription_types.find_live(session) == []
        subscription_types.put_live(session, draft, actor="agent:1", at=make.NOON)
        assert [each.id for each in subscription_types.find_live(session)] == [draft.id]


def test_an_archived_type_is_not_offered_and_can_be_restored_to_its_state(database: Database) -> None:
    with database.unit_of_work() as session:
        live, draft = make.live_type(session), make.draft_type(session)
        for offers in (live, draft):
            subscription_types.archive(session, offers, actor="agent:1", at=make.NOON)
        assert subscription_types.find_live(session) == []
        for offers in (live, draft):
            subscription_types.unarchive(session, offers, actor="agent:1", at=make.NOON)
        assert (live.state, draft.state) == ("live", "draft")


@pytest.mark.parametrize(
    ("state", "step"),
    [
        ("live", "put_live"),
        ("archived", "put_live"),
        ("archived", "archive"),
        ("live", "unarchive"),
        ("draft", "unarchive"),
    ],
)
def test_a_change_that_the_state_does_not_allow_is_refused(database: Database, state: str, step: str) -> None:
    with database.unit_of_work() as session:
        offers = make.draft_type(session) if state == "draft" else make.live_type(session)
        if state == "archived":
            subscription_types.archive(session, offers, actor="agent:1", at=make.NOON)
        with pytest.raises(InvalidState):
            getattr(subscription_types, step)(session, offers, actor="agent:1", at=make.NOON)
        assert offers.state == state


def test_channel_and_consent_type_cannot_be_changed(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.draft_type(session)
        for changed in ({"channel": Channel.EMAIL}, {"consent_type": ConsentType.OPT_OUT}):
            change = TypeChange("Other", **changed)
            with pytest.raises(ImmutableField) as refused:
                subscription_types.edit(session, offers, change, actor="agent:1", at=make.NOON)
            assert refused.value.field in changed
        assert offers.name == "Offers"
        change = TypeChange("Other", channel=Channel.SMS)
        subscription_types.edit(session, offers, change, actor="agent:1", at=make.NOON)
        assert offers.name == "Other"


def test_translations_are_stored_changed_and_removed(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.draft_type(
            session, translations={"es": ("Ofertas", "Cada semana"), "de": ("", " "), "en": ("x", "")}
        )
        assert [(each.locale, each.name) for each in offers.translations] == [("es", "Ofertas")]
        change = TypeChange(translations={"es": ("Rebajas", ""), "fr": ("Offres", "")})
        subscription_types.edit(session, offers, change, actor="agent:1", at=make.NOON)
    with database.unit_of_work() as session:
        offers = subscription_types.find(session, offers.id)
        assert [(each.locale, each.name) for each in offers.translations] == [("es", "Rebajas"), ("fr", "Offres")]
        subscription_types.edit(session, offers, TypeChange(translations={}), actor="agent:1", at=make.NOON)
    with database.read_only() as session:
        assert subscription_types.find(session, offers.id).translations == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"description": "x" * 2001}, "description"),
        ({"locale": "tlh"}, "locale"),
        ({"translations": {"es": ("", "only a description")}}, "name"),
    ],
)
def test_invalid_texts_are_refused_with_their_field(database: Database, values: dict[str, object], field: str) -> None:
    with database.unit_of_work() as session:
        with pytest.raises(InvalidInput) as refused:
            make.draft_type(session, **values)
        assert refused.value.field == field


def test_an_unknown_type_is_not_found(database: Database) -> None:
    with database.read_only() as session, pytest.raises(NotFound):
        subscription_types.find(session, 4711)


def test_opted_in_contacts_are_counted_by_type(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, other = make.live_type(session), make.live_type(session)
        people = [make.contact(session, phone_number=number) for number in (make.SAMS_NUMBER, make.EVES_NUMBER)]
        for person in people:
            make.opt_in(session, person, offers)
        make.opt_out(session, people[0], offers)
        assert subscription_types.opted_in_counts(session) == {offers.id: 1}
        assert other.id not in subscription_types.opted_in_counts(session)
