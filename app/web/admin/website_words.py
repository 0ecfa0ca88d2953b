"""The sentences of the integration check in the language of the reader."""

from dataclasses import replace

from app.core.site import check_words
from app.core.site.check_words import Words
from app.web.i18n import gettext


def words_for(code: str) -> Words:
    """The words for a code, translated."""
    found = check_words.words_for(code)
    problem = gettext(found.problem, field=found.field) if found.field else gettext(found.problem)
    return replace(found, problem=problem, mend=gettext(found.mend) if found.mend else "", field="")
