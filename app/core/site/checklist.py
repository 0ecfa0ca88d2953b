"""The first steps of a new workspace, and which of them are done."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.core.site import snippets
from app.core.workspace import settings
from app.models import (
    Action,
    Agent,
    ConsentEvent,
    OptInForm,
    Script,
    SubscriptionType,
    TypeState,
)


class Step(StrEnum):
    """In the order in which they are done."""

    NAME_AND_COUNTRY = "name_and_country"
    TYPE_LIVE = "type_live"
    FORM = "form"
    ORIGIN_ALLOWED = "origin_allowed"
    FORM_SEEN = "form_seen"
    MESSENGER_SEEN = "messenger_seen"
    FIRST_CONSENT = "first_consent"
    TEAM_INVITED = "team_invited"


@dataclass(frozen=True)
class Checklist:
    """Every step, done or not."""

    done: dict[Step, bool]

    @property
    def next_step(self) -> Step | None:
        return next((step for step, is_done in self.done.items() if not is_done), None)

    @property
    def done_count(self) -> int:
        return sum(self.done.values())


def read(session: Session) -> Checklist:
    """Which steps are done."""
    workspace = settings.get(session)
    conditions = {
        Step.TYPE_LIVE: exists().where(SubscriptionType.state == TypeState.LIVE),
        Step.FORM: exists().where(OptInForm.archived_at.is_(None), OptInForm.is_inline.is_(False)),
        Step.FIRST_CONSENT: exists().where(ConsentEvent.action == Action.OPT_IN),
        # An account is active from its invitation on.
        Step.TEAM_INVITED: select(func.count() > 1).where(Agent.active).scalar_subquery(),
    }
    seen = {each.script for each in snippets.find(session) if each.is_allowed}
    row = session.execute(select(*conditions.values())).one()
    found = dict(zip(conditions, map(bool, row), strict=True)) | {
        Step.NAME_AND_COUNTRY: workspace.name != settings.FIRST_NAME and bool(workspace.default_country),
        Step.ORIGIN_ALLOWED: bool(snippets.allowed_origins(session)),
        Step.FORM_SEEN: Script.EMBED in seen,
        Step.MESSENGER_SEEN: Script.MESSENGER in seen,
    }
    return Checklist({step: found[step] for step in Step})
