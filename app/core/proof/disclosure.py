"""Which of the carriers' rules the texts of a form meet, each with the code by which reviewers refuse it.

It states facts about a form before it is published, with the checks that proof of a consent uses, too. It forbids
nothing: reviewers decide.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.core.forms import wording as form_wording
from app.core.forms.content import FormContent
from app.core.forms.wording import WordingContext
from app.core.proof import element_checks, rule_words, rules
from app.core.proof.element_checks import ConsentFacts, Finding, Verdict
from app.core.wording import translatable
from app.models import Channel, EvidenceLevel, Source, SubscriptionType, Workspace

_FILE = Path(__file__).with_suffix(".toml")
NAMES = rule_words.ELEMENTS | {
    "public_page": translatable("Reviewers can open the form"),
    "consent_on_page": translatable("The consent is on the page, not only in the terms"),
    "confirmation_text": translatable("The first text confirms the sign-up"),
    "terms_complete": translatable("The terms say the same"),
}
_ON_PAGE = translatable("What people agree to is on the page.")
_NOT_ON_PAGE = translatable("The form has no legal text and no checkbox text.")
_PUBLIC = translatable("The page is at %(url)s.")
_NOT_PUBLIC = translatable("Reviewers cannot open %(url)s. Run Assent at a public https address.")
_NO_TERMS = translatable("No terms are linked. Set their address in the settings.")
_READ_TERMS = translatable("Check that %(url)s names the program, how often, rates, HELP and STOP.")
_CONFIRMS = translatable("The first text is “%(text)s”")
_NO_WELCOME = translatable("No text confirms the sign-up. Turn on the welcome text of the subscription type.")
_WELCOME_LACKS = translatable("Rates, HELP or STOP are missing in “%(text)s”")


@dataclass(frozen=True)
class CarrierRule:
    """One thing that reviewers look for, and the codes by which they refuse a registration without it."""

    element: str
    codes: tuple[str, ...]

    @property
    def name(self) -> str:
        return NAMES[self.element]


@dataclass(frozen=True)
class DisclosedForm:
    """A form for texts in one language, as people will see it.

    :param first_text: what people are texted first, to confirm the sign-up; null: nothing
    :param url: of its public page, with scheme and host
    """

    content: FormContent
    locale: str
    subscription_type: SubscriptionType
    workspace: Workspace
    first_text: str | None
    url: str


@dataclass(frozen=True)
class Checked:
    rule: CarrierRule
    finding: Finding

    @property
    def is_missing(self) -> bool:
        return self.finding.verdict == Verdict.MISSING


def check(form: DisclosedForm) -> list[Checked]:
    """The rules in the order in which reviewers read, each with what the form says about it."""
    facts = _facts(form)
    return [Checked(rule, _found(rule.element, form, facts)) for rule in all_rules()]


@cache
def all_rules() -> tuple[CarrierRule, ...]:
    return tuple(CarrierRule(each["element"], tuple(each["codes"])) for each in _file()["check"])


def start_text(locale: str, *, brand: str, type_name: str) -> str:
    """A legal text to start from in this language. What is in square brackets is to be replaced."""
    texts = _file()["start"]
    text: str = texts.get(locale, texts["en"])
    return text.replace("{brand}", brand).replace("{type}", type_name)


@cache
def _file() -> Mapping[str, Any]:
    with _FILE.open("rb") as file:
        return tomllib.load(file)


def _facts(form: DisclosedForm) -> ConsentFacts:
    """What an opt-in with this form would have as evidence."""
    workspace = form.workspace
    context = WordingContext(
        form_wording.page_locale(form.content, form.locale),
        None,
        Channel.SMS,
        workspace.name,
        workspace.privacy_url,
        workspace.terms_url,
        workspace.help_contact,
    )
    texts = form_wording.page_texts(context, form.content)
    shown = rules.shown_text(form_wording.evidence_wording(context, texts, is_saved=False).body)
    facts = ConsentFacts(
        channel=Channel.SMS,
        source=Source.FORM,
        level=EvidenceLevel.WEB_UNVERIFIED,
        is_erased=False,
        text=None,
        locale=context.locale,
        names=tuple(name for name in (workspace.controller_name, workspace.name) if name),
        type_name=form.subscription_type.name,
        address=workspace.controller_address,
    )
    return replace(facts, **vars(shown)) if shown else facts


def _found(element: str, form: DisclosedForm, facts: ConsentFacts) -> Finding:
    own = _OWN.get(element)
    return own(form) if own else element_checks.check(element, facts)


def _public_page(form: DisclosedForm) -> Finding:
    parts = urlsplit(form.url)
    is_public = parts.scheme == "https" and "." in (parts.hostname or "")
    verdict, sentence = (Verdict.FULFILLED, _PUBLIC) if is_public else (Verdict.MISSING, _NOT_PUBLIC)
    return Finding(verdict, sentence, {"url": form.url})


def _consent_on_page(form: DisclosedForm) -> Finding:
    text = form.content.texts[form_wording.page_locale(form.content, form.locale)]
    if text.legal_text or text.checkbox_text:
        return Finding(Verdict.FULFILLED, _ON_PAGE)
    return Finding(Verdict.MISSING, _NOT_ON_PAGE)


def _confirmation_text(form: DisclosedForm) -> Finding:
    if form.first_text is None:
        return Finding(Verdict.MISSING, _NO_WELCOME)
    facts = replace(_facts(form), text=form.first_text)
    found = [element_checks.check(each, facts).verdict for each in ("rates", "help", "stop")]
    is_complete = Verdict.MISSING not in found
    verdict, sentence = (Verdict.FULFILLED, _CONFIRMS) if is_complete else (Verdict.MISSING, _WELCOME_LACKS)
    return Finding(verdict, sentence, {"text": form.first_text})


def _terms_complete(form: DisclosedForm) -> Finding:
    if not form.workspace.terms_url:
        return Finding(Verdict.MISSING, _NO_TERMS)
    return Finding(Verdict.CHECK, _READ_TERMS, {"url": form.workspace.terms_url})


_OWN: Mapping[str, Callable[[DisclosedForm], Finding]] = {
    "public_page": _public_page,
    "consent_on_page": _consent_on_page,
    "confirmation_text": _confirmation_text,
    "terms_complete": _terms_complete,
}
