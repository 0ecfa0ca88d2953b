"""Who reads a form, as far as a request tells: language, address, what was on their screen, what they are told."""

from dataclasses import replace
from math import ceil
from urllib.parse import urlsplit

from flask import abort, request

from app.core import clock, contacts, email, origins, phone
from app.core.contacts import Destination
from app.core.errors import DestinationRefused
from app.core.form_views import FormView, Shown, State
from app.core.ledger import Evidence
from app.core.signing import Signer, random_token
from app.core.submissions import Outcome
from app.core.wording import translatable
from app.models import Channel, EvidenceLevel, Source
from app.web.database import keys
from app.web.languages import gettext, speaking
from app.web.optin_page import Filling, FormPage

_SENTENCES = (
    phone.REFUSALS
    | email.REFUSALS
    | {
        "shown_again": translatable("Something here changed since you opened it. Please check, then press the button."),
        "answered_already": translatable(
            "This page was used for another number already. To sign up this one too, press the button again."
        ),
        "too_many": translatable("That was tried too often. Please try again in %(minutes)s minutes."),
    }
)
_STATUS = {"too_many": 429, "shown_again": 409, "answered_already": 409}
MAX_BODY_BYTES = 16_384


def accept_language() -> str:
    return request.headers.get("Accept-Language", "")


def theme() -> str:
    """``light`` or ``dark`` when the page that holds the frame says so, else the reader's own."""
    asked = request.args.get("theme", "") if request.query_string else ""
    return asked if asked in {"light", "dark"} else ""


def own_address() -> str:
    """Where the form is sent: this page, without whatever else stood in its address."""
    return f"{request.path}?theme={theme()}" if theme() else request.path


def refuse_other_sites() -> None:
    """An answer comes from the page that we made. There is no cookie to ride on; this is the second lock."""
    request.max_content_length = MAX_BODY_BYTES
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        abort(403)


def typed_text() -> str:
    """What was typed, as it came."""
    return (request.form.get("phone") or request.form.get("email") or "")[:1000]


def typed(region: str | None) -> Destination | DestinationRefused:
    """What was typed, as something that may be opted in, or why it may not."""
    channel = Channel.EMAIL if "email" in request.form else Channel.SMS
    try:
        return contacts.read_destination(keys(), typed_text(), channel, region=region)
    except DestinationRefused as refused:
        return refused


def status(outcome: Outcome) -> int:
    return _STATUS.get(outcome.refusal or "", 422)


def error(outcome: Outcome, locale: str) -> str:
    """What the person is told to do about a refusal; empty when there is none."""
    if outcome.refusal is None:
        return ""
    sentence = _SENTENCES[outcome.refusal]
    with speaking(locale):
        return gettext(sentence, minutes=ceil((outcome.retry_after_s or 60) / 60))


def masked(view: FormView, saved: Destination | None) -> str:
    if saved is None:
        return ""
    return phone.masked(saved.value) if view.channel == "sms" else email.masked(saved.value)


def done_number(outcome: Outcome, shown: Shown | None) -> str:
    """The number that was signed up: in full for whoever has just typed it, else masked."""
    if outcome.destination is None:
        return ""
    value = outcome.destination.value
    is_typed = shown is not None and shown.destination_hash is None
    if value.startswith("+"):
        return phone.formatted(value) if is_typed else phone.masked(value)
    return value if is_typed else email.masked(value)


def signed(filling: Filling, page: FormPage, saved: Destination | None, *, place: str, signer: Signer) -> Filling:
    """The filling with what is shown, signed, so that the answer can prove it."""
    is_saved = filling.state == State.SAVED
    shown = Shown(
        place=place,
        version_id=page.look.version_id,
        locale=page.look.locale,
        words_hash=page.words(is_saved=is_saved).hash,
        destination_hash=saved.hash if is_saved and saved else None,
        region=page.look.region,
        origin=_framing_origin(page),
        nonce=random_token(),
        at=clock.now(),
    )
    return replace(filling, shown=shown.signed(signer))


def evidence(view: FormView, page: FormPage, shown: Shown | None) -> Evidence:
    """How we know, from this request."""
    is_known = view.contact_id is not None
    return Evidence(
        source=Source.FORM,
        actor="contact",
        level=EvidenceLevel.PERSONAL_LINK if is_known else EvidenceLevel.WEB_UNVERIFIED,
        address=request.remote_addr,
        agent_string=request.headers.get("User-Agent"),
        origin=shown.origin if shown else None,
        page=_claimed_page(page),
        locale=page.look.locale,
        words=page.words(is_saved=bool(shown and shown.destination_hash)),
        form_version_id=view.version_id,
        details={"numbering_plans": phone.metadata_version()} if view.channel == "sms" else {},
    )


def _framing_origin(page: FormPage) -> str | None:
    """The origin of the page that holds the frame, as the browser tells it, if it is an allowed one."""
    origin = origins.of(request.headers.get("Referer", ""))
    return origin if origin in page.look.origins else None


def _claimed_page(page: FormPage) -> str | None:
    """The address of the page around the frame, as its script said it; kept only if its origin is allowed."""
    claimed = request.form.get("page", "")[:500]
    if origins.of(claimed) not in page.look.origins:
        return None
    parts = urlsplit(claimed)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
