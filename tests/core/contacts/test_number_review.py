"""Opt-ins that older rules may have recorded for a number that nobody meant are held for review."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.cli.database import migrated
from app.config import Settings
from app.core import wording
from app.core.contacts import number_rules
from app.core.workspace import settings as workspace_settings
from app.db import Database
from app.models import ContactRole, OptInFormVersion, Source, SubscriptionType, Suppression, Workspace
from tests import make


def forget_rules(database: Database, rules: str | None = "1; phonenumbers 9.0.0") -> None:
    with database.unit_of_work() as session:
        session.execute(update(Workspace).values(number_rules=rules))


def sign_up(session: Session, number: str, code: str, default_country: str | None) -> tuple[str, int]:
    """An opt-in by a form whose page said which country it assumes."""
    form = make.form(session, default_country=default_country)
    version = session.scalars(select(OptInFormVersion).where(OptInFormVersion.form_id == form.id)).one()
    lead = make.contact(session, role=ContactRole.LEAD, external_id=None, phone_number=number)
    words = wording.freeze("en", {"hint": f"Without +, the country is this (\u2066{code}\u2069)."})
    evidence = make.evidence(Source.FORM, words=words)
    evidence = replace(evidence, form_version_id=version.id)
    subscription_type = session.get_one(SubscriptionType, version.subscription_type_id)
    change = make.opt_in(session, lead, subscription_type, evidence=evidence)
    return lead.public_id, change.event_id


def test_opt_ins_that_may_have_been_misread_are_held_for_review_and_reported(
    settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.unit_of_work() as session:
        peru = sign_up(session, "+51913079005", "+65", "SG")  # 00351913079005
        guessed = sign_up(session, "+12025550123", "+1", None)
        sign_up(session, "+447400123456", "+44", "GB")
        sign_up(session, "+447400123457", "+1", "US")
    forget_rules(database)
    with migrated(settings):
        pass
    report = capsys.readouterr().err
    assert f"Held for review: contact {peru[0]}, event {peru[1]}: misread_prefix" in report
    assert f"Held for review: contact {guessed[0]}, event {guessed[1]}: guessed_country" in report
    assert report.count("Held for review") == 2
    assert "+" not in report
    with database.read_only() as session:
        held = {each.phone: each for each in session.scalars(select(Suppression))}
        assert set(held) == {"+51913079005", "+12025550123"}
        assert {each.cause for each in held.values()} == {"review"}
        assert "PT" in held["+51913079005"].note


@pytest.mark.parametrize("rules", ["2; phonenumbers 9.0.0", "17; phonenumbers 8.0.0"])
def test_a_new_release_of_the_numbering_plans_puts_nothing_under_review(database: Database, rules: str) -> None:
    with database.unit_of_work() as session:
        sign_up(session, "+12025550123", "+1", None)
    forget_rules(database, rules)
    assert number_rules.apply(database).held == ()
    with database.read_only() as session:
        assert not session.scalars(select(Suppression)).all()


def test_the_only_allowed_country_is_no_guess(database: Database) -> None:
    with database.unit_of_work() as session:
        workspace_settings.change(session, {"allowed_countries": ["US"]}, actor="agent:1", at=make.NOON)
        sign_up(session, "+12025550123", "+1", None)
    forget_rules(database)
    assert number_rules.apply(database).held == ()
