"""The words beside the buttons of the preference center, frozen as evidence of what was pressed."""

from app.core import wording
from app.core.wording import FrozenWording, translatable

UNSUBSCRIBE = translatable("Unsubscribe")
STOP = translatable("Stop all texts")
STOP_HINT = translatable("After this, we send no texts to your number, whatever they are about.")
ALLOW = translatable("Allow texts again")
ALLOW_HINT = translatable("After this, texts can reach your number again. You stay unsubscribed until you subscribe.")


def leaving(locale: str, brand: str, name: str, description: str) -> FrozenWording:
    """What stood beside the button that unsubscribes from one type."""
    return _words(locale, brand, name, description, UNSUBSCRIBE)


def stopping(locale: str, brand: str) -> FrozenWording:
    """What stood beside the button that stops all texts."""
    gettext = wording.translator(locale)
    return _words(locale, brand, gettext(STOP), gettext(STOP_HINT), STOP)


def allowing(locale: str, brand: str) -> FrozenWording:
    """What stood beside the button that allows texts again."""
    gettext = wording.translator(locale)
    return _words(locale, brand, gettext(ALLOW), gettext(ALLOW_HINT), ALLOW)


def _words(locale: str, brand: str, title: str, note: str, button: str) -> FrozenWording:
    shown = {"brand": brand, "form_title": title, "button": wording.translator(locale)(button)}
    return wording.freeze(locale, shown | ({"notes": [note]} if note else {}))
