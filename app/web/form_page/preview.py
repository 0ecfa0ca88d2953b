"""The live preview of a form that is being configured: the real page, but it records nothing."""

from dataclasses import dataclass

from flask import Response

from app.core import phone, wording
from app.core.confirmations import texts
from app.core.forms.content import FormContent
from app.core.forms.form_view import State
from app.models import Channel, SubscriptionType, VerifyNumber, Workspace
from app.web.form_page import page as form_page
from app.web.form_page.confirm_link import ConfirmPart
from app.web.form_page.page import PageContext, PageData
from app.web.texting import texting

PREVIEWED = frozenset(State) - {State.ERROR}
_EXAMPLE_REGION = "US"


@dataclass(frozen=True)
class PreviewOptions:
    """How the form is shown.

    :param state: one of ``PREVIEWED``; anything else is ``ask``
    :param locale: a key of ``wording.LOCALES``; anything else is English
    :param theme: ``light``, ``dark`` or empty for the reader's own setting
    :param number: the saved number, masked; empty: an example
    """

    state: str
    locale: str
    theme: str = ""
    number: str = ""


def render_preview(
    content: FormContent, options: PreviewOptions, *, workspace: Workspace, subscription_type: SubscriptionType | None
) -> Response:
    """The embed with this content. Only our own pages may frame it, and its form cannot be sent."""
    channel = subscription_type.channel if subscription_type else Channel.SMS
    context = PageContext(
        version_id=0,
        locale=options.locale if options.locale in wording.LOCALES else wording.DEFAULT_LOCALE,
        region=phone.preselected(None, content.default_country, frozenset(workspace.allowed_countries), None, None),
        theme=options.theme if options.theme in {"light", "dark"} else "",
        is_transparent=False,
        channel=channel,
        is_public=True,
        is_unverified=True,
        form_key="preview",
        brand=workspace.name,
        privacy_url=workspace.privacy_url,
        terms_url=workspace.terms_url,
        help_contact=workspace.help_contact,
        origins=(),
        allowed_countries=frozenset(workspace.allowed_countries),
    )
    data = PageData(
        State(options.state) if options.state in PREVIEWED else State.ASK,
        number=options.number or _example(channel, content.default_country),
        country=context.region,
        done="preview",
        confirm=_confirm_part(content, workspace, context.locale),
    )
    page = form_page.render(context, content)
    return form_page.respond(form_page.html_of(page, data), 200, form_page.content_policy("'self'", page.style))


def _confirm_part(content: FormContent, workspace: Workspace, locale: str) -> ConfirmPart:
    """The page that asks to confirm, with values that lead nowhere."""
    method = VerifyNumber.CODE if content.verify_number == VerifyNumber.OFF else content.verify_number
    is_sent_by_us = method != VerifyNumber.SMS_LINK
    number = texting().sender
    return ConfirmPart(
        method,
        sealed="",
        resend="#" if is_sent_by_us else "",
        again="#",
        check="#",
        word=texts.yes(locale),
        sender=phone.formatted(number) if number.startswith("+") else number,
        own_text="" if is_sent_by_us else texts.sms_link(locale, brand=workspace.name, nonce="H7KQ2MTVXA"),
        sms_href="#",
        is_sent_again=False,
    )


def _example(channel: str, country: str | None) -> str:
    if channel == Channel.EMAIL:
        return "s•••@•••.com"
    return f"{phone.calling_code(country or _EXAMPLE_REGION)} ••• ••• ••71"
