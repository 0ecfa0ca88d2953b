"""What the page that asks to confirm shows beside the number, and its sentences."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import quote

from flask import request

from app.core import phone
from app.core.confirmations import texts
from app.core.confirmations.confirming import Result
from app.core.forms import views as form_views
from app.core.forms.form_view import FormView
from app.models import VerifyNumber
from app.web.embed import pages
from app.web.form_page.confirm_link import ConfirmLink, ConfirmPart
from app.web.i18n import gettext, ngettext, use_locale
from app.web.services import keys
from app.web.texting import texting


@dataclass(frozen=True)
class Refusal:
    """Why the page asks again: ``wrong_code``, or ``wait`` for so many seconds before the next text."""

    code: str
    wait_s: int = 0

    @property
    def status(self) -> int:
        return HTTPStatus.TOO_MANY_REQUESTS if self.code == "wait" else HTTPStatus.UNPROCESSABLE_ENTITY


def with_texting(view: FormView) -> FormView:
    """The form, with what this installation can do with texts."""
    return replace(view, texting=texting())


def of(view: FormView, link: ConfirmLink, *, nonce: str | None, endpoint: str) -> ConfirmPart:
    """The part of the page for this way to confirm.

    :param nonce: in the text that the person sends
    :param endpoint: of the form's page
    """
    sender = texting().sender
    own_text = texts.sms_link(link.locale, brand=view.publisher.name, nonce=nonce) if nonce else ""
    is_sent_by_us = link.method in {VerifyNumber.CODE, VerifyNumber.REPLY}
    sealed = link.sealed(keys())
    return ConfirmPart(
        method=link.method,
        sealed=sealed,
        resend=pages.address(endpoint.replace("embed.", "confirm.resend_")) if is_sent_by_us else "",
        again=""
        if form_views.saved_destination(keys(), view)
        else pages.address(endpoint, again="1", confirm=sealed if link.preferences else ""),
        check=pages.address(endpoint, confirm=sealed, checked="1"),
        word=texts.yes(link.locale),
        sender=phone.formatted(sender) if sender.startswith("+") else sender,
        own_text=own_text,
        # iPhones and Android phones both read the text behind "?&body=".
        sms_href=f"sms:{sender}?&body={quote(own_text)}" if own_text else "",
        is_sent_again="sent" in request.args,
    )


def sentence_of(refusal: Refusal, locale: str) -> str:
    """What a person does about a refusal."""
    with use_locale(locale):
        if refusal.code == "wrong_code":
            return gettext("That is not the code. Check it, and use the newest text.")
        if refusal.wait_s > 90:
            return ngettext(
                "Wait %(num)s minute before you ask for another text.",
                "Wait %(num)s minutes before you ask for another text.",
                -(-refusal.wait_s // 60),
            )
        return ngettext(
            "Wait %(num)s second before you ask for another text.",
            "Wait %(num)s seconds before you ask for another text.",
            refusal.wait_s,
        )


def checked_notice(locale: str) -> str:
    """What the page says to a person who said that the text is sent; empty where they did not say so."""
    with use_locale(locale):
        is_checked = "checked" in request.args
        return gettext("Your text has not arrived here yet. It can take a minute.") if is_checked else ""


def ended_notice(locale: str) -> str:
    """What the form says after a confirmation that did not succeed; empty when there is nothing to say."""
    with use_locale(locale):
        match request.args.get("ended", "") if request.query_string else "":
            case Result.EXPIRED:
                return gettext("That took too long, so you are not signed up. Please start again.")
            case Result.FAILED:
                return gettext("The number was not confirmed, so you are not signed up. Please start again.")
    return ""
