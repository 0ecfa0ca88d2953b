"""The words that are appended to a campaign's text, in the recipient's language: how to opt out.

They are short, and in GSM-7 where the language allows it: each segment costs.
"""

from app.core.wording import DEFAULT_LOCALE

_REPLY = {
    "en": "Reply STOP to opt out",
    "de": "Abmelden: STOP antworten",
    "fr": "Répondez STOP pour vous désinscrire",
    "es": "Responde STOP para darte de baja",
    "pt_BR": "Responda STOP para sair",
    "ar": "للإلغاء أرسل STOP",
}
_LINK = {
    "en": "Opt out: {link}",
    "de": "Abmelden: {link}",
    "fr": "Se désinscrire : {link}",
    "es": "Darse de baja: {link}",
    "pt_BR": "Para sair: {link}",
    "ar": "لإلغاء الاشتراك: {link}",
}
_BOTH = {
    "en": "Opt out: reply STOP or {link}",
    "de": "Abmelden: STOP antworten oder {link}",
    "fr": "Se désinscrire : STOP ou {link}",
    "es": "Darse de baja: responde STOP o {link}",
    "pt_BR": "Para sair: responda STOP ou {link}",
    "ar": "للإلغاء أرسل STOP أو {link}",
}
# Senders that cannot receive have to say so, and give another way out in every text.
_ONE_WAY = {
    "en": "No replies. Opt out: {link}",
    "de": "Keine Antwort möglich. Abmelden: {link}",
    "fr": "Sans réponse. Se désinscrire : {link}",
    "es": "No responder. Darse de baja: {link}",
    "pt_BR": "Nao responda. Para sair: {link}",
    "ar": "لا يمكن الرد. لإلغاء الاشتراك: {link}",
}


def reply(locale: str) -> str:
    """How to opt out by a reply."""
    return _in(_REPLY, locale)


def link(locale: str, address: str) -> str:
    """Where to opt out."""
    return _in(_LINK, locale).format(link=address)


def reply_or_link(locale: str, address: str) -> str:
    """Both ways to opt out."""
    return _in(_BOTH, locale).format(link=address)


def one_way(locale: str, address: str) -> str:
    """That replies are not read, and where to opt out. Source: CTIA Messaging Principles, 5.1.3."""
    return _in(_ONE_WAY, locale).format(link=address)


def _in(texts: dict[str, str], locale: str) -> str:
    return texts.get(locale, texts[DEFAULT_LOCALE])
