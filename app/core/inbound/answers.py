"""The answers to keywords, by language."""

from collections.abc import Mapping

_TEXTS = {
    "stopped": "{brand}: You are unsubscribed and get no more texts from us. Reply START to get them again.",
    "help": "{brand}: For help: {contact}. Reply STOP to get no more texts.",
    "help_without_contact": "{brand}: Reply STOP to get no more texts from us.",
    "started": "{brand}: You get our texts again: {types}. Reply HELP for help, STOP to end them.",
}


def text_of(name: str, _locale: str, places: Mapping[str, str]) -> str:
    """The answer in a language, with its places filled in."""
    text = _TEXTS[name]
    for place, value in places.items():
        text = text.replace(f"{{{place}}}", value)
    return text
