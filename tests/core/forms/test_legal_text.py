"""Who may write the legal text of a form in a conversation."""

import pytest

from app.core.conversations import forms as conversation_forms
from app.core.errors import InvalidInput
from app.core.forms.content import FormContent, FormText
from app.core.workspace import settings
from app.db import Database
from app.models import Role
from tests import make
from tests.core.conversations.chats import start
from tests.make import NOON

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def test_an_agent_without_permission_only_uses_the_legal_text_of_a_saved_form(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = make.agent(session), make.agent(session, role=Role.ADMIN)
        kind, other = make.live_type(session), make.live_type(session, name="Other")
        make.form(session, kind, texts={"en": FormText("Texts", legal_text="You agree.")})
        make.form(session, other, texts={"en": FormText("Texts", legal_text="Something else.", checkbox_text="Yes")})
        chat = start(session)

        def send(actor: str, **texts: str) -> None:
            content = FormContent(kind.id, {"en": FormText("A title of her own", **texts)})
            conversation_forms.insert_configured(session, chat.id, content, actor=actor, at=NOON)

        send(f"agent:{ana.id}", legal_text="Whatever she likes.")
        settings.change(session, {"agents_write_legal_text": False}, actor=f"agent:{max_.id}", at=NOON)
        send(f"agent:{ana.id}", legal_text=" You agree.\r\n")
        for refused in ({"legal_text": "You agree!"}, {"legal_text": ""}, {"legal_text": "Something else."}):
            with pytest.raises(InvalidInput) as error:
                send(f"agent:{ana.id}", **refused)
            assert error.value.field == "legal_text"
        with pytest.raises(InvalidInput) as error:
            send(f"agent:{ana.id}", legal_text="You agree.", checkbox_text="Yes")
        assert error.value.field == "checkbox_text"
        for actor in (f"agent:{max_.id}", "api:1"):
            send(actor, legal_text="You agree!")
