"""Rules per consent: pure comparisons, tried with the templates that we ship."""

from dataclasses import replace

import pytest

from app.core import wording
from app.core.forms import templates
from app.core.forms.templates import FormTemplate
from app.core.proof import element_checks, rule_words, rules
from app.core.proof.element_checks import ConsentFacts, Verdict
from app.models import EvidenceLevel, Source
from tests.make import SAMS_NUMBER

US = next(each for each in templates.all_templates() if each.key == "us-sms-en")
WITHDRAW = "You can withdraw your consent at any time."
PRIVACY, TERMS = "https://example.com/privacy", "https://example.com/terms"


def _facts(template: FormTemplate = US, **values: object) -> ConsentFacts:
    """An opt-in by the form of a template, with everything that a page of ours shows."""

    def filled(text: str) -> str:
        text = text.replace("{brand}", "Harbour Coffee").replace("{contact}", "help@example.com")
        return text.replace("[what you send]", "our offers")

    legal_html = wording.legal_html(filled(template.legal_text))
    texts = {"form_title": filled(template.title), "legal_html": legal_html, "checkbox": filled(template.checkbox_text)}
    links = [{"text": "Privacy policy", "href": PRIVACY}, {"text": "Terms", "href": TERMS}]
    notes = [wording.translator(template.locale)(WITHDRAW)]
    page = {"brand": "Harbour Coffee", "button": "Sign Up Now", "links": links, "notes": notes}
    shown = rules.shown_text(wording.freeze(template.locale, texts | page).body)
    assert shown is not None
    facts = ConsentFacts(
        channel=template.channel,
        source=Source.FORM,
        level=EvidenceLevel.SIGNED_IDENTITY,
        is_erased=False,
        **vars(shown),
        locale=template.locale,
        destination=SAMS_NUMBER,
        country=template.country,
        names=("Harbour Coffee", "Harbour Coffee Ltd"),
        type_name="Offers",
    )
    return replace(facts, **values)  # type: ignore[arg-type]


def _missing(rule: str, facts: ConsentFacts) -> set[str]:
    """The elements of a rule that are not fulfilled."""
    (found,) = (each for each in rules.assess(facts) if each.rule.key == rule)
    return {element for element, finding in found.findings.items() if finding.verdict != Verdict.FULFILLED}


def _without(facts: ConsentFacts, words: str) -> ConsentFacts:
    assert facts.text is not None
    assert words in facts.text
    return replace(facts, text=facts.text.replace(words, ""))


def test_every_rule_has_a_source_and_elements_that_are_checked_and_named() -> None:
    for rule in rules.all_rules():
        assert rule.source
        assert rule.url.startswith("https://")
        assert set(rule.elements) <= element_checks.CHECKS.keys()
    assert element_checks.CHECKS.keys() == rule_words.ELEMENTS.keys()


def test_the_american_template_meets_what_tcpa_and_ctia_ask_for() -> None:
    assert not _missing("tcpa", _facts())
    assert not _missing("ctia", _facts())


@pytest.mark.parametrize(
    ("rule", "element", "words"),
    [
        ("tcpa", "automated_texts", "recurring automated"),
        ("tcpa", "not_a_condition", "Consent is not a condition of any purchase."),
        ("ctia", "frequency", "Up to [number] messages a month."),
        ("ctia", "rates", "Message and data rates may apply."),
        ("ctia", "help", "Reply HELP for help"),
        ("ctia", "stop", "or STOP to cancel"),
    ],
)
def test_an_element_is_missing_when_its_sentence_is_not_in_the_text(rule: str, element: str, words: str) -> None:
    assert _missing(rule, _without(_facts(), words)) == {element}


def test_a_text_without_a_word_about_marketing_does_not_meet_tcpa() -> None:
    assert _missing("tcpa", replace(_facts(), text="Harbour Coffee sends automated texts, not a condition")) == {
        "marketing_named"
    }


@pytest.mark.parametrize("template", templates.all_templates(), ids=lambda each: each.key)
def test_every_template_meets_the_conditions_of_the_gdpr(template: FormTemplate) -> None:
    assert not _missing("gdpr", _facts(template))


@pytest.mark.parametrize(
    "template", [each for each in templates.all_templates() if each.country in {"CA", "GB"}], ids=lambda each: each.key
)
def test_the_canadian_and_british_templates_meet_their_rules(template: FormTemplate) -> None:
    facts = _facts(template, address="1 Water Street\nHalifax NS")
    assert not _missing("pecr", facts)
    assert _missing("casl", facts) - {"contact_named"} == {"mailing_address"}  # a placeholder is no address
    filled = replace(facts, text=f"{facts.text} 1 Water Street, Halifax NS, help@example.com")
    assert not _missing("casl", filled)


