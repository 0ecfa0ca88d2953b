"""The carrier rules that a form meets, beside its preview and when it is published."""

from dataclasses import dataclass

from flask import flash
from sqlalchemy.orm import Session

from app.core import public_urls
from app.core.confirmations import texts, welcome
from app.core.forms.content import FormContent
from app.core.proof import disclosure
from app.core.proof.disclosure import Checked, DisclosedForm
from app.core.proof.element_checks import Verdict
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import Channel, OptInForm, SubscriptionType, VerifyNumber, Workspace
from app.web import formatting
from app.web.i18n import gettext
from app.web.security import public_url
from app.web.texting import texting


@dataclass(frozen=True)
class Disclosure:
    """:param start_text: a legal text to start from, in the language of the form"""

    checks: list[Checked]
    start_text: str

    @property
    def met(self) -> int:
        return sum(each.finding.verdict == Verdict.FULFILLED for each in self.checks)

    @property
    def missing(self) -> list[Checked]:
        return [each for each in self.checks if each.is_missing]


def of(session: Session, found: OptInForm | None, content: FormContent, locale: str = "") -> Disclosure | None:
    """What the texts say in one language; null for forms of emails, and where no subscription type is chosen.

    :param found: null: a new form
    :param locale: empty: the form's own
    """
    subscription_type = next(
        (each for each in subscription_types.find_all(session) if each.id == content.subscription_type_id), None
    )
    if subscription_type is None or subscription_type.channel != Channel.SMS:
        return None
    workspace, locale = settings.get(session), locale or content.locale
    url = public_urls.public_form(found.key if found else "…", base=public_url())
    first = first_text(content, subscription_type, workspace, locale)
    form = DisclosedForm(content, locale, subscription_type, workspace, first, url)
    start_text = disclosure.start_text(locale, brand=workspace.name, type_name=subscription_type.name)
    return Disclosure(disclosure.check(form), start_text)


def first_text(
    content: FormContent, subscription_type: SubscriptionType, workspace: Workspace, locale: str
) -> str | None:
    """The first text about the program that people get, except codes; null: there is none."""
    if subscription_type.welcome:
        return welcome.body_of(subscription_type, workspace, locale, receives=texting().receives)
    if content.verify_number == VerifyNumber.REPLY:
        return texts.confirm(locale, brand=workspace.name, type_name=subscription_type.name)
    return None


def warn(found: Disclosure | None) -> None:
    """Say which rules the published form does not meet. It is published all the same."""
    if found and found.missing:
        names = [gettext(each.rule.name) for each in found.missing]
        flash(gettext("Carriers may refuse this form. Missing: %(rules)s.", rules=formatting.listed(names)), "warning")
