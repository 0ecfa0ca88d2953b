"""Which subscription types a contact is attached to, as Intercom counts it. The API and webhooks use it."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from app.core.consent.current_destination import is_opted_in
from app.models import Channel, Consent, ConsentState, ConsentType, SubscriptionType, TypeState

_CONSENT = Consent.__table__
_TYPE = SubscriptionType.__table__
# The columns that ``attached`` reads. Order the rows by the type's id.
COLUMNS = (
    _CONSENT.c.contact_id,
    _CONSENT.c.subscription_type_id,
    _CONSENT.c.state,
    _CONSENT.c.destination_hash,
    _TYPE.c.consent_type,
    _TYPE.c.channel,
    _TYPE.c.state.label("type_state"),
)
SOURCE = _CONSENT.join(_TYPE, _TYPE.c.id == _CONSENT.c.subscription_type_id)


class Attached(NamedTuple):
    """Ids of subscription types, and whether the contact opted in to a live type by SMS.

    ``opted_in`` holds opt-in types, for the contact's current number or address only; ``opted_out`` opt-out types.
    """

    opted_in: tuple[int, ...]
    opted_out: tuple[int, ...]
    has_sms_consent: bool


def attached(rows: Iterable[Any], hash_of: Callable[[str], str | None]) -> Attached:
    """The types that a contact is attached to.

    :param rows: the contact's consents, with ``COLUMNS``
    :param hash_of: the hash of the contact's current destination for a channel
    """
    opted_in, opted_out, has_sms_consent = [], [], False
    for _, type_id, state, destination_hash, consent_type, channel, type_state in rows:
        if state == ConsentState.OPTED_OUT:
            if consent_type == ConsentType.OPT_OUT:
                opted_out.append(type_id)
        elif is_opted_in(state, destination_hash, hash_of(channel)):
            if consent_type == ConsentType.OPT_IN:
                opted_in.append(type_id)
            has_sms_consent |= channel == Channel.SMS and type_state == TypeState.LIVE
    return Attached(tuple(opted_in), tuple(opted_out), has_sms_consent)
