"""Templates of forms: each is complete for its rules, and filled with what the workspace says."""

import pytest

from app.core import phone
from app.core.forms import content, templates
from app.core.forms.templates import FormTemplate
from app.core.wording import LOCALES
from app.models import Channel, Workspace

WORKSPACE = Workspace(name="Harbour {contact} Coffee", help_contact="hello@example.com")
TEMPLATES = templates.all_templates()


def test_each_country_has_a_template_for_texts_and_emails() -> None:
    found = {(each.country, each.channel) for each in TEMPLATES}
    countries = {"US", "GB", "DE", "FR", "ES", "BR", "CA"}
    assert found == {(country, channel.value) for country in countries for channel in Channel}
    assert {each.locale for each in TEMPLATES} <= set(LOCALES)
    assert countries <= set(phone.countries())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.key)
def test_a_template_names_the_sender_and_the_way_out_and_fits_a_form(template: FormTemplate) -> None:
    filled = templates.filled(template, WORKSPACE)
    assert WORKSPACE.name in filled.title
    assert WORKSPACE.name in filled.legal_text
    assert "{brand}" not in filled.legal_text + filled.checkbox_text
    way_out = {"sms": ("STOP",), "email": ("link", "lien", "enlace", "Abmeldelink")}[template.channel]
    assert any(word in filled.legal_text for word in way_out)
    assert len(filled.legal_text) <= content.LEGAL_MAX
    assert len(filled.title) <= content.TITLE_MAX
    assert len(filled.checkbox_text) <= content.CHECKBOX_MAX
    assert templates.is_unfinished(filled.legal_text), "what is sent, only the business knows"


def test_texts_in_the_united_states_say_what_carriers_ask_for() -> None:
    for each in TEMPLATES:
        if (each.country, each.channel, each.locale) == ("US", "sms", "en"):
            for phrase in (
                "automated",
                "not a condition",
                "messages a month",
                "Message and data rates",
                "HELP",
                "STOP",
            ):
                assert phrase in each.legal_text


def test_a_text_is_unfinished_until_its_brackets_are_replaced() -> None:
    assert templates.is_unfinished("Up to [number] texts a month")
    assert not templates.is_unfinished("Up to 4 texts a month. [Privacy](https://example.com)")
    without = templates.filled(TEMPLATES[0], Workspace(name="Harbour Coffee", help_contact=""))
    assert "[contact]" not in without.legal_text
