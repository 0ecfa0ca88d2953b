"""The form by which people opt in on their preference page."""

import pytest

from app.core.errors import InvalidInput
from app.core.forms import publishing
from app.core.forms.publishing import FormSettings
from app.core.subscriptions import preference_form
from app.db import Database
from tests import make
from tests.make import NOON


def test_only_a_form_in_use_that_asks_for_the_type_can_be_chosen(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, other = make.live_type(session), make.live_type(session, name="Other")
        form, archived, foreign = make.form(session, offers), make.form(session, offers), make.form(session, other)
        content = publishing.content_of(publishing.newest_version(session, form))
        inline = publishing.create(session, content, FormSettings(is_inline=True), actor="agent:1", at=NOON)
        publishing.archive(session, archived, actor="agent:1", at=NOON)
        for refused in (archived.id, foreign.id, inline.id, 0):
            with pytest.raises(InvalidInput):
                preference_form.choose(session, offers, refused, actor="agent:1", at=NOON)
        assert [each.id for each in preference_form.usable(session, offers)] == [form.id]
        preference_form.choose(session, offers, form.id, actor="agent:1", at=NOON)
        assert preference_form.find(session, offers) is form
        publishing.archive(session, form, actor="agent:1", at=NOON)
        assert preference_form.find(session, offers) is None
        preference_form.choose(session, offers, None, actor="agent:1", at=NOON)
        assert offers.preference_form_id is None
