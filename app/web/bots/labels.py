"""The words of the pages of bots."""

from collections.abc import Mapping

from app.core.bots.working_rules import Problem
from app.core.wording import translatable
from app.models import BotHours, BotRule, BotTrigger
from app.web import formatting
from app.web.i18n import gettext, ngettext

TRIGGERS = {
    BotTrigger.OPEN: translatable("Opens the messenger"),
    BotTrigger.PAGE: translatable("Is on a page"),
    BotTrigger.WORDS: translatable("Writes certain words"),
}
HOURS = {
    BotHours.ALWAYS: translatable("At any time"),
    BotHours.INSIDE: translatable("During office hours"),
    BotHours.OUTSIDE: translatable("Outside office hours"),
}
PROBLEMS = {
    Problem.FORM_ARCHIVED: translatable("Its form is archived."),
    Problem.FORM_TYPE_NOT_LIVE: translatable("The subscription type of its form is not live."),
    Problem.TYPE_NOT_LIVE: translatable("The subscription type that it asks about is not live."),
}


def conditions(rule: BotRule, names: Mapping[str, Mapping[int, str]]) -> list[str]:
    """The conditions of a rule, each in a few words.

    :param names: of ``types`` and ``segments``, by id
    """
    found = [_first(rule)]
    if rule.seconds:
        found.append(ngettext("after %(num)s second", "after %(num)s seconds", rule.seconds))
    if rule.is_signed_in is not None:
        found.append(gettext("signed in") if rule.is_signed_in else gettext("not signed in"))
    if rule.not_asked_type_id is not None:
        found.append(gettext("never asked for “%(name)s”", name=names["types"].get(rule.not_asked_type_id, "")))
    if rule.segment_id is not None:
        found.append(gettext("in the segment “%(name)s”", name=names["segments"].get(rule.segment_id, "")))
    if rule.hours != BotHours.ALWAYS:
        inside = rule.hours == BotHours.INSIDE
        found.append(gettext("during office hours") if inside else gettext("outside office hours"))
    return found


def _first(rule: BotRule) -> str:
    """What a visitor does, with the page where there is a condition about it."""
    if rule.trigger == BotTrigger.WORDS:
        words = formatting.listed(gettext("“%(word)s”", word=each) for each in rule.words)
        return gettext("Writes %(words)s", words=words)
    if rule.trigger == BotTrigger.OPEN:
        return (
            gettext("Opens the messenger on %(page)s", page=rule.page) if rule.page else gettext(TRIGGERS[rule.trigger])
        )
    return gettext("Is on %(page)s", page=rule.page) if rule.page else gettext("Is on any page")