def test_without_the_note_about_withdrawing_the_text_itself_has_to_say_it() -> None:
    british = next(each for each in templates.all_templates() if each.key == "gb-sms-en")
    assert not _missing("gdpr", _facts(british, notes=()))
    assert _missing("gdpr", _facts(notes=())) == {"withdrawal_explained"}


def test_after_an_erasure_nothing_is_fulfilled_any_more() -> None:
    for found in rules.assess(_facts(is_erased=True)):
        assert {each.verdict for each in found.findings.values()} == {Verdict.NOT_RECORDED}
        assert found.fulfilled == 0


def test_what_an_agent_recorded_has_to_be_proved_by_other_means() -> None:
    reported = ConsentFacts(
        "sms", Source.AGENT, EvidenceLevel.REPORTED, is_erased=False, text=None, note="by phone today"
    )
    assert element_checks.check("affirmative_act", reported).verdict == Verdict.CHECK
    assert "by phone today" in element_checks.check("affirmative_act", reported).in_english
    silent = replace(reported, note=None)
    assert element_checks.check("affirmative_act", silent).verdict == Verdict.NOT_RECORDED
    assert element_checks.check("stop", reported).verdict == Verdict.NOT_RECORDED
    assert element_checks.check("number_listed", reported).verdict == Verdict.NOT_RECORDED


def test_an_unverified_sign_up_is_not_called_demonstrable() -> None:
    claimed = _facts(level=EvidenceLevel.WEB_UNVERIFIED)
    assert element_checks.check("demonstrable", claimed).verdict == Verdict.CHECK


def test_a_text_from_the_number_is_a_clear_act() -> None:
    texted = ConsentFacts("sms", Source.KEYWORD, EvidenceLevel.MO_REPLY, is_erased=False, text=None)
    assert element_checks.check("affirmative_act", texted).verdict == Verdict.FULFILLED


def test_a_text_that_also_asks_for_email_is_to_be_checked() -> None:
    facts = _facts()
    both = replace(facts, text=f"{facts.text} We also send emails.")
    assert element_checks.check("one_channel", both).values == {"words": "emails"}
    assert element_checks.check("one_channel", both).verdict == Verdict.CHECK


def test_a_box_is_named_as_the_act_where_the_form_had_one() -> None:
    assert element_checks.check("affirmative_act", _facts()).sentence == rule_words.TICKED
    assert element_checks.check("affirmative_act", _facts(box="")).values == {"button": "Sign Up Now"}


def test_a_language_without_known_phrases_has_to_be_checked_by_a_person() -> None:
    assert element_checks.check("frequency", _facts(locale="ja")).verdict == Verdict.CHECK


def test_the_rules_of_the_number_s_country_come_first() -> None:
    assert [each.rule.key for each in rules.assess(_facts(country="CA")) if each.is_usual] == ["casl"]
    assert rules.assess(_facts(country="CA"))[0].rule.key == "casl"


def test_links_inside_the_legal_text_count_and_one_link_is_to_be_checked() -> None:
    shown = rules.shown_text(wording.freeze("en", {"legal_html": wording.legal_html(f"[privacy]({PRIVACY})")}).body)
    assert shown is not None
    assert shown.links == (PRIVACY,)
    assert shown.text == "privacy"
    assert element_checks.check("privacy_and_terms", _facts(links=(PRIVACY,))).verdict == Verdict.CHECK
    assert element_checks.check("privacy_and_terms", _facts(links=())).verdict == Verdict.MISSING


def test_the_legal_text_is_read_without_its_marks() -> None:
    html = (
        "<p>Reply <strong>STOP</strong>, see <a href='https://example.com'>terms</a>.<br>Thanks</p><p>Bye &amp; so</p>"
    )
    shown = rules.shown_text(wording.freeze("en", {"legal_html": html}).body)
    assert shown is not None
    assert shown.text == "Reply STOP, see terms. Thanks Bye & so"


def test_a_page_that_named_nobody_is_missing_the_sender() -> None:
    assert element_checks.check("sender_named", _facts(text="Texts", brand="")).verdict == Verdict.MISSING


def test_a_stored_wording_that_is_no_object_is_the_text() -> None:
    shown = rules.shown_text("I agree")
    assert shown is not None
    assert shown.text == "I agree"
    assert rules.shown_text(None) is None
