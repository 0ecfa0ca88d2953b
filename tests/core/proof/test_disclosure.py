"""The carriers' rules, compared with the texts of a form."""

from dataclasses import replace
from typing import Any

import pytest

from app.core.confirmations import texts
from app.core.forms import templates
from app.core.forms.content import FormContent, FormText
from app.core.proof import disclosure
from app.core.proof.disclosure import DisclosedForm
from app.core.proof.element_checks import Verdict
from app.core.wording import LOCALES
from app.models import SubscriptionType, Workspace

WELCOME = "Acme: You are signed up. Msg & data rates may apply. Reply HELP for help, STOP to cancel."


def _form(locale: str, legal_text: str, **values: Any) -> DisclosedForm:
    workspace = Workspace(
        name="Acme",
        controller_name="",
        controller_address="",
        privacy_url="https://acme.example.com/privacy",
        terms_url="https://acme.example.com/terms",
        help_contact="",
    )
    content = FormContent(1, {locale: FormText("Texts from Acme", legal_text=legal_text)}, locale)
    made = DisclosedForm(
        content, locale, SubscriptionType(name="Offers"), workspace, WELCOME, "https://texts.acme.example.com/f/form/K"
    )
    return replace(made, **values)


def _not_met(form: DisclosedForm) -> set[str]:
    return {each.rule.element for each in disclosure.check(form) if each.finding.verdict != Verdict.FULFILLED}


@pytest.mark.parametrize("locale", LOCALES)
def test_the_text_to_start_from_meets_every_rule_in_its_language(locale: str) -> None:
    text = disclosure.start_text(locale, brand="Acme", type_name="Offers")
    first = texts.filled(texts.default_welcome(locale, receives=True), brand="Acme", type="Offers")
    assert _not_met(_form(locale, text, first_text=first)) == {"terms_complete"}  # a person reads the terms


def test_each_rule_that_a_form_does_not_meet_is_named_with_its_codes() -> None:
    workspace = replace_workspace()
    found = {
        (each.rule.element, each.rule.codes)
        for each in disclosure.check(
            _form("en", "", workspace=workspace, first_text=None, url="http://127.0.0.1:8000/f/form/K")
        )
        if each.is_missing
    }
    assert {
        ("public_page", ("30543", "30909")),
        ("consent_on_page", ("30513", "30841")),
        ("frequency", ("30545", "30909", "30924")),
        ("rates", ("30569", "30909", "30924")),
        ("help", ("30570",)),
        ("confirmation_text", ("30540",)),
        ("terms_complete", ("30558", "30560", "30562")),
        ("privacy_and_terms", ("30909",)),
    } <= found


def replace_workspace() -> Workspace:
    return Workspace(
        name="Acme", controller_name="", controller_address="", privacy_url="", terms_url="", help_contact=""
    )


def test_a_text_that_asks_for_calls_too_or_a_welcome_without_stop_is_noticed() -> None:
    text = disclosure.start_text("en", brand="Acme", type_name="Offers")
    assert "one_channel" in _not_met(_form("en", f"{text} We may call you, too: calls are free."))
    assert "confirmation_text" in _not_met(_form("en", text, first_text="Acme: Welcome!"))


def test_the_american_template_meets_the_rules_of_its_text() -> None:
    template = next(each for each in templates.all_templates() if each.key == "us-sms-en")
    filled = templates.filled(template, replace_workspace())
    assert _not_met(_form("en", filled.legal_text)) == {"terms_complete"}
