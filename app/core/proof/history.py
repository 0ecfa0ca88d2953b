"""Show me: everything about one number or address, of every contact that had it, also after the person was erased."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import String, cast, false, or_, select
from sqlalchemy.orm import Session

from app.core import email, phone
from app.core.ledger import events as ledger
from app.core.ledger.events import LedgerLine
from app.core.signing import keys_of
from app.models import Consent, ConsentEvent, Contact, DestinationOptOut, SubscriptionType, Suppression

EVENTS_MAX = 1000


@dataclass(frozen=True)
class Holder:
    """A contact that has or had the number or address.

    :param has_it: it is the contact's number or address now
    """

    contact: Contact
    has_it: bool


@dataclass(frozen=True)
class History:
    """What is kept about a number or address.

    :param destinations: the numbers and addresses that the typed text may mean and about which something is kept; the
        first reading where there is nothing
    :param lines: the events, the oldest first
    :param is_cut: there are older events than those
    """

    destinations: tuple[str, ...]
    hashes: tuple[str, ...]
    holders: list[Holder]
    lines: list[LedgerLine]
    suppressions: list[Suppression]
    opt_outs: list[DestinationOptOut]
    consents: list[Consent]
    is_cut: bool

    @property
    def is_empty(self) -> bool:
        return not (self.holders or self.lines or self.suppressions or self.opt_outs)


def find(session: Session, typed: str, *, region: str | None, limit: int = EVENTS_MAX) -> History:
    """Everything that is kept about the number or address that this text means. It is read as people write it.

    :param region: the country in which numbers without a ``+`` are read, too
    :param limit: of events; the newest are returned
    """
    meant = {keys_of(session).destination_hash(each): each for each in _readings(typed, region=region)}
    hashes = tuple(meant)
    suppressions = list(session.scalars(select(Suppression).where(Suppression.phone_hash.in_(hashes))))
    opt_outs = _opt_outs(session, hashes)
    contacts = _contacts(session, meant, {each.contact_id for each in opt_outs})
    consents = session.scalars(select(Consent).where(Consent.contact_id.in_([each.id for each in contacts])))
    lines = ledger.about(session, hashes, [each.id for each in contacts], limit=limit + 1)
    kept = _hashes_with_records(contacts, lines, suppressions, opt_outs)
    return History(
        destinations=tuple(value for each, value in meant.items() if each in kept) or tuple(meant.values())[:1],
        hashes=hashes,
        holders=[Holder(each, has_it=each.phone_hash in meant or each.email_hash in meant) for each in contacts],
        lines=lines[:limit][::-1],
        suppressions=suppressions,
        opt_outs=opt_outs,
        consents=[each for each in consents if each.destination_hash in meant],
        is_cut=len(lines) > limit,
    )


def _readings(typed: str, *, region: str | None) -> Iterable[str]:
    """The spellings in which a number or address is stored and hashed. A text that is neither is looked up as it is."""
    text = " ".join(typed.replace("\0", "").split())
    if not text:
        return ()
    return (email.normalize(text),) if "@" in text else phone.candidates(text, region=region)


def _opt_outs(session: Session, hashes: Collection[str]) -> list[DestinationOptOut]:
    of_any_type = DestinationOptOut.subscription_type_id.in_(select(SubscriptionType.id))  # so that the key is used
    return list(
        session.scalars(select(DestinationOptOut).where(of_any_type, DestinationOptOut.destination_hash.in_(hashes)))
    )


def _contacts(session: Session, meant: Mapping[str, str], known_ids: set[int]) -> list[Contact]:
    """The contacts that have or had it, by id: now, in an event, or before a change of number.

    Those that they were merged into are among them.

    :param meant: the spellings by their hash
    """
    of_events = select(ConsentEvent.contact_id).where(
        ConsentEvent.destination_hash.in_(meant), ConsentEvent.contact_id.is_not(None)
    )
    formerly = or_(false(), *(cast(Contact.former_phone_hashes, String).contains(each) for each in meant))
    conditions = (
        Contact.phone_hash.in_(meant),
        Contact.email.in_(meant.values()),
        Contact.former_phone_hashes.is_not(None) & formerly,
        Contact.id.in_([*known_ids, *session.scalars(of_events.distinct())]),
    )
    # one query for each, so that each uses its index
    contacts = {each.id: each for condition in conditions for each in session.scalars(select(Contact).where(condition))}
    while targets := {each.merged_into_id for each in contacts.values() if each.merged_into_id} - contacts.keys():
        contacts |= {each.id: each for each in session.scalars(select(Contact).where(Contact.id.in_(targets)))}
    return [contacts[each] for each in sorted(contacts)]


def _hashes_with_records(
    contacts: Iterable[Contact],
    lines: Iterable[LedgerLine],
    suppressions: Iterable[Suppression],
    opt_outs: Iterable[DestinationOptOut],
) -> set[str | None]:
    return {
        *(each.phone_hash for each in contacts),
        *(each.email_hash for each in contacts),
        *(former for each in contacts for former in each.former_phone_hashes or ()),
        *(each.event.destination_hash for each in lines),
        *(each.phone_hash for each in suppressions),
        *(each.destination_hash for each in opt_outs),
    }
