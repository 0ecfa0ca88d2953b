"""Who reads a form, as far as a request tells: language, address, what was on their screen, what they are told."""

from math import ceil
from urllib.parse import urlencode, urlsplit

from app.core import clock, destinations, email, origins, phone
from app.core.destinations import Destination
from app.core.errors import DestinationRefused
from app.core.forms import wording as form_words
from app.core.forms.views import FormView, Shown
from app.core.ledger.evidence import Evidence
from app.core.signing import random_token
from app.core.submissions.submit import Outcome, Typed
from app.core.wording import translatable
from app.models import Channel, EvidenceLevel, Source
from app.web.exchange import Asked
from app.web.form_page.page import FormPage
from app.web.i18n import gettext, ngettext, speaking
from app.web.services import keys

_SENTENCES = (
    phone.REFUSALS
    | email.REFUSALS
    | {
        "shown_again": translatable("Something here changed since you opened it. Please check, then press the button."),
        "answered_already": translatable(
            "This page was used for another number already. To sign up this one too, press the button again."
        ),
    }
)
_FIELDS = {Channel.SMS.value: "phone", Channel.EMAIL.value: "email"}
_STATUS = {"too_many": 429, "shown_again": 409, "answered_already": 409}


def theme(asked: Asked) -> str:
    """``light`` or ``dark`` when the page that holds the frame says so, else the reader's own."""
    wanted = asked.args.get("theme", "") if asked.query_string else ""
    return wanted if wanted in {"light", "dark"} else ""


def own_address(asked: Asked, *, full: str = "") -> str:
    """Where the form is sent: this page, without whatever else stood in its address.

    :param full: the proof that goes with a number shown in full
    """
    said = {name: value for name, value in (("theme", theme(asked)), ("full", full)) if value}
    return f"{asked.path}?{urlencode(said)}" if said else asked.path


def typed_text(asked: Asked, channel: str) -> str:
    """What was typed, as it came."""
    return asked.form.get(_FIELDS[channel], "")[:1000]


def typed(asked: Asked, region: str | None) -> Typed:
    """What was typed, as something that may be opted in, or why it may not, by the channel of the field it came in."""
    return {channel: _read(asked, channel, region) for channel, field in _FIELDS.items() if field in asked.form}


def _read(asked: Asked, channel: str, region: str | None) -> Destination | DestinationRefused:
    try:
        return destinations.read(keys(), typed_text(asked, channel), channel, region=region)
    except DestinationRefused as refused:
        return refused


def status(outcome: Outcome) -> int:
    return _STATUS.get(outcome.refusal or "", 422)


def error(outcome: Outcome, locale: str) -> str:
    """What the person is told to do about a refusal; empty when there is none."""
    if outcome.refusal is None:
        return ""
    with speaking(locale):
        if outcome.refusal == "too_many":
            return ngettext(
                "That was tried too often. Please try again in %(num)s minute.",
                "That was tried too often. Please try again in %(num)s minutes.",
                ceil((outcome.retry_after_s or 60) / 60),
            )
        return gettext(_SENTENCES[outcome.refusal])


def masked(view: FormView, saved: Destination | None) -> str:
    if saved is None:
        return ""
    return phone.masked(saved.value) if view.channel == "sms" else email.masked(saved.value)


def done_number(outcome: Outcome, shown: Shown | None, *, is_full: bool) -> str:
    """The number that was signed up: in full for whoever has just typed it or had it in full before them."""
    if outcome.destination is None:
        return ""
    value = outcome.destination.value
    is_known = shown is not None and (is_full or shown.destination_hash is None)
    if value.startswith("+"):
        return phone.formatted(value) if is_known else phone.masked(value)
    return value if is_known else email.masked(value)


def signed(asked: Asked, page: FormPage, saved: Destination | None, *, place: str, is_saved: bool) -> str:
    """What is shown, signed, so that the answer can prove it."""
    shown = Shown(
        place=place,
        version_id=page.look.version_id,
        locale=page.look.locale,
        words_hash=page.words(is_saved=is_saved).hash,
        destination_hash=saved.hash if is_saved and saved else None,
        region=page.look.region,
        origin=_framing_origin(asked, page, place),
        nonce=random_token(),
        at=clock.now(),
    )
    return shown.signed(keys().signer("shown"))


def evidence(asked: Asked, view: FormView, page: FormPage, shown: Shown | None, level: EvidenceLevel) -> Evidence:
    """How we know, from this request."""
    return Evidence(
        source=Source.FORM,
        actor="contact",
        level=level,
        ip_address=asked.remote_addr,
        user_agent=asked.environ.get("HTTP_USER_AGENT"),
        origin=shown.origin if shown else None,
        page=_claimed_page(asked, page),
        locale=page.look.locale,
        words=page.words(is_saved=bool(shown and shown.destination_hash)),
        form_version_id=view.version_id,
        details=form_words.details(view.type_name, view.channel),
    )


def _framing_origin(asked: Asked, page: FormPage, place: str) -> str | None:
    """The origin of the page that holds the frame, if it is an allowed one: as the browser tells it.

    Our own messenger, which holds the frame in its panel, was told by the browser whose page it is in, and says so with
    ``?from=``. A page that is shown again after an answer stands where it stood.
    """
    if asked.method == "POST":
        before = Shown.read(keys().signer("shown"), asked.form.get("shown", ""), place=place)
        return before.origin if before else None
    origin = origins.of(asked.header("HTTP_REFERER"))
    if asked.header("HTTP_SEC_FETCH_SITE") == "same-origin" and origin not in page.look.origins:
        origin = asked.args.get("from", "")
    return origin if origin in page.look.origins else None


def _claimed_page(asked: Asked, page: FormPage) -> str | None:
    """The address of the page around the frame, as its script said it; kept only if its origin is allowed."""
    claimed = asked.form.get("page", "")[:500]
    if origins.of(claimed) not in page.look.origins:
        return None
    parts = urlsplit(claimed)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
