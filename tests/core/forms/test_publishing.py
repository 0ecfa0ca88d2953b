from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.errors import AssentError, InvalidInput, InvalidState
from app.core.forms import content as form_content
from app.core.forms import daily_counts, publishing
from app.core.forms.content import FormContent, FormText
from app.core.forms.publishing import FormSettings
from app.core.subscriptions import subscription_types
from app.db import Database
from app.models import InsertedForm
from tests import make


def test_publishing_changed_texts_creates_a_version_and_the_same_texts_none(database: Database) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        form = make.form(session, subscription_type, texts={"en": FormText("One")}, name="Shop")

        def publish(title: str, **values: str) -> int:
            content = FormContent(subscription_type.id, {"en": FormText(title)})
            form_settings = FormSettings(values.get("name", ""))
            publishing.publish(session, form, content, form_settings, actor="agent:1", at=make.NOON)
            return form.version

        assert [publish("One"), publish(" One "), publish("Two"), publish("Two", name="Other")] == [1, 1, 2, 2]
        assert form.name == "Other"
        assert form_content.content_of(publishing.newest_version(session, form)).texts["en"].title == "Two"


def test_only_a_live_type_can_be_chosen(database: Database) -> None:
    with database.unit_of_work() as session:
        for subscription_type in (make.draft_type(session), make.live_type(session)):
            if subscription_type.state == "live":
                subscription_types.archive(session, subscription_type, actor="agent:1", at=make.NOON)
            with pytest.raises(InvalidInput) as refused:
                make.form(session, subscription_type)
            assert refused.value.field == "subscription_type_id"


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"texts": {"en": FormText("  ")}}, "title"),
        ({"texts": {"es": FormText("Hola")}}, "title"),
        ({"texts": {"en": FormText("x" * 201)}}, "title"),
        ({"texts": {"en": FormText("T", button_text="x" * 61)}}, "button_text"),
        ({"texts": {"en": FormText("T", legal_text="x" * 5001)}}, "legal_text"),
        ({"texts": {"en": FormText("T", success_text="x" * 501)}}, "success_text"),
        ({"texts": {"en": FormText("T", checkbox_text="x" * 501)}}, "checkbox_text"),
        ({"texts": {"en": FormText("T"), "es": FormText("T", checkbox_text="Sí")}}, "checkbox_text"),
        ({"texts": {"en": FormText("T"), "es": FormText("", "Unirme")}}, "title-es"),
        ({"texts": {"en": FormText("T"), "tlh": FormText("nuqneH")}}, "texts"),
        ({"accent_color": "green"}, "accent_color"),
        ({"accent_color": "#12345"}, "accent_color"),
        ({"default_country": "XX"}, "default_country"),
        ({"allowed_origins": ("https://*.example.com",)}, "allowed_origins"),
        ({"locale": "tlh"}, "locale"),
        ({"name": "x" * 121}, "name"),
    ],
)
def test_invalid_content_is_refused_with_its_field(database: Database, changes: dict[str, object], field: str) -> None:
    with database.unit_of_work() as session:
        with pytest.raises(InvalidInput) as refused:
            make.form(session, **changes)
        assert refused.value.field == field
        assert publishing.find_all(session) == []


def test_an_archived_form_cannot_be_inserted_or_changed(database: Database) -> None:
    with database.unit_of_work() as session:
        form, sam = make.form(session), make.contact(session)
        content = form_content.content_of(publishing.newest_version(session, form))
        publishing.archive(session, form, actor="agent:1", at=make.NOON)
        with pytest.raises(InvalidState):
            make.inserted(session, form, sam)
        with pytest.raises(InvalidState):
            publishing.publish(session, form, content, FormSettings(), actor="agent:1", at=make.NOON)
        publishing.unarchive(session, form, actor="agent:1", at=make.NOON)
        assert make.inserted(session, form, sam).token


@pytest.mark.parametrize("expires_in", [timedelta(0), timedelta(days=-1), timedelta(days=400)])
def test_a_link_must_expire_within_a_minute_to_a_year(database: Database, expires_in: timedelta) -> None:
    with database.unit_of_work() as session, pytest.raises(InvalidInput):
        make.inserted(session, make.form(session), make.contact(session), expires_in=expires_in)


def test_tokens_are_random_and_long(database: Database) -> None:
    with database.unit_of_work() as session:
        form, sam = make.form(session), make.contact(session)
        tokens = {make.inserted(session, form, sam).token for _ in range(50)}
        assert len(tokens) == 50
        assert all(len(token) == 22 for token in tokens)


def test_counts_are_summed_over_days_and_shards(database: Database) -> None:
    with database.unit_of_work() as session:
        form, other = make.form(session), make.form(session)
        for day in range(3):
            for _ in range(10):
                daily_counts.add(session, form.id, "seen", at=make.NOON + timedelta(days=day))
        daily_counts.add(session, form.id, "submitted", at=make.NOON, count=4)
        totals = daily_counts.totals(session)
        assert (totals[form.id].seen, totals[form.id].submitted, totals[form.id].inserted) == (30, 4, 0)
        assert other.id not in totals


@pytest.mark.parametrize(
    ("end", "code"), [("blocked", "blocked"), ("erased", "not_found"), ("merged", "contact_merged")]
)
def test_no_form_is_inserted_for_a_blocked_erased_or_merged_contact(database: Database, end: str, code: str) -> None:
    with database.unit_of_work() as session:
        form, sam, eve = make.form(session), make.contact(session), make.contact(session)
        sam.blocked_at = make.NOON if end == "blocked" else None
        sam.erased_at = make.NOON if end == "erased" else None
        sam.merged_into_id = eve.id if end == "merged" else None
        session.flush()
        with pytest.raises(AssentError) as refused:
            make.inserted(session, form, sam)
        assert refused.value.code == code
        assert session.scalars(select(InsertedForm)).all() == []
        make.inserted(session, form, eve)
