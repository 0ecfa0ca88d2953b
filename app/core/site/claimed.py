"""A claim as the workspace reads it, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.core.contacts import leads, users
from app.core.signing import keys_of
from app.core.site.claim import Claim, ClaimedNumber, Doubt, digest_of, read_number
from app.core.workspace import settings
from app.models import Channel, SubscriptionType, TypeState, Workspace


class Recorded(NamedTuple):
    """What was doubtful, or in how many seconds to try again: then nothing was recorded.

    :param about: names the contact that the claim is about (``name_of``), whether there is one or not
    :param digest: of the claim
    """

    doubts: frozenset[str] = frozenset()
    retry_after_s: int | None = None
    about: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Claimed:
    """A claim with what the workspace makes of it.

    :param offered: the live type that an opt-in is for; null: none
    :param is_id_unknown: the page proves no one, and no contact has the id of its object
    """

    claim: Claim
    number: ClaimedNumber | None
    offered: SubscriptionType | None
    is_id_unknown: bool
    at: datetime


def read(session: Session, claim: Claim, *, at: datetime) -> Claimed:
    """Read a claim. Writes nothing."""
    workspace, user = settings.get(session), claim.user
    number = read_number(keys_of(session), claim.number, workspace.allowed_countries) if claim.number else None
    is_unsigned = claim.signed is None
    is_id_unknown = is_unsigned and user.uuid is not None and users.find(session, user.uuid) is None
    return Claimed(claim, number, _live_type(session, workspace), is_id_unknown, at)


def digest(session: Session, claimed: Claimed, *, is_theirs: bool) -> str:
    """Identifies what the claim does (``claim.digest_of``)."""
    type_id = claimed.offered.id if claimed.offered else None
    return digest_of(keys_of(session), claimed.claim, subscription_type_id=type_id, is_theirs=is_theirs)


def recorded(session: Session, claimed: Claimed, *, is_theirs: bool) -> Recorded:
    """What to remember of a claim that is dealt with.

    :param is_theirs: false: the contact has another number than the one that the page said
    """
    found = {
        Doubt.UNKNOWN_ID: claimed.is_id_unknown,
        Doubt.NO_TYPE: claimed.claim.user.sms_optin is True and claimed.offered is None,
        Doubt.OTHER_NUMBER: not is_theirs,
    }
    doubts = {str(doubt) for doubt, applies in found.items() if applies}
    doubts |= {str(doubt) for doubt in claimed.number.doubts} if claimed.number else set()
    return Recorded(frozenset(doubts), about=_about(claimed), digest=digest(session, claimed, is_theirs=is_theirs))


def name_of(external_id: str | None, lead_key: str | None) -> str:
    """Names a contact by what a page knows of it: a user by the id, a lead by its key."""
    return f"user:{external_id}" if external_id is not None else lead_key or ""


def _about(claimed: Claimed) -> str:
    if claimed.claim.signed is not None:
        return name_of(claimed.claim.signed.user_id, None)
    return leads.lead_key_of(Channel.SMS, claimed.number.destination.hash) if claimed.number else ""


def _live_type(session: Session, workspace: Workspace) -> SubscriptionType | None:
    """The type that ``sms_optin`` opts in to; null when none is set, or when that one is not live."""
    type_id = workspace.site_subscription_type_id
    found = session.get(SubscriptionType, type_id) if type_id is not None else None
    return found if found is not None and found.state == TypeState.LIVE else None
