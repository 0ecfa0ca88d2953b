"""Subscription types with the texts that they had when an event happened.

The ledger names a type by its id. The audit log, which nothing changes, has what each edit replaced.
"""

from collections import defaultdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import EDITED
from app.models import AuditEntry, ConsentEvent, SubscriptionType, SubscriptionTypeTranslation


class EarlierTypes:
    """Every subscription type, as it was at the time of an event. Descriptions are as long as the audit log keeps."""

    def __init__(self, session: Session) -> None:
        self._types = {each.id: each for each in subscription_types.find_all(session)}
        subjects = {f"subscription_type:{each}": each for each in self._types}
        edits = select(AuditEntry).where(AuditEntry.subject.in_(subjects), AuditEntry.action == EDITED)
        self._edits: dict[int, list[AuditEntry]] = defaultdict(list)
        for entry in session.scalars(edits.order_by(AuditEntry.id.desc())):
            self._edits[subjects[entry.subject]].append(entry)

    def of(self, event: ConsentEvent) -> SubscriptionType | None:
        """The type that an event is about; null where it is about all. A copy where it was edited since."""
        found = self._types.get(event.subscription_type_id or 0)
        later = [each for each in self._edits[found.id] if each.occurred_at > event.occurred_at] if found else []
        if found is None or not later:
            return found
        texts = subscription_types.described(found)
        for entry in later:
            texts |= {field: before for field, (before, _) in entry.details.get("changed", {}).items()}
        return _copy(found, texts)


def _copy(found: SubscriptionType, texts: dict[str, Any]) -> SubscriptionType:
    """The type with other texts. It belongs to no session."""
    locales = [field.removeprefix("name-") for field, text in texts.items() if field.startswith("name-") and text]
    return SubscriptionType(
        id=found.id,
        name=texts["name"],
        description=texts["description"],
        locale=found.locale,
        channel=found.channel,
        consent_type=found.consent_type,
        state=found.state,
        translations=[
            SubscriptionTypeTranslation(
                locale=each, name=texts[f"name-{each}"], description=texts.get(f"description-{each}") or ""
            )
            for each in sorted(locales)
        ],
    )
