"""Who may write the legal text of a form."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.accounts import rights
from app.core.accounts.rights import Right
from app.core.errors import InvalidInput
from app.core.forms.content import FormContent
from app.core.workspace import settings
from app.models import Agent, OptInForm, OptInFormText, OptInFormVersion


def may_write(session: Session, actor: str) -> bool:
    """Whether this actor may write legal texts: who publishes forms, and agents too while the workspace allows it.

    :param actor: ``agent:3``, ``api:4``, …; an admin is an agent with another role
    """
    kind, _, number = actor.partition(":")
    if settings.get(session).agents_write_legal_text or kind != "agent" or not number.isdigit():
        return True
    agent = session.get(Agent, int(number))
    return agent is not None and rights.may(agent.role, Right.MARKETING)


def refuse_unwritten(session: Session, content: FormContent, *, actor: str) -> None:
    """Refuse a text that only an admin may write, unless a saved form of the same type has it.

    :param content: from ``checked_content``
    :raises InvalidInput: with the field ``legal_text`` or ``checkbox_text``
    """
    if may_write(session, actor):
        return
    saved = session.execute(
        select(OptInFormText.legal_text, OptInFormText.checkbox_text)
        .join(OptInFormVersion, OptInFormVersion.id == OptInFormText.version_id)
        .join(
            OptInForm,
            (OptInForm.id == OptInFormVersion.form_id) & (OptInForm.version == OptInFormVersion.number),
        )
        .where(OptInFormVersion.subscription_type_id == content.subscription_type_id)
        .where(~OptInForm.is_inline, OptInForm.archived_at.is_(None))
    ).all()
    known = {"legal_text": {row.legal_text for row in saved}, "checkbox_text": {row.checkbox_text for row in saved}}
    for text in content.texts.values():
        for field, texts in known.items():
            if getattr(text, field) not in texts:
                raise InvalidInput(
                    "Only marketers and admins write this text. Use the text of a saved form.", field=field
                )
