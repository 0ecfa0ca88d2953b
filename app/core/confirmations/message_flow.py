"""The message flow of a form, written out for the registration of a number with carriers.

It is in English, because reviewers refuse registrations in other languages (Twilio code 30910). The texts in it are
those that are really sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.confirmations import texts
from app.core.proof import rules
from app.core.proof.disclosure import DisclosedForm
from app.core.wording import DEFAULT_BUTTON_TEXT, LOCALES, legal_html
from app.models import VerifyNumber

_EXAMPLE_CODE, _EXAMPLE_NONCE = "123456", "H7KQ2MTVXA"


@dataclass(frozen=True)
class Answers:
    """What we answer to keywords; empty: people cannot text us."""

    help: str = ""
    stop: str = ""
    start: str = ""


@dataclass(frozen=True)
class Flow:
    """A form with everything that is sent because of it.

    :param other_urls: of the other forms for the same subscription type
    :param sender: our number, short code or name
    :param host: of our public address
    """

    form: DisclosedForm
    answers: Answers
    other_urls: Sequence[str]
    sender: str
    host: str


@dataclass(frozen=True)
class Step:
    """``text`` is a text as it is sent, or the words on the page; empty: none."""

    title: str
    sentences: tuple[str, ...]
    text: str = ""


def steps(flow: Flow) -> list[Step]:
    """The steps in their order: opt-in, confirmation, first text, HELP, STOP."""
    found = [_program(flow), _opt_in(flow), _confirmation(flow), _first_text(flow)]
    return [*(each for each in found if each is not None), *_keywords(flow)]


def as_text(found: Sequence[Step]) -> str:
    """The steps as plain text, for the field “message flow” of a registration."""
    parts = []
    for number, step in enumerate(found, 1):
        lines = [f"{number}. {step.title}", *step.sentences]
        parts.append("\n".join([*lines, f"“{step.text}”"] if step.text else lines))
    return "\n\n".join(parts) + "\n"


def _program(flow: Flow) -> Step:
    form = flow.form
    sentences = [f"{form.workspace.name} sends texts about “{form.subscription_type.name}”."]
    if form.subscription_type.description:
        sentences.append(form.subscription_type.description)
    sentences.append(f"They come from {flow.sender}. Only people who opted in to this program get them.")
    return Step("Program", tuple(sentences))


def _opt_in(flow: Flow) -> Step:
    form = flow.form
    own = form.content.texts[form.content.locale]
    box = (
        f"They tick a box that is not ticked in advance: “{own.checkbox_text}”."
        if own.checkbox_text
        else "The form has one purpose: people agree by sending it."
    )
    sentences = [
        f"People opt in on the web form at {form.url}. Anyone can open it without signing in.",
        "They type their mobile number themselves. The form asks for this program and for no other channel.",
        box,
        f"Then they press “{own.button_text or DEFAULT_BUTTON_TEXT}”.",
        "Beside the button the page says the text below, with links to the privacy policy and the terms.",
    ]
    if form.content.locale != "en":
        sentences.append(f"The form is in {LOCALES[form.content.locale]}. Add a translation for reviewers.")
    if flow.other_urls:
        sentences.append(f"People can opt in to this program in the same way at {', '.join(flow.other_urls)}.")
    return Step("Opt-in", tuple(sentences), rules.plain_text(legal_html(own.legal_text)))


def _confirmation(flow: Flow) -> Step | None:
    form, locale, brand = flow.form, flow.form.locale, flow.form.workspace.name
    match form.content.verify_number:
        case VerifyNumber.CODE:
            sent = texts.code(locale, brand=brand, code=_EXAMPLE_CODE, host=flow.host, framed_by=None)
            what = "We text a code to the number. People are opted in once they enter it on the page."
        case VerifyNumber.REPLY:
            sent = texts.confirm(locale, brand=brand, type_name=form.subscription_type.name)
            what = f"We text a question to the number. People are opted in once they reply {texts.yes(locale)}."
        case VerifyNumber.SMS_LINK:
            sent = texts.sms_link(locale, brand=brand, nonce=_EXAMPLE_NONCE)
            what = (
                f"The page opens this text to {flow.sender} in the person's own app. They are opted in once it arrives."
            )
        case _:
            return None
    return Step("Confirmation (double opt-in)", (what, "Until then nothing else is sent."), sent)


def _first_text(flow: Flow) -> Step | None:
    if flow.form.first_text is None or not flow.form.subscription_type.welcome:
        return None
    return Step(
        "First text", ("After the opt-in, before any other text of the program, we send:",), flow.form.first_text
    )


def _keywords(flow: Flow) -> list[Step]:
    answers = flow.answers
    if not answers.stop:
        contact = flow.form.workspace.help_contact or "the link in each text"
        return [Step("Opt-out", (f"People cannot reply to our texts. They opt out by {contact}.",))]
    return [
        Step("HELP", ("To HELP or INFO we answer, whether or not they are subscribed:",), answers.help),
        Step("STOP", ("To STOP and similar words we answer once, and send nothing more:",), answers.stop),
        Step("START", ("After STOP, people can come back with START. We answer:",), answers.start),
    ]
