"""The pages on which admins configure subscription types."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.subscriptions import subscription_types
from app.db import Database
from app.models import Channel, ConsentType, SubscriptionType
from tests import make
from tests.web import pages

PATH = "/admin/subscription-types"
OFFERS = {
    "name": "Weekly offers",
    "description": "One a week",
    "locale": "en",
    "channel": "sms",
    "consent_type": "opt_in",
}


def _all(database: Database) -> list[SubscriptionType]:
    with database.read_only() as session:
        return subscription_types.find_all(session)


def _saved(database: Database, **values: Any) -> SubscriptionType:
    with database.unit_of_work() as session:
        return make.draft_type(session, **values)


def test_an_agent_may_not_see_or_create_types(app: Flask, database: Database) -> None:
    ana = pages.agent(app)
    assert ana.get(PATH).status_code == 403
    assert ana.get(f"{PATH}/new").status_code == 403
    assert pages.submit(ana, f"{PATH}/new", OFFERS, page="/account").status_code == 403
    assert _all(database) == []


def test_a_stranger_is_redirected_to_the_sign_in_page(client: FlaskClient) -> None:
    answer = client.get(PATH)
    assert answer.status_code == 302
    assert "/sign-in" in answer.location


def test_an_empty_list_explains_subscription_types(max_: FlaskClient) -> None:
    html = max_.get(PATH).get_data(as_text=True)
    assert "No subscription types yet" in html
    assert f'href="{PATH}/new"' in html


def test_a_new_type_is_a_draft_with_its_translations(max_: FlaskClient, database: Database) -> None:
    spanish = {"name-es": "Ofertas", "description-es": "Una por semana", "name-fr": ""}
    answer = pages.submit(max_, f"{PATH}/new", OFFERS | spanish)
    assert answer.status_code == 303
    (made,) = _all(database)
    assert (made.name, made.state, made.channel, made.consent_type) == ("Weekly offers", "draft", "sms", "opt_in")
    assert [(each.locale, each.name, each.description) for each in made.translations] == [
        ("es", "Ofertas", "Una por semana")
    ]


def test_a_name_that_another_type_has_is_warned_of(max_: FlaskClient, database: Database) -> None:
    def warned(path: str, values: dict[str, str]) -> bool:
        pages.submit(max_, path, values)
        return "People cannot tell them apart" in max_.get(PATH).get_data(as_text=True)

    other_channel, other_case = OFFERS | {"channel": "email"}, OFFERS | {"name": "weekly OFFERS"}
    assert not warned(f"{PATH}/new", OFFERS)
    assert not warned(f"{PATH}/new", other_channel)
    assert not warned(f"{PATH}/1", OFFERS)
    assert warned(f"{PATH}/new", other_case)
    assert warned(f"{PATH}/1", OFFERS)
    assert len(_all(database)) == 3


def test_a_missing_value_is_named_at_its_field_and_the_others_are_kept(max_: FlaskClient, database: Database) -> None:
    answer = pages.submit(max_, f"{PATH}/new", {"name": "", "description": "One a week", "channel": "email"})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'aria-describedby="name-hint name-error"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="consent_type-error" role="alert"' in html
    assert "One a week</textarea>" in html
    assert _all(database) == []


def test_a_description_in_a_further_language_needs_a_name_in_it(max_: FlaskClient, database: Database) -> None:
    answer = pages.submit(max_, f"{PATH}/new", OFFERS | {"description-de": "Einmal die Woche"})
    assert answer.status_code == 422
    assert 'id="name-de-error"' in answer.get_data(as_text=True)
    assert _all(database) == []


@pytest.mark.parametrize("tampered", [{"channel": "email"}, {"consent_type": "opt_out"}])
def test_message_type_and_consent_type_are_refused_after_the_first_save(
    max_: FlaskClient, database: Database, tampered: dict[str, str]
) -> None:
    saved = _saved(database)
    html = max_.get(f"{PATH}/{saved.id}").get_data(as_text=True)
    assert 'name="channel"' not in html
    assert 'name="consent_type"' not in html
    answer = pages.submit(max_, f"{PATH}/{saved.id}", {"name": "Other"} | tampered)
    assert answer.status_code == 422
    assert "cannot be changed" in answer.get_data(as_text=True)
    (kept,) = _all(database)
    assert (kept.name, kept.channel, kept.consent_type) == ("Offers", Channel.SMS, ConsentType.OPT_IN)


def test_texts_and_translations_can_be_edited(max_: FlaskClient, database: Database) -> None:
    saved = _saved(database, translations={"es": ("Ofertas", ""), "fr": ("Offres", "")})
    answer = pages.submit(
        max_, f"{PATH}/{saved.id}", {"name": "News", "name-es": "Noticias", "name-fr": "", "name-en": "ignored"}
    )
    assert answer.status_code == 303
    (edited,) = _all(database)
    assert edited.name == "News"
    assert [(each.locale, each.name) for each in edited.translations] == [("es", "Noticias")]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_type_is_put_live_archived_and_unarchived(max_: FlaskClient, database: Database) -> None:
    saved = _saved(database)
    page = f"{PATH}/{saved.id}"
    for step, state in (("put_live", "live"), ("archive", "archived"), ("unarchive", "live")):
        assert pages.submit(max_, f"{page}/{step}", page=page).status_code == 303
        assert [each.state for each in _all(database)] == [state]


def test_a_step_that_the_state_does_not_allow_is_explained(max_: FlaskClient, database: Database) -> None:
    saved = _saved(database)
    page = f"{PATH}/{saved.id}"
    answer = pages.submit(max_, f"{page}/unarchive", page=page, follow_redirects=True)
    assert "is a draft, so there is nothing to restore" in answer.get_data(as_text=True)


def test_a_step_by_get_is_refused(max_: FlaskClient, database: Database) -> None:
    saved = _saved(database)
    assert max_.get(f"{PATH}/{saved.id}/put_live").status_code == 405


def test_the_page_shows_before_archiving_how_many_are_opted_in(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), offers)
    html = max_.get(f"{PATH}/{offers.id}").get_data(as_text=True)
    assert "1 contact is opted in" in html


@pytest.mark.databases("sqlite", "postgresql")
def test_the_list_groups_by_state_and_counts(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), make.live_type(session))
        make.draft_type(session, name="Later")
    html = max_.get(PATH).get_data(as_text=True)
    places = [html.index(each) for each in ('id="live-title"', "Offers</bdi></a>", 'id="draft-title"', "Later<")]
    assert places == sorted(places)
    assert '<td data-label="Subscribed" class="end">1</td>' in html


def test_an_unknown_type_is_not_found(max_: FlaskClient) -> None:
    assert max_.get(f"{PATH}/4711").status_code == 404


@pytest.mark.databases("sqlite", "postgresql")
def test_an_opt_out_type_counts_everybody_who_did_not_opt_out(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        orders = make.live_type(session, name="Orders", consent_type=ConsentType.OPT_OUT)
        sam, *_ = [make.contact(session, phone_number=f"+1202555010{number}") for number in range(3)]
        make.opt_out(session, sam, orders)
    assert '<td data-label="Subscribed" class="end">2</td>' in max_.get(PATH).get_data(as_text=True)
    assert "2 subscribed" in max_.get(f"{PATH}/{orders.id}").get_data(as_text=True)


def test_an_admin_chooses_the_form_by_which_people_subscribe_on_their_preference_page(
    max_: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        offers, other = make.live_type(session), make.live_type(session, name="Other")
        form, foreign = make.form(session, offers, name="Offers on the page"), make.form(session, other)
    path = f"{PATH}/{offers.id}"
    assert "Offers on the page" in max_.get(path).get_data(as_text=True)
    for chosen, status, stored in ((form.id, 303, form.id), (foreign.id, 422, form.id), ("", 303, None)):
        sent = {"name": "Offers", "preference_form_id": str(chosen)}
        assert pages.submit(max_, path, sent).status_code == status
        assert [each.preference_form_id for each in _all(database)] == [stored, None]
    assert pages.submit(max_, path, {"name": "Offers"}).status_code == 303
