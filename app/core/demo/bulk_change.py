"""A bulk change of the demo, with contacts that changed, that had opted in before, and that were skipped."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.core.bulk import changes, drafts
from app.core.bulk.changes import Change
from app.core.demo import texts
from app.core.demo.people import FAIR, LETTER
from app.core.demo.shop import Shop
from app.models import Contact, JobKind


def take(session: Session, shop: Shop, contacts: Mapping[str, Contact], *, at: datetime) -> None:
    """The marketer subscribes the people who filled in a card at a fair, which takes the worker no time."""
    selected = {"contact_ids": [contacts[name].public_id for name in FAIR]}
    type_id = shop.types[LETTER].id
    change = Change(JobKind.SUBSCRIBE, selected, subscription_type_id=type_id, note=texts.FAIR_NOTE)
    job = changes.create(session, change, actor=shop.marketer, at=at)
    drafts.run_now(session, job, at=at)
